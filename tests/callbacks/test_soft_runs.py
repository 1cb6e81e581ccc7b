"""Soft X-ray scans through the pipeline: whole, in pieces, and as they should not be."""

from dataclasses import replace

import numpy as np
import pytest
from run_documents import paged
from yield_documents import ENERGY_EV, YieldScan, absorption, beamline

from cgnmc_bluesky import replay
from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.soft import (
    BeamDamageAnalysis,
    SurfaceBulkAnalysis,
    YieldFractionAnalysis,
)
from cgnmc_bluesky.callbacks.xanes import EdgePositionAnalysis, FractionAnalysis
from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.standards import Library

KINDS = (
    EdgePositionAnalysis,
    FractionAnalysis,
    YieldFractionAnalysis,
    SurfaceBulkAnalysis,
    BeamDamageAnalysis,
)
BEAMLINE = beamline()
SCAN = YieldScan()
LIBRARY = Library()


def results_of(documents, settings=BEAMLINE, *, updates=False):
    """Results by analysis and mode, with updates after each document or without."""
    collector = ResultCollector()
    pipeline = Pipeline(KINDS, collector, beamline=settings, library=LIBRARY)
    for name, doc in documents:
        pipeline(name, doc)
        if updates:
            pipeline.update(curves=True)
    pipeline.close()
    return {(result.analysis, result.mode): result for result in collector.results}


def value_of(results, analysis, mode, name):
    """A value with its sigma."""
    result = results[analysis, mode]
    return result.values[name], result.sigmas[name]


def assert_believed(results, analysis, mode, name, truth, within=4.0):
    value, sigma = value_of(results, analysis, mode, name)
    assert results[analysis, mode].status is Status.FINAL
    assert value == pytest.approx(truth, abs=within * sigma)


def test_both_yields_their_difference_and_the_axis():
    found = results_of(replace(SCAN, offset_ev=0.4).documents())
    assert found.keys() == {
        ("ni2_fraction", "tey"),
        ("ni2_fraction", "pfy"),
        ("surface_bulk", None),
    }
    assert_believed(found, "ni2_fraction", "tey", "ni2_fraction", 0.4)
    assert_believed(found, "ni2_fraction", "pfy", "ni2_fraction", 0.3)
    assert_believed(found, "ni2_fraction", "pfy", "over_absorption", 0.15)
    assert_believed(found, "surface_bulk", None, "ni2_fraction_difference", 0.1)
    shift_ev, _ = value_of(found, "ni2_fraction", "tey", "calibration_shift_ev")
    assert shift_ev == pytest.approx(-0.4, abs=0.005)
    uncorrected, sigma = value_of(found, "ni2_fraction", "pfy", "ni2_fraction_uncorrected")
    assert abs(uncorrected - 0.3) > 0.02
    assert sigma > 0.02


@pytest.mark.parametrize("documents", [SCAN.documents(), replace(SCAN, sweeps=2).documents()])
def test_live_is_replay_to_the_last_bit(documents):
    live = results_of(documents, updates=True)
    for other in (results_of(documents), results_of(paged(documents, 17))):
        assert other.keys() == live.keys()
        for key, result in live.items():
            assert result.as_dict() == other[key].as_dict()
            for group, curves in result.curves.items():
                for name, values in curves.items():
                    np.testing.assert_array_equal(values, other[key].curves[group][name])


def test_a_sample_that_the_beam_changes():
    found = results_of(YieldScan(sweeps=3, growth=0.05).documents())
    assert_believed(found, "beam_damage", "tey", "fraction_drift", 0.1)
    assert "the beam may change the sample" in found["beam_damage", "tey"].reason
    assert "no drift beyond" in found["beam_damage", "pfy"].reason
    sweeps = found["beam_damage", "tey"].curves["sweeps"]
    np.testing.assert_allclose(sweeps["fraction"], [0.4, 0.45, 0.5], atol=0.01)
    units = found["beam_damage", "tey"].units
    assert (units["dose"], units["drift_per_dose"]) == ("A s", "1/(A s)")


def test_one_sweep_says_nothing_of_damage():
    assert not [key for key in results_of(SCAN.documents()) if key[0] == "beam_damage"]


def test_a_mesh_that_was_read_at_other_energies_is_interpolated_and_named():
    found = results_of(SCAN.documents(apart_ev=0.3))
    assert_believed(found, "ni2_fraction", "tey", "ni2_fraction", 0.4)
    assert "gold_mesh was read at other energies" in found["ni2_fraction", "tey"].reason


def test_a_mesh_that_was_read_elsewhere_is_no_mesh():
    found = results_of(SCAN.documents(apart_ev=100.0))
    for result in found.values():
        assert result.status is Status.FAILED
        assert "gold_mesh missing in 214 rows" in result.reason


@pytest.mark.parametrize("names", [(), ("NiO",)])
def test_a_missing_reference_is_named_with_what_to_add(names):
    found = results_of(SCAN.documents(), beamline(names=names))
    for result in found.values():
        assert result.status is Status.FAILED
        assert 'add [[reference]] with edge = "Ni L3"' in result.reason
    assert found["ni2_fraction", "tey"].values["ni2_fraction"] is None


def test_without_a_reference_sample_the_axis_is_fitted():
    found = results_of(replace(SCAN, offset_ev=0.3).documents(), beamline(reference=None))
    assert_believed(found, "ni2_fraction", "tey", "ni2_fraction", 0.4)
    assert value_of(found, "ni2_fraction", "tey", "calibration_shift_ev") == (None, None)
    assert "energies are moved by -0.30" in found["ni2_fraction", "tey"].reason


