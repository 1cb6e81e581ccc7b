"""Heating ramps on the command line: replayed into files, and compared."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
from bluesky import RunEngine
from event_model import NumpyEncoder

from cgnmc_bluesky.plans import heating_ramp
from cgnmc_bluesky.sim import SimulatedHotStage

RAMP = {"target_c": 300.0, "rate_c_per_min": 8.0, "pattern_period_s": 120.0, "ion_period_s": 6.0}
MATERIALS = ("conventional", "gradient", "stable")
CALLS = {
    "replayed": ["replay", "RAMPS", "--run", "1", "--json", "--out", "replayed"],
    "compared": ["compare", "RAMPS", "1", "2", "--json", "--out", "compared"],
    "the other way round": ["compare", "RAMPS", "-2", "-3", "--json"],
    "without onset": ["compare", "RAMPS", "1", "3"],
    "one run": ["compare", "RAMPS", "1", "1"],
    "no such run": ["compare", "RAMPS", "1", "99"],
    "no such option": ["compare", "RAMPS", "1", "--nonsense"],
    "without ions": ["compare", "RAMPS", "1", "2", "--config", "without_ions.toml"],
}
CALL_EACH = """
import contextlib, io, json, sys
from cgnmc_bluesky.cli import main
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    print(json.dumps([status, out.getvalue(), err.getvalue()]))
"""
WITHOUT_IONS = """
[heating]
temperature_c = "furnace_temperature"
ion_current = { "32" = "rga_mz_32" }
"""
CONTRASTS = {
    "t_rate_difference_c",
    "t_detect_difference_c",
    "t_first_deviation_difference_c",
    "t_extrapolated_difference_c",
    "t_peak_difference_c",
    "fwhm_ratio",
}


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def ramps(tmp_path_factory) -> Path:
    """A file with the documents of one ramp of each material."""
    lines: list[str] = []
    engine = RunEngine()
    engine.subscribe(lambda *document: lines.append(json.dumps(document, cls=NumpyEncoder)))
    for material in MATERIALS:
        stage = SimulatedHotStage(material, seed=2)
        plan = heating_ramp(
            stage.furnace, [stage.diffractometer], [stage.rga], **RAMP, md=stage.metadata(RAMP)
        )
        engine(plan)
    path = tmp_path_factory.mktemp("ramps") / "ramps.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def done(ramps) -> Callable[[str], Done]:
    """Status, output and error of each call, all made in one process to save its start."""
    folder = ramps.parent
    (folder / "without_ions.toml").write_text(WITHOUT_IONS, encoding="utf-8")
    calls = [[str(ramps) if each == "RAMPS" else each for each in call] for call in CALLS.values()]
    process = subprocess.run(
        [sys.executable, "-c", CALL_EACH],
        input=json.dumps(calls),
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    made = [Done(*json.loads(line)) for line in process.stdout.splitlines()]
    return dict(zip(CALLS, made, strict=True)).__getitem__


@pytest.mark.parametrize("call", list(CALLS)[:4])
def test_nothing_is_on_standard_error(done, call):
    assert (done(call).status, done(call).err) == (0, "")


def test_a_ramp_becomes_tables_plots_and_a_picture(done, ramps):
    lines = {line["analysis"]: line for line in map(json.loads, done("replayed").out.splitlines())}
    assert lines.keys() == {"o2_onset", "phases"}
    named = lines["o2_onset"]["files"]
    assert named.keys() == {"figure", "arrays", "trace", "release", "series"}
    files = {name: ramps.parent / path for name, path in named.items()}
    assert files["figure"].stat().st_size > 50_000
    columns = {name: _columns(files[name]) for name in ("trace", "release", "series")}
    assert {"time_s", "temperature_c", "ion_18", "ion_32", "ion_44"} <= columns["trace"].keys()
    assert {"background", "release", "release_sigma"} <= columns["release"].keys()
    assert {"c_over_a", "c_over_a_sigma", "layered_fraction"} <= columns["series"].keys()
    assert np.nanmax(columns["trace"]["temperature_c"]) == pytest.approx(300.0, abs=10.0)
    with h5py.File(files["arrays"]) as file:
        patterns = file["entry/phases_patterns"]
        shape = patterns["intensity"].shape
        assert shape == (len(patterns["temperature_c"]), len(patterns["two_theta_deg"]))
        assert shape[0] == len(columns["series"]["time_s"])


def _columns(path: Path) -> dict[str, np.ndarray]:
    with path.open(encoding="utf-8") as lines:
        head, *rows = csv.reader(lines)
    numbers = np.array([[float(cell or "nan") for cell in row] for row in rows])
    return dict(zip(head, numbers.T, strict=True))


def test_two_ramps_are_compared(done, ramps):
    line = json.loads(done("compared").out, parse_constant=pytest.fail)
    assert line["values"].keys() == line["sigmas"].keys() == line["units"].keys() == CONTRASTS
    assert (line["analysis"], line["scan_ids"]) == ("o2_onset_comparison", [1, 2])
    assert line["values"]["t_rate_difference_c"] is not None
    assert line["files"].keys() == {"figure", "table"}
    assert (ramps.parent / line["files"]["figure"]).stat().st_size > 50_000
    with (ramps.parent / line["files"]["table"]).open(encoding="utf-8") as lines:
        rows = {row["contrast"]: row for row in csv.DictReader(lines)}
    assert rows.keys() == CONTRASTS
    assert float(rows["t_rate_difference_c"]["value"]) == line["values"]["t_rate_difference_c"]


def test_the_order_of_the_runs_is_the_sign(done):
    values = [
        json.loads(done(call).out)["values"]["t_rate_difference_c"]
        for call in ("compared", "the other way round")
    ]
    assert values[0] == -values[1]


def test_where_one_has_no_onset_it_says_so(done):
    assert "not comparable" in done("without onset").out
    assert "no onset" in done("without onset").out


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("one run", "one run"),
        ("no such run", "99"),
        ("no such option", "--nonsense"),
        ("without ions", "rga_mz32"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_status_2(done, call, named):
    status, out, err = done(call)
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("cgnmc: ")
    assert named in line
