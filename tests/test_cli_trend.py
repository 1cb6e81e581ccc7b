"""What a series of samples says, on the command line."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from event_model import compose_run

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.cli import main
from cgnmc_bluesky.results import ResultWriter, Subject

NI2 = {
    ("conventional", "tey"): {0: 0.42, 1: 0.45, 50: 0.53, 100: 0.62},
    ("conventional", "pfy"): {0: 0.33, 1: 0.335, 50: 0.325, 100: 0.332},
    ("gradient", "tey"): {0: 0.42, 1: 0.41, 50: 0.38, 100: 0.35},
    ("gradient", "pfy"): {0: 0.33, 1: 0.327, 50: 0.336, 100: 0.331},
}
UNITS = {"ni2_fraction": "", "mean_valence": ""}


def _measure(emit, *, failed: bool = False, **conditions) -> None:
    """Write a run that an analysis has looked at, without its data."""
    run = compose_run(metadata={"plan_name": "sxas_scan", "scan_id": 1, **conditions})
    emit("start", run.start_doc)
    emit("stop", run.compose_stop())
    for mode in ("tey", "pfy"):
        subject = replace(Subject.of(run.start_doc, "ni2_fraction", "1"), mode=mode)
        ni2 = NI2[conditions["material"], mode].get(conditions.get("cycles", 0), 0.4)
        values = {"ni2_fraction": ni2, "mean_valence": 3 - ni2}
        found = Estimate(Status.FINAL, "", UNITS, values, dict.fromkeys(values, 0.009))
        writer = ResultWriter(subject, emit)
        writer.update(Estimate(Status.FAILED, "no gold_mesh", UNITS) if failed else found, 0.0)
        writer.close()


@pytest.fixture
def stored(tmp_path) -> Path:
    """Runs of both materials with their results, and a run that belongs to no series."""
    return _file(tmp_path / "stored.jsonl", (0, 1, 50, 100), others=1)


def _file(path: Path, cycles, *, others: int = 0, failed: int | None = None) -> Path:
    lines: list[str] = []

    def emit(name, doc):
        lines.append(json.dumps([name, doc]))

    for count in cycles:
        for material in ("conventional", "gradient"):
            _measure(emit, failed=count == failed, material=material, cycles=count)
    for _ in range(others):
        _measure(emit, material="conventional")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _lines(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_material_and_yield_is_a_line(stored, capsys):
    assert main(["trend", str(stored), "--stored", "--json"]) == 0
    lines = _lines(capsys)
    verdicts = {
        (line["material"], line["mode"]): line["verdict"]
        for line in lines
        if line["analysis"] == "ni2_fraction_trend"
    }
    assert verdicts == {
        ("conventional", "tey"): "rises",
        ("conventional", "pfy"): "no change seen",
        ("gradient", "tey"): "falls",
        ("gradient", "pfy"): "no change seen",
    }
    first = lines[0]
    assert first["values"].keys() == first["sigmas"].keys() == first["units"].keys()
    assert first["values"]["change"] == pytest.approx(0.2)
    assert first["values"]["points"] == len(first["runs"]) == 4
    balances = [line for line in lines if line["analysis"] == "charge_balance"]
    assert [line["status"] for line in balances] == ["waiting", "waiting"]
    assert "Mn" in balances[0]["reason"]


def test_figure_and_tables_are_written(stored, tmp_path, capsys):
    out = tmp_path / "out"
    named = ["--value", "ni2_fraction", "--out", str(out), "--json"]
    assert main(["trend", str(stored), "--stored", *named]) == 0
    lines = _lines(capsys)
    assert {line["analysis"] for line in lines} == {"ni2_fraction_trend"}
    files = lines[0]["files"]
    assert set(files) == {"figure", "points", "trends"}
    assert Path(files["figure"]).stat().st_size > 20_000
    with Path(files["points"]).open(newline="", encoding="utf-8") as table:
        points = list(csv.DictReader(table))
    assert len(points) == 16
    assert (points[3]["cycles"], points[3]["value"], points[3]["mode"]) == ("100", "0.62", "tey")
    with Path(files["trends"]).open(newline="", encoding="utf-8") as table:
        assert [row["verdict"] for row in csv.DictReader(table)] == [
            line["verdict"] for line in lines
        ]


def test_the_table_says_it_in_words(stored, capsys):
    assert main(["trend", str(stored), "--stored", "--value", "ni2_fraction"]) == 0
    text = capsys.readouterr().out
    assert "rises: 0.2 ± 0.013 from 0 to 100 cycles" in text
    assert "left out, for they name no condition: 1 run" in text


def test_a_failed_sample_is_left_out_and_told(tmp_path, capsys):
    runs = _file(tmp_path / "failed.jsonl", (0, 50, 100), failed=50)
    assert main(["trend", str(runs), "--stored", "--json"]) == 1
    assert "failed, no gold_mesh" in _lines(capsys)[0]["reason"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--against", "cutoff_v"], "names its cutoff_v, which a series goes along; let the plan"),
        (["--stored", "--value", "ni_2"], "--value 'ni_2' is in no result; there are ni2_fraction"),
        (["--stored", "--workers", "2"], "--workers replays, and --stored does not; give one"),
        (["--plan", "xanes_scan"], "no run of plan 'xanes_scan'; its plans are sxas_scan"),
        (["--against", "time"], "cgnmc trend --help"),
    ],
)
def test_what_cannot_be_used_is_one_line(stored, capsys, arguments, told):
    assert main(["trend", str(stored), *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert told in err


def test_runs_without_results_are_to_be_replayed(tmp_path, capsys):
    runs = _file(tmp_path / "raw.jsonl", (0, 1))
    raw = [line for line in runs.read_text().splitlines() if "parent_uid" not in line]
    runs.write_text("\n".join(line for line in raw if '"sxas_scan"' in line) + "\n")
    assert main(["trend", str(runs), "--stored"]) == 2
    assert "leave --stored out to replay them" in capsys.readouterr().err
