"""What two releases against each other say, without a process of their own."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.cli.contrasts import Comparison
from cgnmc_bluesky.results import Result

NAMES = ("t_detect_c", "t_rate_c", "t_first_deviation_c", "t_extrapolated_c", "t_peak_c", "fwhm_c")


def _result(run_uid, sample, numbers, sigmas, **about) -> Result:
    return Result(
        run_uid=run_uid,
        scan_id=int(run_uid[-1]),
        plan_name="heating_ramp",
        sample=sample,
        analysis="o2_onset",
        mode=None,
        status=about.get("status", Status.FINAL),
        reason=about.get("reason", ""),
        values={**dict(zip(NAMES, numbers, strict=True)), "rate_c_per_min": about.get("rate", 4.0)},
        sigmas=dict(zip(NAMES, sigmas, strict=True)),
        units=dict.fromkeys(NAMES, "degC"),
        about={"analysis": {"version": "1", "parameters": {}, "references": []}},
    )


SHARP = _result(
    "run-1", "conventional", (191, 189, 185, 195, 206, 16), (None, 1.2, 2.5, 0.7, 0.3, 0.4)
)
WIDE = _result("run-2", "gradient", (205, 194, 186, 199, 260, 95), (None, 2.0, 3.0, 2.5, 2.0, 5.0))
NONE = _result("run-3", "stable", (None,) * 6, (None,) * 6, reason="no onset up to 500 °C")


def test_a_line_of_json_has_every_value():
    line = Comparison.of(SHARP, WIDE).as_dict()
    assert json.loads(json.dumps(line)) == line
    assert (line["run_uids"], line["scan_ids"]) == (["run-1", "run-2"], [1, 2])
    assert (line["status"], line["reason"]) == ("final", "")
    assert line["values"]["t_rate_difference_c"] == 5
    assert line["sigmas"]["t_detect_difference_c"] is None
    assert line["values"].keys() == line["sigmas"].keys() == line["units"].keys()
    assert (line["units"]["fwhm_ratio"], line["units"]["t_peak_difference_c"]) == ("", "degC")
    nothing = Comparison.of(SHARP, NONE).as_dict()
    assert nothing["values"] == dict.fromkeys(line["values"])


def test_it_says_what_sets_them_apart():
    there, back = Comparison.of(SHARP, WIDE), Comparison.of(WIDE, SHARP)
    assert there.headline == (
        "gradient against conventional: O₂ onset 5.0 ± 2.3 °C later, "
        "release 5.9 ± 0.3 times as wide"
    )
    assert "5.0 ± 2.3 °C earlier, release 0.168 ± 0.010 times" in back.headline


def test_it_says_what_cannot_be_compared():
    comparison = Comparison.of(NONE, WIDE)
    assert comparison.reason == (
        "not comparable: O₂ onset, detected, first deviation, extrapolated, peak, FWHM: "
        "stable has none (no onset up to 500 °C)"
    )
    assert comparison.headline.endswith(comparison.reason)


def test_a_peak_that_has_not_passed_is_missing_alone():
    early = replace(
        WIDE, values={**WIDE.values, "t_peak_c": None, "fwhm_c": None}, reason="m/z 44 is missing"
    )
    comparison = Comparison.of(SHARP, early)
    assert comparison.reason == "not comparable: peak, FWHM: gradient has none"
    assert comparison.headline.endswith("O₂ onset 5.0 ± 2.3 °C later")


def test_values_that_are_not_believed_are_not_compared():
    comparison = Comparison.of(SHARP, replace(WIDE, status=Status.FAILED, reason="no m/z 32"))
    assert comparison.status is Status.FAILED
    assert "gradient has none (no m/z 32)" in comparison.reason


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (Status.FINAL, Status.PROVISIONAL, Status.PROVISIONAL),
        (Status.WAITING, Status.PROVISIONAL, Status.WAITING),
        (Status.WAITING, Status.FAILED, Status.FAILED),
    ],
)
def test_it_is_believed_as_far_as_the_weaker_of_the_two(first, second, both):
    comparison = Comparison.of(replace(SHARP, status=first), replace(WIDE, status=second))
    assert comparison.status is both


def test_other_rates_are_remarked_on():
    fast = replace(WIDE, values={**WIDE.values, "rate_c_per_min": 8.0})
    assert "gradient at 8.0" in Comparison.of(SHARP, fast).reason


def test_runs_of_one_sample_are_told_apart_by_their_scans():
    again = replace(WIDE, sample="conventional")
    assert Comparison.of(SHARP, again).labels == ("scan 1 · conventional", "scan 2 · conventional")


def test_the_table_has_a_line_for_each_quantity():
    console = Console(file=StringIO(), width=120)
    console.print(Comparison.of(SHARP, WIDE).table())
    head, *lines = console.file.getvalue().splitlines()
    assert "conventional" in head
    assert len(lines) == 6
    words = " ".join(lines[0].split())
    assert words == "O₂ onset 189.0 ± 1.2 °C 194.0 ± 2.0 °C +5.0 ± 2.3 °C +2.1"
    assert "× 5.9 ± 0.3" in lines[-1]