@pytest.mark.parametrize("in_the_light", [False, True])
def test_a_mesh_that_shows_the_edge_itself_tells_the_energies(in_the_light):
    """Its line may be of its own current, or of the light that both it and the sample get."""
    energy_ev = ENERGY_EV - 0.2
    line = 1 + 0.3 * absorption("Ni", energy_ev) / absorption("Ni", np.array([852.7]))

    def change(row, data):
        changed = ("gold_mesh", "sample_current", "sdd_ni_l") if in_the_light else ("gold_mesh",)
        for key in changed:
            data[key] *= line[row]

    found = results_of(
        replace(SCAN, offset_ev=0.2).documents(change), beamline(reference="gold_mesh")
    )
    assert_believed(found, "ni2_fraction", "tey", "ni2_fraction", 0.4)
    assert_believed(found, "ni2_fraction", "pfy", "ni2_fraction", 0.3)
    shift_ev, _ = value_of(found, "ni2_fraction", "tey", "calibration_shift_ev")
    assert shift_ev == pytest.approx(-0.2, abs=0.02)


def test_a_scan_far_from_its_standards_is_not_believed():
    found = results_of(replace(SCAN, offset_ev=1.4).documents(), beamline(reference=None))
    assert found["ni2_fraction", "tey"].status is Status.FAILED
    assert "from its standards" in found["ni2_fraction", "tey"].reason


def test_a_reference_sample_that_contradicts_the_standards_is_doubted():
    readings = SCAN.readings()
    moved = np.interp(ENERGY_EV - 0.15, ENERGY_EV, readings["reference_current"])

    def change(row, data):
        data["reference_current"] = float(moved[row])

    found = results_of(SCAN.documents(change))
    assert_believed(found, "ni2_fraction", "tey", "ni2_fraction", 0.4, within=2.0)
    assert "sigmas hold that" in found["ni2_fraction", "tey"].reason


def drained(row, data):
    for key in ("sample_current", "gold_mesh"):
        data[key] *= -1


def unread(row, data):
    if 60 < row < 70:
        data["gold_mesh"] = 0.0
    if row % 17 == 0:
        data["sample_current"] = float("nan")


def dumped(row, data):
    if row > 190:
        for key in ("gold_mesh", "sample_current", "sdd_ni_l", "reference_current"):
            data[key] *= 1e-4


def glitched(row, data):
    if row == 60:
        data["sample_current"] *= 3


def dark(row, data):
    data["reference_current"] = 1.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drained, "sample_current is negative: its sign is turned"),
        (unread, "sample_current missing in 12 rows"),
        (dumped, "gold_mesh without beam in 23 rows"),
        (glitched, "sample_current glitch left out at 854.4 eV"),
        (dark, "reference sample channel reference_current"),
    ],
)
def test_what_was_left_out_is_named_and_the_rest_carries_the_result(change, words):
    found = results_of(SCAN.documents(change))
    assert words in found["ni2_fraction", "tey"].reason
    assert_believed(found, "ni2_fraction", "tey", "ni2_fraction", 0.4)


def test_a_detector_that_counts_nothing_fails_alone():
    def nothing(row, data):
        data["sdd_ni_l"] = 0.0

    results = results_of(SCAN.documents(nothing))
    assert results["ni2_fraction", "pfy"].status is Status.FAILED
    assert "no edge like the standards" in results["ni2_fraction", "pfy"].reason
    assert results["ni2_fraction", "tey"].status is Status.FINAL


def test_energies_in_kev_are_named_with_the_remedy():
    def change(row, data):
        data["pgm_energy"] /= 1000

    for result in results_of(SCAN.documents(change)).values():
        assert result.status is Status.FAILED
        assert 'give energy_unit = "keV"' in result.reason


def test_a_scan_that_ends_before_the_edge_waits():
    documents = SCAN.documents()
    events = [document for document in documents if document[0] == "event"]
    short = [*documents[:2], *events[:50], documents[-1]]
    for result in results_of(short).values():
        assert result.status is Status.WAITING
        assert "the run ended before that" in result.reason


def test_another_substance_is_not_taken_for_a_mixture():
    readings = SCAN.readings()
    metal = readings["reference_current"]

    def change(row, data):
        data["sample_current"] = float(metal[row])

    found = results_of(SCAN.documents(change))
    assert found["ni2_fraction", "tey"].status is Status.FAILED
    assert found["surface_bulk", None].status is Status.FAILED
    assert_believed(found, "ni2_fraction", "pfy", "ni2_fraction", 0.3)


def test_spectra_of_the_detector_are_summed_over_the_emission():
    def change(row, data):
        spectrum = np.zeros(300)
        spectrum[170], spectrum[100] = data["sdd_ni_l"], 5000.0
        data["sdd_ni_l"] = spectrum.tolist()

    documents = SCAN.documents(change)
    found = results_of(documents, beamline(channel_ev={"gain": 5.0}))
    assert_believed(found, "ni2_fraction", "pfy", "ni2_fraction", 0.3)


@pytest.mark.parametrize(
    ("asked", "truth"), [(0.15, 0.3), ("none", None)], ids=["a number", "none"]
)
def test_over_absorption_as_the_configuration_says(asked, truth):
    found = results_of(SCAN.documents(), beamline(over_absorption=asked))
    result = found["ni2_fraction", "pfy"]
    if truth is None:
        assert "uncorrected for over-absorption" in result.reason
        assert result.values["ni2_fraction"] == result.values["ni2_fraction_uncorrected"]
    else:
        assert_believed(found, "ni2_fraction", "pfy", "ni2_fraction", truth)
        assert result.values["over_absorption"] == pytest.approx(asked)


def test_hard_scans_have_no_yields_and_soft_ones_no_edge_position():
    found = list(replay(SCAN.documents(), BEAMLINE))
    assert {result.analysis for result in found} == {"ni2_fraction", "surface_bulk"}
