"""What is known to be done of a series, from any source."""

import json
from pathlib import Path
from typing import Any

import pytest
from catalog_documents import Documents, run_documents

from cgnmc_bluesky.catalogs import SourceError, done_samples

UIDS = [f"3e000000-0000-4000-8000-00000000000{number}" for number in range(6)]


def measured(number: int, sample: str, edge: str | None = "Ni L3", **metadata: Any) -> Documents:
    start = {"sample": sample, "series": "aged", "shape": [3], "time": 1.7e9 + number, **metadata}
    return run_documents(UIDS[number], **start, **({"edge": edge} if edge else {}))


def ended(run: Documents, **stop: Any) -> Documents:
    run[-1][1].update(stop)
    return run


@pytest.fixture(scope="module")
def series() -> Documents:
    return [
        *measured(0, "pristine"),
        *ended(measured(1, "50 cycles"), exit_status="fail"),
        *ended(measured(2, "100 cycles"), num_events={"primary": 2}),
        *measured(3, "pristine", "ni_l2,3"),
        *measured(4, "map", edge=None),
        *measured(5, "pristine", "Mn L3", series="another"),
    ]


def test_only_whole_runs_of_the_series_count(series: Documents) -> None:
    assert done_samples(series, "aged") == [("pristine", "Ni L3"), ("map", "")]
    assert done_samples(series, "another") == [("pristine", "Mn L3")]
    assert done_samples(series, "a third") == []


def test_a_run_that_goes_on_is_not_done(series: Documents) -> None:
    assert done_samples(measured(0, "pristine")[:-1], "aged") == []


def test_a_file_is_a_source_too(series: Documents, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(json.dumps(document) for document in series))
    assert done_samples(path, "aged") == [("pristine", "Ni L3"), ("map", "")]
    with pytest.raises(SourceError, match="not there"):
        done_samples(tmp_path / "none.jsonl", "aged")
