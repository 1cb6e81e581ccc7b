"""The command line as a user or a script meets it."""

import csv
import json
import os
import pickle
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
from bluesky import RunEngine
from event_model import NumpyEncoder

from cgnmc_bluesky.cli import main
from cgnmc_bluesky.plans import xanes_scan
from cgnmc_bluesky.sim import Fault, SimulatedBeamline

REGIONS = [[-120.0, -20.0, 10.0], [-20.0, 40.0, 0.5], [40.0, 200.0, 5.0]]
EDGE_VALUES = {"edge_ev", "half_step_ev", "calibration_shift_ev", "edge_shift_ev", "edge_step"}
FRACTION_VALUES = {
    "fraction_NiO",
    "fraction_LiNiO2",
    "ni2_fraction",
    "ni3_fraction",
    "mean_valence",
    "reduced_chi2",
}


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cgnmc(tmp_path, monkeypatch, capsys):
    """Call the command line in an empty folder and return what came of it."""
    folder, own = surroundings(tmp_path)
    monkeypatch.chdir(folder)
    for name, value in own.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: object) -> Done:
        return Done(main([*map(str, arguments)]), *capsys.readouterr())

    return call


@pytest.fixture
def process(tmp_path):
    """Do the same in a process of its own, which takes a second or two to start."""

    def run(*arguments: object, **environment: str) -> Done:
        process = start(tmp_path, *arguments, **environment)
        out, err = process.communicate(timeout=180)
        return Done(process.returncode, out, err)

    return run


