"""Fluorescence maps through a real Tiled server: the same numbers come back."""

from collections.abc import Iterator

import numpy as np
import pytest
from map_documents import MAKERS, MapRun, MeasuredMap, measured_map
from numpy.testing import assert_array_equal

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.catalogs import EmbeddedCatalog, Source, open_source
from cgnmc_bluesky.documents import RunReader

STORED = ("flyer", "ophyd_async", "xspress3", "events", "pages", "pixels", "area_detector")
"""Makers whose documents a writer understands that knows nothing of a beamline's own files."""

REPEATED = "repeated"


@pytest.fixture(scope="module")
def maps(tmp_path_factory) -> dict[str, MapRun]:
    random = np.random.default_rng(7)
    counts = random.integers(0, 4000, (4, 6, 2, 1024), dtype=np.uint32)
    measured = measured_map(counts, i0=random.uniform(1e4, 1e5, (4, 6)))
    folder = tmp_path_factory.mktemp("maps")
    made = {}
    for name in STORED:
        (folder / name).mkdir()
        made[name] = MAKERS[name](measured, folder / name)
    (folder / REPEATED).mkdir()
    return made | {REPEATED: repeated(measured, folder / REPEATED)}


def repeated(measured: MeasuredMap, folder) -> MapRun:
    """A run whose second row was measured again after a pause, by a flyer that kept the first try
    in its file.
    """
    run = MAKERS["flyer"](measured, folder)
    for name, doc in run.documents:
        if name == "stream_datum" and doc["indices"]["start"] >= 2:
            doc["seq_nums"] = {edge: number - 1 for edge, number in doc["seq_nums"].items()}
    return run


@pytest.fixture(scope="module")
def source(tmp_path_factory, maps) -> Iterator[Source]:
    folder = maps[STORED[0]].folder.parent
    with EmbeddedCatalog(tmp_path_factory.mktemp("catalog"), [folder]).open() as catalog:
        write = catalog.writer()
        for run in maps.values():
            for name, doc in run.documents:
                write(name, doc)
        assert write.flush()
        assert write.failures == {}
        yield open_source(catalog)


def rows_of(run: MapRun, documents) -> tuple[dict[str, np.ndarray], list[str]]:
    """Every role's readings, and the rows' numbers, in the order of these."""
    beamline = Beamline.from_dict(run.configuration())
    reader = RunReader(beamline.roles("xrf"), beamline.data.readable)
    blocks: list[Block] = [block for document in documents for block in reader(*document)]
    numbers = np.concatenate([block.seq_num for block in blocks])
    order = np.argsort(numbers, kind="stable")
    columns = {
        role: np.concatenate([block.values[role] for block in blocks])[order]
        for role in blocks[0].values
    }
    return columns | {"seq_num": numbers[order]}, reader.notes


def stored_documents(source: Source, run: MapRun) -> list:
    return list(source.find(run.documents[0][1]["uid"]).documents())


@pytest.mark.parametrize("maker", STORED)
def test_a_map_comes_back_as_it_was(maps, source, maker) -> None:
    run = maps[maker]
    before, no_notes = rows_of(run, run.documents)
    after, notes = rows_of(run, stored_documents(source, run))
    assert before.keys() == after.keys()
    for role, values in before.items():
        assert values.dtype == after[role].dtype
        assert_array_equal(after[role], values, err_msg=role)
    assert notes == no_notes == []


def test_a_row_measured_again_comes_back_as_two(maps, source) -> None:
    """The server numbers stream data by their place in the file: only a flyer that leaves no trace
    of a first try (as the simulated one) is replayed as it was seen.
    """
    run = maps[REPEATED]
    live, _ = rows_of(run, run.documents)
    stored, _ = rows_of(run, stored_documents(source, run))
    assert live["seq_num"].tolist() == [1, 2, 2, 3]
    assert stored["seq_num"].tolist() == [1, 2, 3, 4]
    assert_array_equal(stored["spectra_1"], live["spectra_1"])
