"""The demo as a user meets it, and what can be done with the catalog that it leaves."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cgnmc_bluesky.catalogs import EmbeddedCatalog
from cgnmc_bluesky.demo.measured import series_folder
from cgnmc_bluesky.demo.report import Line


def _start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cgnmc_bluesky", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    process = _start(folder, *arguments)
    out, err = process.communicate(timeout=280)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _processes_on(folder: Path) -> list[str]:
    """Command lines of processes that hold a file below a folder open."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            files = [os.readlink(link) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        if process.name.isdecimal() and any(str(folder) in file for file in files):
            found.append((process / "cmdline").read_text())
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, _run(folder, "demo", "--seed", "1")


def test_the_demo_ends_well(demo):
    folder, done = demo
    assert (done.returncode, done.stderr) == (0, "")
    assert "gives all 14 results as they were during the scans, to the last bit" in done.stdout
    assert _processes_on(folder) == []


def test_the_summary_is_near_the_truth(demo):
    with (demo[0] / "cgnmc-demo" / "summary.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    fractions = [row for row in rows if row["quantity"] == "ni2_fraction"]
    assert [float(row["truth"]) for row in fractions] == [0.33, 0.45, 0.33, 0.33]
    assert all(abs(float(row["pull"])) < 4 for row in fractions)
    ratios = {(row["sample"], row["quantity"]): row for row in rows if "mn_ni" in row["quantity"]}
    assert len(ratios) == 4
    for row in ratios.values():
        assert float(row["result"]) == pytest.approx(float(row["truth"]), rel=0.05)


def test_the_releases_of_both_materials_are_near_the_truth(demo):
    with (demo[0] / "cgnmc-demo" / "summary.csv").open(encoding="utf-8") as lines:
        rows = {(row["scan"], row["quantity"]): row for row in csv.DictReader(lines)}
    for scan in ("7", "8"):
        assert abs(float(rows[scan, "t_rate_c"]["pull"])) < 4
        assert float(rows[scan, "layered_fraction"]["result"]) == pytest.approx(
            float(rows[scan, "layered_fraction"]["truth"]), abs=0.03
        )
        for quantity, most in (("t_peak_c", 0.03), ("fwhm_c", 0.15)):
            row = rows[scan, quantity]
            assert float(row["result"]) == pytest.approx(float(row["truth"]), rel=most)
    assert abs(float(rows["8", "t_rate_difference_c"]["pull"])) < 4
    assert float(rows["8", "fwhm_ratio"]["result"]) > 4
    assert "times as wide" in (demo[0] / "cgnmc-demo" / "report.md").read_text(encoding="utf-8")


def test_the_report_shows_pictures_that_are_there(demo):
    folder = demo[0] / "cgnmc-demo"
    report = (folder / "report.md").read_text(encoding="utf-8")
    pictures = [line.rpartition("(")[2].rstrip(")") for line in report.splitlines() if "![" in line]
    scans = {f"scan{number:04d}.png" for number in range(1, 9)}
    assert {"trend.png", "comparison.png", *scans} <= set(pictures)
    assert all((folder / picture).stat().st_size > 10_000 for picture in pictures)


def test_the_measured_series_is_analysed_where_it_is_there(demo, shared):
    if series_folder() is None:
        pytest.skip("the demo finds CGNMC_SHARED_DATA or ../shared/data alone")
    assert "fraction against charge" in demo[1].stdout
    assert (demo[0] / "cgnmc-demo" / "measured.png").is_file()


@pytest.fixture
def catalog(demo):
    """The demo's catalog, served once for all commands of a test."""
    with EmbeddedCatalog(demo[0] / "cgnmc-demo" / "catalog").open() as served:
        yield served.directory


def test_its_catalog_can_be_verified_written_and_found_different(demo, catalog, tmp_path):
    folder, _ = demo
    verified = _run(folder, "replay", catalog, "--run", "2", "--verify")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert "identical" in verified.stdout
    other = tmp_path / "other.toml"
    roles = '[xanes]\nenergy_ev = "mono_energy"\ni0 = "i0"\nitrans = "it"\nirefer = "ir"\n'
    other.write_text(roles + '[[foil]]\nedge = "Ni K"\nenergy_ev = 8331.5\n')
    chosen = ("replay", catalog, "--run", "2", "--json")
    written = _run(folder, *chosen, "--config", other, "--write")
    assert (written.returncode, written.stderr) == (0, "")
    differs = _run(folder, *chosen, "--verify")
    assert differs.returncode == 1
    assert "edge_ev" in differs.stderr
    restored = _run(folder, *chosen, "--write")
    assert restored.returncode == 0
    assert _run(folder, *chosen, "--verify").returncode == 0
    assert {json.loads(line)["scan_id"] for line in restored.stdout.splitlines()} == {2}


def test_ctrl_c_leaves_nothing_behind(tmp_path):
    process = _start(tmp_path, "demo", "--out", tmp_path / "short")
    while "scan 1 of 8" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == "cgnmc: interrupted\n"
    assert _processes_on(tmp_path) == []


def test_a_pull_needs_a_value_and_a_sigma():
    assert Line(1, "", "ni2_fraction", 0.33, 0.35, 0.01).pull == pytest.approx(2.0)
    assert Line(1, "", "ni2_fraction", 0.33, None, None).pull is None
