"""Results of several runs put together: what a line holds, and what is left out."""

import json
from dataclasses import replace

import pytest
from made_series import CYCLES, MATERIALS, fractions, result

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.beamline import ConfigurationError
from cgnmc_bluesky.series import charge_balances, kept_gradients, trends

CORE_SHELL = {"mn_ni_core": 0.214, "mn_ni_shell": 1.0, "gradient_width_um": 1.0}


@pytest.fixture
def measured():
    return list(fractions())


def found(results, analysis, mode, material):
    (one,) = [
        each
        for each in results
        if (each.analysis, each.mode, each.material) == (analysis, mode, material)
    ]
    return one


def test_every_quantity_mode_and_material_has_a_trend(measured):
    lines = trends(measured)
    assert len(lines) == 2 * 2 * 2 * 2
    tey = {name: found(lines, "ni2_fraction_trend", "tey", name) for name in MATERIALS}
    assert [tey[name].verdict for name in MATERIALS] == ["rises", "falls"]
    assert tey["conventional"].values["change"] == pytest.approx(0.20)
    flat = found(lines, "mn_mean_valence_trend", "pfy", "gradient")
    assert flat.verdict == "no change seen"
    assert flat.values["p_constant"] == pytest.approx(1.0)


def test_a_line_of_json_is_laid_down(measured):
    line = json.loads(json.dumps(trends(measured)[0].as_dict(), allow_nan=False))
    assert list(line) == [
        *("analysis", "mode", "material", "against", "status", "reason", "verdict"),
        *("values", "sigmas", "units", "runs"),
    ]
    assert list(line["values"]) == [
        *("mean", "slope_per_cycle", "change", "p_constant", "chi2", "chi2_line"),
        *("excess_sigma", "detectable_change", "points"),
    ]
    assert set(line["values"]) == set(line["sigmas"]) == set(line["units"])
    assert line["runs"] == [f"ni-conventional-{cycles}" for cycles in CYCLES]
    assert line["units"]["slope_per_cycle"] == "1/cycle"


def test_what_says_nothing_is_left_out_and_named(measured):
    chosen = [each for each in measured if each.analysis == "ni2_fraction"][:4]
    failed, none, bare = (
        replace(chosen[1], status=Status.FAILED, reason="no reference", scan_id=7),
        replace(chosen[2], values={"ni2_fraction": None, "mean_valence": None}, scan_id=8),
        replace(chosen[3], conditions={"material": "conventional"}, scan_id=9),
    )
    trend, _ = trends([*chosen, failed, none, bare])
    assert trend.values["points"] == 4
    assert [each.partition(" (")[0] for each in trend.left_out] == ["run 7", "run 8", "run 9"]
    for why in ("failed, no reference", "no ni2_fraction", "names no cycles"):
        assert why in trend.reason
    waiting, _ = trends([chosen[0], failed, none])
    assert (waiting.status, waiting.verdict) == (Status.WAITING, None)
    assert waiting.reason.startswith("samples at 0 cycles only")
    assert waiting.values["change"] is None
    assert trends([bare]) == []


def test_cut_off_voltages_make_series_of_their_own():
    def mapped(cycles, cutoff_v, width):
        values = {**CORE_SHELL, "gradient_width_um": width}
        conditions = {"material": "gradient", "cycles": cycles}
        conditions |= {"cutoff_v": cutoff_v} if cutoff_v else {}
        uid = f"{cycles}-{cutoff_v}"
        return result("mn_ni_ratio", values, 0.02, uid=uid, mode=None, conditions=conditions)

    maps = [mapped(0, None, 1.0), mapped(100, 4.4, 1.0), mapped(100, 4.8, 1.5)]
    widths = [each for each in trends(maps) if each.quantity == "gradient_width_um"]
    assert [each.as_dict()["cutoff_v"] for each in widths] == [4.4, 4.8]
    assert [each.verdict for each in widths] == ["no change seen", "rises"]
    assert [each.runs for each in widths] == [["0-None", "100-4.4"], ["0-None", "100-4.8"]]
    along = [each for each in trends(maps, against="cutoff_v") if "width" in each.quantity]
    assert [each.values["slope_per_v"] for each in along] == [pytest.approx(1.25)]
    kept = kept_gradients(maps)
    assert [each.verdict for each in kept] == ["kept", "altered"]
    assert [each.values["kept"] for each in kept] == [1.0, 0.0]
    assert kept[0].as_dict()["cycles"] == 100
    assert "one particle of each" in kept[0].reason
    alone = kept_gradients(maps[1:])
    assert [each.status for each in alone] == [Status.WAITING] * 2
    assert all("no pristine particle" in each.reason for each in alone)


def test_edges_are_not_mixed():
    scans = [
        replace(
            result("edge_position", {"edge_shift_ev": shift}, uid=f"{edge}{cycles}"),
            conditions={"cycles": cycles},
            about={"analysis": {"parameters": {"edge": edge}}},
        )
        for edge, shifts in (("Ni K", (0.0, -0.3)), ("Mn K", (0.0, 0.0)))
        for cycles, shift in zip((0, 100), shifts, strict=True)
    ]
    lines = [each.as_dict() for each in trends(scans)]
    assert [(line["edge"], line["verdict"]) for line in lines] == [
        ("Ni K", "falls"),
        ("Mn K", "no change seen"),
    ]
    assert lines[0]["material"] is None


def test_charge_is_balanced_with_the_surface_of_the_configuration(measured):
    assumed = charge_balances(measured)
    assert [each.material for each in assumed] == list(MATERIALS)
    assert [each.values["electrons_gained_mn"] for each in assumed] == pytest.approx([0.12, 0.24])
    assert [each.values["electrons_released_ni"] for each in assumed] == pytest.approx(
        [0.12, -0.028]
    )
    limits = [
        (each.values["limit_gained_mn"], each.values["limit_released_ni"]) for each in assumed
    ]
    assert limits == [(0.4, 0.6), (0.8, 0.4)]
    assert all("as in the paper" in each.reason for each in assumed)
    table = {"name": "gradient", "surface": {"ni": 0.5, "mn": 0.3, "co": 0.2}}
    told = charge_balances(measured, beamline=Beamline.from_dict({"material": [table]}))
    assert told[1].values["electrons_gained_mn"] == pytest.approx(0.18)
    assert "as in the paper" not in told[1].reason


def test_a_balance_waits_for_what_it_lacks(measured):
    only_ni = [each for each in measured if each.analysis == "ni2_fraction"]
    assert {each.reason for each in charge_balances(only_ni)} == {
        "no mean valence of Mn; measure its L3 edge"
    }
    shorter = [
        each
        for each in measured
        if each.analysis == "ni2_fraction" or each.conditions["cycles"] < 100
    ]
    assert "Ni was measured up to 100 cycles and Mn up to 50" in charge_balances(shorter)[0].reason
    others = [replace(each, conditions={**each.conditions, "material": "B"}) for each in measured]
    assert "[[material]]" in charge_balances(others)[0].reason


@pytest.mark.parametrize(
    ("surface", "message"),
    [
        ({"ni": 0.4, "mn": 0.4, "co": 0.1}, "add up to 0.9"),
        ({"ni": 0.4, "mn": 0.4, "cu": 0.2}, "did you mean 'co'"),
    ],
)
def test_a_surface_that_is_none_is_refused(surface, message):
    with pytest.raises(ConfigurationError, match=message):
        Beamline.from_dict({"material": [{"name": "gradient", "surface": surface}]})