def start(folder: Path, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Begin a command in a process of its own."""
    here, own = surroundings(folder)
    return subprocess.Popen(
        [sys.executable, "-m", "cgnmc_bluesky", *map(str, arguments)],
        cwd=here,
        env={**os.environ, **own, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def surroundings(folder: Path) -> tuple[Path, dict[str, str]]:
    """An empty folder below another, and what keeps this machine's user out of a command."""
    here = folder / "here"
    here.mkdir(exist_ok=True)
    return here, {"XDG_STATE_HOME": str(folder / "state"), "COLUMNS": "200"}


def documents_of(*samples: str, faults=()) -> list[tuple[str, dict]]:
    """Documents of simulated scans."""
    found: list[tuple[str, dict]] = []
    engine = RunEngine()
    engine.subscribe(lambda name, doc: found.append((name, doc)))
    for sample in samples:
        beamline = SimulatedBeamline(sample, seed=1, faults=faults)
        detectors = [beamline.i0, beamline.it, beamline.ir]
        engine(xanes_scan(detectors, beamline.mono, regions=REGIONS, md=dict(beamline.metadata())))
    return found


def write_jsonl(path: Path, documents: list[tuple[str, dict]]) -> Path:
    lines = [json.dumps(document, cls=NumpyEncoder) for document in documents]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A file with the documents of two simulated scans."""
    documents = documents_of("conventional, pristine", "conventional, 100 cycles")
    return write_jsonl(tmp_path_factory.mktemp("runs") / "runs.jsonl", documents)


def lines_of(process: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line, parse_constant=pytest.fail) for line in process.stdout.splitlines()]


def test_json_is_one_line_for_each_run_and_analysis(process, runs):
    done = process("replay", runs, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = lines_of(done)
    assert [(line["scan_id"], line["analysis"]) for line in lines] == [
        (1, "edge_position"),
        (1, "ni2_fraction"),
        (2, "edge_position"),
        (2, "ni2_fraction"),
    ]
    for line in lines:
        names = EDGE_VALUES if line["analysis"] == "edge_position" else FRACTION_VALUES
        assert set(line["values"]) == set(line["sigmas"]) == set(line["units"]) == names
        assert (line["status"], line["mode"]) == ("final", "transmission")
        assert line["plan_name"] == "xanes_scan"
        assert "files" not in line
    assert abs(lines[1]["values"]["ni2_fraction"] - 0.33) < 5 * lines[1]["sigmas"]["ni2_fraction"]


def test_runs_are_chosen_by_number_and_uid(cgnmc, runs):
    uids = [line["run_uid"] for line in lines_of(cgnmc("replay", runs, "--json"))]
    for name, expected in (("-1", uids[-1]), ("1", uids[0]), (uids[0][:8], uids[0])):
        found = lines_of(cgnmc("replay", runs, "--run", name, "--json"))
        assert {line["run_uid"] for line in found} == {expected}


def test_plan_and_date_narrow_the_choice(cgnmc, runs):
    assert len(lines_of(cgnmc("replay", runs, "--plan", "xanes_scan", "--json"))) == 4
    assert len(lines_of(cgnmc("replay", runs, "--since", "2000-01-01", "--json"))) == 4


def test_what_cannot_be_given_is_null(cgnmc, tmp_path):
    documents = documents_of("NiO")
    before_edge = [(name, doc) for name, doc in documents if name != "event" or doc["seq_num"] < 8]
    done = cgnmc("replay", write_jsonl(tmp_path / "short.jsonl", before_edge), "--json")
    assert done.returncode == 0
    edge = lines_of(done)[0]
    assert edge["status"] == "waiting"
    assert edge["reason"]
    assert set(edge["values"]) == EDGE_VALUES
    assert edge["values"]["edge_ev"] is None


def test_a_failed_analysis_is_exit_status_1(process, tmp_path):
    faults = [Fault("zero", channel="i0")]
    dark = write_jsonl(tmp_path / "dark.jsonl", documents_of("NiO", faults=faults))
    done = process("replay", dark, "--json")
    assert "failed" in {line["status"] for line in lines_of(done)}
    assert (done.returncode, done.stderr) == (1, "")


def test_figures_tables_and_arrays_are_written_and_named(cgnmc, runs, tmp_path):
    out = tmp_path / "out"
    done = cgnmc("replay", runs, "--json", "--out", out, "--x", "time")
    assert (done.returncode, done.stderr) == (0, "")
    for line in lines_of(done):
        assert Path(line["files"]["figure"]).stat().st_size > 20_000
    with h5py.File(line["files"]["arrays"]) as file:
        entry = file[f"entry/{line['analysis']}_{line['mode']}"]
        assert entry.attrs["NX_class"] == "NXdata"
        signal = entry[entry.attrs["signal"]]
        assert signal.shape == entry[entry.attrs["axes"][0]].shape
        assert entry["energy_ev"].attrs["units"] == "eV"
        np.testing.assert_allclose(
            entry["mu"][:], entry["fit"][:] + entry["residual"][:], atol=1e-12
        )
    assert (out / "trend.png").stat().st_size > 10_000
    with (out / "ni2_fraction.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["scan_id"] for row in rows] == ["1", "2"]
    assert float(rows[1]["ni2_fraction"]) == line["values"]["ni2_fraction"]
    assert float(rows[0]["time since the first scan (h)"]) == 0.0


def test_the_table_says_where_the_files_are(cgnmc, runs, tmp_path):
    done = cgnmc("replay", runs, "--out", tmp_path / "out")
    assert done.returncode == 0
    assert "Ni²⁺ 0.3" in done.stdout
    assert str(tmp_path / "out") in done.stdout
    assert done.stderr == ""


def test_processes_give_the_same_lines(cgnmc, process, runs):
    alone = cgnmc("replay", runs, "--json")
    together = process("replay", runs, "--json", "--workers", "2")
    assert (together.returncode, together.stderr) == (0, "")
    assert together.stdout == alone.stdout


def test_measured_series_over_a_column(cgnmc, shared, tmp_path, monkeypatch):
    series = shared / "kedge_operando_LNO"
    config = Path(__file__).parents[1] / "examples" / "lno.toml"
    column = f"{series / 'index_time_charge.csv'}:x_Li_if_7.000mg"
    choice = [part for scan_id in (1, 10, 19) for part in ("--run", scan_id)]
    monkeypatch.setenv("CGNMC_SHARED_DATA", str(shared))
    done = cgnmc(
        "replay", series, "--config", config, "--out", tmp_path / "lno", "--x", column, *choice
    )
    assert (done.returncode, done.stderr) == (0, "")
    with (tmp_path / "lno" / "ni3_fraction.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [float(row["x Li if 7.000mg"]) for row in rows] == [0.9979, 0.585, 0.1722]
    assert [round(float(row["ni4_fraction"]), 1) for row in rows] == [0.0, 0.4, 1.0]


UNUSABLE = {
    "no source": (["replay"], "SOURCE"),
    "no such option": (["replay", "x", "--nonsense"], "--nonsense"),
    "no such command": (["nonsense"], "nonsense"),
    "too few workers": (["replay", "x", "--workers", "0"], "--workers"),
    "two ways": (["replay", "x", "--workers", "2", "--scheduler", "tcp://h:1"], "--scheduler"),
    "no such file": (["replay", "nowhere.jsonl"], "nowhere.jsonl"),
    "no such profile": (["replay", "profile:nonsense"], "nonsense"),
    "nobody listens": (["replay", "http://127.0.0.1:9"], "http://127.0.0.1:9"),
    "no such run": (["replay", "RUNS", "--run", "99"], "99"),
    "no such plan": (["replay", "RUNS", "--plan", "count"], "xanes_scan"),
    "nothing so late": (["replay", "RUNS", "--since", "2999-01-01"], "2999-01-01"),
    "no date": (["replay", "RUNS", "--since", "soon"], "soon"),
    "cannot be written": (["replay", "RUNS", "--write"], "--out"),
    "no such configuration": (["replay", "RUNS", "--config", "nowhere.toml"], "nowhere.toml"),
    "compare while writing": (["replay", "RUNS", "--write", "--verify"], "--verify"),
    "axis of nothing": (["replay", "RUNS", "--x", "time"], "--out"),
    "no such axis": (["replay", "RUNS", "--out", "o", "--x", "charge"], "charge"),
    "no such column": (["replay", "RUNS", "--out", "o", "--x", "here.csv:b"], "here.csv"),
    "log is a folder": (["--log", ".", "replay", "RUNS"], "Is a directory"),
    "out is a file": (["replay", "RUNS", "--out", "RUNS"], "runs.jsonl"),
    "nothing to compare with": (["compare", "RUNS", "1"], "RUN"),
    "nothing to check": (["check"], "beamline.toml"),
    "watch nothing": (["watch", "nowhere"], "nowhere"),
    "watch another machine": (["watch", "tcp://192.0.2.1:5578"], "--trust"),
    "watch no port": (["watch", "tcp://localhost"], "tcp://localhost"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_used_is_one_line_and_exit_status_2(cgnmc, runs, case):
    arguments, named = UNUSABLE[case]
    done = cgnmc(*(runs if argument == "RUNS" else argument for argument in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("cgnmc: ")
    assert named in line


def test_a_run_that_nothing_fits_names_the_missing_keys(cgnmc, runs, tmp_path):
    config = tmp_path / "other.toml"
    config.write_text('[xanes]\nenergy_ev = "mono_enrgy"\ni0 = "i0"\nitrans = "it"\n')
    done = cgnmc("replay", runs, "--config", config)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "mono_enrgy" in line
    assert "mono_energy" in line


def test_a_wrong_key_is_refused_with_its_nearest_spelling(cgnmc, runs, tmp_path):
    config = tmp_path / "wrong.toml"
    config.write_text('[xanes]\nenergy_ev = "mono_energy"\ni0 = "i0"\nitrnas = "it"\n')
    for arguments in (["replay", runs], ["check"]):
        done = cgnmc(*arguments, "--config", config)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert "itrans" in line


def test_measured_data_without_a_configuration_are_refused(cgnmc, tmp_path):
    rows = "\n".join(f"{energy} {energy / 1e4:.4f}" for energy in range(8300, 8400))
    (tmp_path / "scan.dat").write_text(f"# energy mu\n{rows}\n")
    done = cgnmc("replay", tmp_path / "scan.dat")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "beamline.toml" in done.stderr


def test_check_looks_at_what_the_runs_carry(cgnmc, runs):
    done = cgnmc("check", runs)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mono_energy" in done.stdout


def test_check_drafts_a_configuration_that_check_accepts(cgnmc, tmp_path):
    documents = [
        (name, {key: value for key, value in doc.items() if key != "beamline"})
        for name, doc in documents_of("NiO")
    ]
    runs = write_jsonl(tmp_path / "runs.jsonl", documents)
    drafted = cgnmc("check", runs)
    assert (drafted.returncode, drafted.stderr) == (0, "")
    config = tmp_path / "beamline.toml"
    config.write_text(drafted.stdout)
    done = cgnmc("check", runs, "--config", config)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok" in done.stdout


def test_tracebacks_go_to_the_log_and_with_debug_to_the_screen(process, tmp_path):
    quiet = process("replay", "nowhere", "--log", tmp_path / "own.log")
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in (tmp_path / "own.log").read_text()
    loud = process("--debug", "replay", "nowhere")
    assert "SourceError" in loud.stderr
    assert loud.stderr.splitlines()[-1].startswith("cgnmc: nowhere")
    assert list((tmp_path / "here").iterdir()) == []
    assert list((tmp_path / "state").rglob("cgnmc.log"))


def test_a_reader_that_goes_away_is_no_error(tmp_path, runs):
    process = start(tmp_path, "replay", runs, "--json")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 141


def test_version_help_and_completion(cgnmc, process):
    version = cgnmc("--version")
    assert re.fullmatch(r"cgnmc \d+\.\d+\S*\n", version.stdout)
    overview = cgnmc()
    assert overview.returncode == 0
    for command in ("demo", "replay", "compare", "watch", "ioc", "check"):
        assert command in overview.stdout
        told = cgnmc(command, "--help")
        assert told.returncode == 0
        assert f"cgnmc {command}" in told.stdout.partition("Examples")[2]
    completed = process(_CGNMC_COMPLETE="complete_bash", COMP_WORDS="cgnmc re", COMP_CWORD="1")
    assert completed.stdout.split() == ["replay"]


def test_watch_a_file_once(cgnmc, runs):
    done = cgnmc("watch", runs, "--once", "--timeout", "60", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = lines_of(done)
    assert {(line["scan_id"], line["analysis"]) for line in lines} == {
        (2, "edge_position"),
        (2, "ni2_fraction"),
    }


def test_watch_ends_at_ctrl_c(tmp_path, runs):
    process = start(tmp_path, "watch", runs, "--json")
    for _ in range(2):
        assert json.loads(process.stdout.readline())["status"] == "final"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_watch_a_socket_and_say_what_is_missing(tmp_path):
    import zmq

    documents = [
        (name, doc)
        for name, doc in documents_of("gradient, pristine")
        if name != "event" or doc["seq_num"] not in {5, 6, 9}
    ]
    context = zmq.Context()
    publisher = context.socket(zmq.XPUB)
    port = publisher.bind_to_random_port("tcp://127.0.0.1")
    process = start(tmp_path, "watch", f"tcp://127.0.0.1:{port}", "--json", "--once")
    try:
        assert publisher.poll(60_000)
        publisher.recv()
        for name, doc in documents:
            publisher.send(b" ".join([b"", name.encode(), pickle.dumps(doc)]))
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        publisher.close()
        context.term()
    assert process.returncode == 0
    assert {json.loads(line)["status"] for line in out.splitlines()} == {"final"}
    (line,) = err.splitlines()
    assert "3 of" in line
    assert "seq_num 5–6, 9" in line


def test_ioc_serves_until_it_is_interrupted(tmp_path):
    port = "5964"
    own = {
        "EPICS_CA_SERVER_PORT": port,
        "EPICS_CAS_SERVER_PORT": port,
        "EPICS_CA_ADDR_LIST": "127.0.0.1",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
    }
    process = start(tmp_path, "ioc", "--prefix", "TEST:", **own)
    assert "TEST:" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in {0, 130}
    assert len(err.splitlines()) <= 1
