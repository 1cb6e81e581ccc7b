"""One real server for all tests that need one, with a raw run, its result and an unfinished run."""

from collections.abc import Iterator

import pytest
from catalog_documents import RAW, RESULT, UNFINISHED, Documents, run_documents

from cgnmc_bluesky.catalogs import EmbeddedCatalog


@pytest.fixture(scope="session")
def raw_documents() -> Documents:
    series = {"series": "as delivered", "edge": "Ni K", "shape": [3]}
    return run_documents(RAW, scan_id=7, plan_name="xanes_scan", sample="NMC811", **series)


@pytest.fixture(scope="session")
def catalog(tmp_path_factory, raw_documents) -> Iterator[EmbeddedCatalog]:
    """A catalog behind a real server, into which runs were written while it was starting."""
    directory = tmp_path_factory.mktemp("catalog")
    with EmbeddedCatalog(directory).open_in_background() as opened:
        write = opened.writer()
        result = run_documents(
            RESULT, 1, time=1.7e9 + 60, purpose="analysis", parent_uid=RAW, parent_scan_id=7
        )
        preview = run_documents(RESULT, 2, stream="spectrum_preview")[1:-1]
        unfinished = run_documents(UNFINISHED, 2, time=1.7e9 - 60, scan_id=6)[:-1]
        for name, doc in [*raw_documents, *result[:-1], *preview, result[-1], *unfinished]:
            write(name, doc)
        assert write.flush()
        assert write.failures == {}
        yield opened
