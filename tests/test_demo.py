"""The demo as a user meets it."""

import csv
import os
import signal
import subprocess
import sys

import pytest

from cgnmc_bluesky.demo.measured import series_folder
from cgnmc_bluesky.demo.report import Line


def test_the_demo_ends_well(beamtime):
    assert (beamtime.status, beamtime.err) == (0, "")
    assert "gives all 14 results as they were during the scans, to the last bit" in beamtime.out
    assert beamtime.left_running == []


def test_the_summary_is_near_the_truth(beamtime):
    with (beamtime.folder / "summary.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    fractions = [row for row in rows if row["quantity"] == "ni2_fraction"]
    assert [float(row["truth"]) for row in fractions] == [0.33, 0.45, 0.33, 0.33]
    assert all(abs(float(row["pull"])) < 4 for row in fractions)
    ratios = {(row["sample"], row["quantity"]): row for row in rows if "mn_ni" in row["quantity"]}
    assert len(ratios) == 4
    for row in ratios.values():
        assert float(row["result"]) == pytest.approx(float(row["truth"]), rel=0.05)


def test_the_releases_of_both_materials_are_near_the_truth(beamtime):
    with (beamtime.folder / "summary.csv").open(encoding="utf-8") as lines:
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
    assert "times as wide" in (beamtime.folder / "report.md").read_text(encoding="utf-8")


def test_the_report_shows_pictures_that_are_there(beamtime):
    folder = beamtime.folder
    report = (folder / "report.md").read_text(encoding="utf-8")
    pictures = [line.rpartition("(")[2].rstrip(")") for line in report.splitlines() if "![" in line]
    scans = {f"scan{number:04d}.png" for number in range(1, 9)}
    assert {"trend.png", "comparison.png", *scans} <= set(pictures)
    assert all((folder / picture).stat().st_size > 10_000 for picture in pictures)


def test_the_measured_series_is_analysed_where_it_is_there(beamtime, shared):
    if series_folder() is None:
        pytest.skip("the demo finds CGNMC_SHARED_DATA or ../shared/data alone")
    assert "fraction against charge" in beamtime.out
    assert (beamtime.folder / "measured.png").is_file()


def test_ctrl_c_leaves_nothing_behind(tmp_path, processes_on):
    process = subprocess.Popen(
        [sys.executable, "-m", "cgnmc_bluesky", "demo", "--seed", "1"],
        cwd=tmp_path,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "scan 1 of 8" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == "cgnmc: interrupted\n"
    assert (tmp_path / "cgnmc-demo" / "catalog").is_dir()
    assert processes_on(tmp_path) == []


def test_a_pull_needs_a_value_and_a_sigma():
    assert Line(1, "", "ni2_fraction", 0.33, 0.35, 0.01).pull == pytest.approx(2.0)
    assert Line(1, "", "ni2_fraction", 0.33, None, None).pull is None
