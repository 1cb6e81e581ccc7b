"""That the benchmarks run, in a way that is too small for any figure; nothing here is timed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES
from benchmarks.figure import Figure

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def told(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """All figures, from one process: Larch takes its time to import."""
    file = tmp_path_factory.mktemp("benchmarks") / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--tiny", "--json", str(file)],
        cwd=ROOT,
        env={**os.environ, "CGNMC_SHARED_DATA": str(shared)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "reached" in done.stdout
    figures: list[dict[str, object]] = json.loads(file.read_text(encoding="utf-8"))
    return figures


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs(name: str, told: list[dict[str, object]]) -> None:
    assert [figure for figure in told if figure["benchmark"] == name]


def test_every_benchmark_is_listed() -> None:
    modules = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    assert set(NAMES) <= modules


@pytest.mark.parametrize(
    ("value", "bounds", "reached"),
    [
        (0.5, {}, None),
        (0.5, {"at_most": 0.5}, True),
        (0.6, {"at_most": 0.5}, False),
        (94.0, {"at_least": 95.0}, False),
        (0.75, {"at_least": 0.62, "at_most": 0.74}, False),
        (float("nan"), {"at_most": 1.0}, False),
    ],
)
def test_a_bound_is_reached_or_not(
    value: float, bounds: dict[str, float], reached: bool | None
) -> None:
    assert Figure("something", value, **bounds).reached is reached
