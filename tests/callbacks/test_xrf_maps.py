from dataclasses import replace

import event_model
import numpy as np
import pytest
from map_documents import (
    event_run,
    flyer_run,
    hxn_run,
    measured_map,
    page_run,
    pixel_run,
    srx_run,
)
from run_documents import as_from_tiled
from simulated_maps import ELEMENTS, map_of, results_of, same_bits

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.sim.particle import PARTICLES

GRADIENT = PARTICLES["gradient"]
TRUTH = GRADIENT.truth()


@pytest.fixture(scope="module")
def measured():
    return map_of()


@pytest.fixture(scope="module")
def run(measured, tmp_path_factory):
    return flyer_run(measured, tmp_path_factory.mktemp("map"))


@pytest.fixture(scope="module")
def found(run):
    return results_of(run)


def test_core_and_shell_come_to_their_truth(found):
    [result] = found
    assert (result.status, result.particle) == (Status.FINAL, 1)
    for name in ("mn_ni_core", "core_ni", "core_mn", "core_co", "shell_ni", "shell_mn"):
        assert result.sigmas[name] < 0.1 * TRUTH[name]
        assert (
            abs(result.values[name] - TRUTH[name]) < 4 * result.sigmas[name] + 0.005 * TRUTH[name]
        )
    assert result.values["mn_ni"] == pytest.approx(TRUTH["mn_ni"], rel=5e-3)
    assert result.values["particle_radius_um"] == pytest.approx(5.0, abs=0.02)
    assert result.values["gradient_width_um"] == pytest.approx(0.8, rel=0.1)
    assert result.values["gradient_centre_um"] == pytest.approx(4.3, abs=0.05)


def test_every_value_has_a_unit_and_a_sigma(found):
    [result] = found
    for name, value in result.values.items():
        assert (value is None) == (result.sigmas[name] is None) or name in {"pixels", "longer_s"}


def test_pixels_beside_the_particle_carry_no_ratio(found):
    pixels = found[0].curves["map"]
    beside = pixels["particle"] == 0
    assert beside.sum() > 100
    assert np.isnan(pixels["mn_ni"][beside]).all()
    assert np.isfinite(pixels["mn_ni"][~beside]).mean() > 0.9


def test_updates_documents_and_makers_orders_do_not_change_a_bit(run, found):
    assert same_bits(found, results_of(run, updates=True))
    assert same_bits(found, results_of(run, documents=as_from_tiled(run.documents)))


def test_events_and_pages_give_the_same_bits(measured, tmp_path):
    by_event = results_of(event_run(measured, tmp_path), updates=True)
    by_page = results_of(page_run(measured, tmp_path))
    for one, other in zip(by_event, by_page, strict=True):
        assert one.values == other.values
        assert one.sigmas == other.sigmas


@pytest.mark.parametrize("maker", [event_run, srx_run, hxn_run, pixel_run])
def test_every_makers_run_gives_the_same_numbers(maker, measured, found, tmp_path):
    [result] = results_of(maker(measured, tmp_path))
    for name, value in found[0].values.items():
        if name != "longer_s" and value is not None:
            near = max(2e-3, 0.3 * (found[0].sigmas[name] or 0.0))
            assert result.values[name] == pytest.approx(value, abs=near), name


def test_the_documents_are_valid(run):
    from cgnmc_bluesky.beamline import Beamline
    from cgnmc_bluesky.callbacks.pipeline import Pipeline
    from cgnmc_bluesky.callbacks.xrf import MnNiRatioAnalysis

    documents = []
    beamline = Beamline.from_dict(run.configuration())
    pipeline = Pipeline(
        (MnNiRatioAnalysis,), lambda name, doc: documents.append((name, doc)), beamline=beamline
    )
    for name, doc in run.documents:
        pipeline(name, doc)
    for name, doc in documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(
            event_model.sanitize_doc(doc)
        )
    names = [doc["name"] for name, doc in documents if name == "descriptor"]
    assert names == ["primary", "map", "profile", "spectrum"]


def test_a_homogeneous_particle_is_reported_as_one(tmp_path):
    for absorbing in (False, True):
        measured = map_of([PARTICLES["conventional"]], self_absorption=absorbing)
        folder = tmp_path / str(absorbing)
        folder.mkdir()
        [result] = results_of(flyer_run(measured, folder))
        assert result.values["gradient_width_um"] is None
        assert result.values["gradient_centre_um"] is None
        assert "homogeneous" in result.reason
        assert result.values["mn_ni_corrected"] == pytest.approx(1 / 3, rel=0.02)


def test_particles_are_told_apart(tmp_path):
    small = replace(GRADIENT, radius_um=2.0, gradient_centre_um=1.5, x_um=-3.3, y_um=-2.0)
    other = replace(PARTICLES["conventional"], radius_um=2.5, x_um=2.9, y_um=1.0)
    results = results_of(flyer_run(map_of([small, other], pixels=61), tmp_path))
    assert [result.particle for result in results] == [1, 2]
    first, second = results
    assert first.values["particle_radius_um"] == pytest.approx(2.5, abs=0.05)
    assert first.values["gradient_width_um"] is None
    assert second.values["particle_x_um"] == pytest.approx(-3.3, abs=0.05)
    assert second.values["mn_ni_core"] < 0.4 < second.values["mn_ni_shell"]
    assert set(np.unique(first.curves["map"]["particle"])) == {0, 1, 2}
    assert "map" not in second.curves


def test_a_line_across_a_particle_gives_its_profile(tmp_path):
    measured = map_of(lines_um=[0.0], pixels=121, dwell_s=0.5)
    [result] = results_of(flyer_run(measured, tmp_path))
    assert result.status is Status.FINAL
    assert result.values["mn_ni_core"] == pytest.approx(TRUTH["mn_ni_core"], rel=0.1)
    assert result.values["gradient_centre_um"] == pytest.approx(4.3, abs=0.1)


@pytest.mark.parametrize(("lines", "pixels"), [([0.3], 1), ([0.0], 3), ([0.0, 0.1], 1)])
def test_a_map_of_next_to_nothing_is_no_failure(lines, pixels, tmp_path):
    measured = map_of(lines_um=lines, pixels=pixels, reach_um=0.2, dwell_s=1.0)
    [result] = results_of(flyer_run(measured, tmp_path))
    assert result.status in {Status.FINAL, Status.WAITING}
    assert result.values["gradient_width_um"] is None


def altered(measured, **changes):
    return replace(measured, **changes)


def test_bad_pixels_are_masked_and_counted(measured, tmp_path):
    i0, x_um = measured.i0.copy(), measured.x_um.copy()
    i0[3, 5:8], i0[4, 0] = 0.0, np.nan
    x_um[10, 10:12] = np.nan
    [result] = results_of(event_run(altered(measured, i0=i0, x_um=x_um), tmp_path))
    assert result.status is Status.FINAL
    assert "i0: 4 pixels" in result.reason
    assert "2 pixels in 1 row without a position" in result.reason
    assert result.values["mn_ni_core"] == pytest.approx(TRUTH["mn_ni_core"], rel=0.06)


def test_missing_dead_time_and_i0_are_named(measured, tmp_path):
    made = event_run(measured, tmp_path)
    xrf = {key: value for key, value in made.xrf.items() if key not in {"dead_time_factor", "i0"}}
    [result] = results_of(replace(made, xrf=xrf))
    assert result.status is Status.FINAL
    assert "dead time not corrected" in result.reason
    assert "i0" in result.reason


def test_positions_are_needed_for_a_profile_alone(measured, tmp_path):
    made = event_run(measured, tmp_path)
    xrf = {key: value for key, value in made.xrf.items() if key not in {"x_um", "y_um"}}
    [result] = results_of(replace(made, xrf=xrf))
    assert result.status is Status.FINAL
    assert "x_um" in result.reason
    assert result.values["mn_ni"] == pytest.approx(TRUTH["mn_ni"], rel=0.01)
    assert result.values["mn_ni_core"] is None


@pytest.mark.parametrize(
    ("fault", "word"), [("dead", "no counts"), ("gain", "lines of Mn, Co, Ni"), ("noisy", "noisy")]
)
def test_a_detector_element_that_is_ill_is_left_out(fault, word, tmp_path):
    elements = (ELEMENTS[0], replace(ELEMENTS[1], fault=fault), ELEMENTS[0])
    made = event_run(map_of(elements=elements), tmp_path)
    [result] = results_of(made)
    assert result.status is Status.FINAL
    key = made.xrf["spectra"][1]
    if fault != "noisy":
        assert key in result.reason
        assert word in result.reason
    assert result.values["mn_ni_core"] == pytest.approx(TRUTH["mn_ni_core"], rel=0.06)


def test_a_detector_element_that_does_not_exist_is_named(measured, tmp_path):
    made = event_run(measured, tmp_path)
    spectra = ["xs_channel9", *made.xrf["spectra"]]
    factors = ["xs_channel9_dt", *made.xrf["dead_time_factor"]]
    [result] = results_of(
        replace(made, xrf={**made.xrf, "spectra": spectra, "dead_time_factor": factors})
    )
    assert "no xs_channel9; no xs_channel9_dt" in result.reason
    [right] = results_of(made)
    assert result.values == right.values


def test_a_wrong_channel_width_fails_with_the_remedy(measured, tmp_path):
    made = event_run(measured, tmp_path)
    [result] = results_of(made, channel_ev={"gain": 12.5})
    assert result.status is Status.FAILED
    assert "channel_ev" in result.reason


def test_a_map_without_the_elements_fails(tmp_path):
    counts = np.random.default_rng(0).poisson(2.0, (6, 11, 1, 1024)).astype(np.uint32)
    [result] = results_of(event_run(measured_map(counts), tmp_path))
    assert result.status in {Status.FAILED, Status.WAITING}
    assert all(value is None for value in result.values.values())
    assert "does not show Mn, Co, Ni" in result.reason


def test_an_aborted_map_says_so_and_what_it_knows(run):
    half = [
        (name, doc)
        for name, doc in run.documents
        if name != "stream_datum" or doc["seq_nums"]["stop"] <= 24
    ]
    name, stop = half[-1]
    half[-1] = name, {**stop, "exit_status": "abort", "reason": "beam lost"}
    [result] = results_of(run, documents=half)
    assert "abort" in result.reason
    assert result.status is Status.FINAL
    assert result.values["mn_ni_core"] == pytest.approx(TRUTH["mn_ni_core"], rel=0.1)


def test_an_element_that_is_not_named_is_remarked_upon(measured, tmp_path):
    counts = measured.counts.copy()
    energies_ev = 10.0 * np.arange(counts.shape[-1])
    iron = np.exp(-0.5 * ((energies_ev - 6404.0) / 60.0) ** 2)
    where = counts.sum(axis=-1, keepdims=True) > np.median(counts.sum(axis=-1))
    counts += np.random.default_rng(0).poisson(4.0 * iron * where).astype(counts.dtype)
    [result] = results_of(event_run(altered(measured, counts=counts), tmp_path))
    assert "no line of Mn, Co, Ni" in result.reason


def test_a_map_that_ended_before_its_particle_has_not_failed(tmp_path):
    counts = np.random.default_rng(0).poisson(2.0, (6, 11, 1, 1024)).astype(np.uint32)
    made = event_run(measured_map(counts), tmp_path)
    name, stop = made.documents[-1]
    early = [*made.documents[:-1], (name, {**stop, "exit_status": "abort"})]
    [result] = results_of(made, documents=early)
    assert result.status is Status.WAITING
    assert "abort" in result.reason


def test_an_element_that_falls_silent_is_left_out_there(measured, tmp_path):
    counts = measured.counts.copy()
    counts[20:26, :, 1] = 0
    made = event_run(altered(measured, counts=counts), tmp_path)
    [result] = results_of(made)
    assert f"{made.xrf['spectra'][1]}: silent in 6 rows, left out there" in result.reason
    assert result.values["mn_ni"] == pytest.approx(TRUTH["mn_ni"], rel=0.01)
    assert result.values["mn_ni_core"] == pytest.approx(TRUTH["mn_ni_core"], rel=0.06)


def test_rows_without_counts_and_copies_of_rows_are_masked(measured, tmp_path):
    counts = measured.counts.copy()
    counts[12] = 0
    counts[20] = counts[19]
    [result] = results_of(event_run(altered(measured, counts=counts), tmp_path))
    assert "no counts: row 13, masked" in result.reason
    assert "a copy of the row before: row 21, masked" in result.reason
    assert result.status is Status.FINAL
    assert result.values["mn_ni_core"] == pytest.approx(TRUTH["mn_ni_core"], rel=0.06)
    assert np.isnan(result.curves["map"]["ni"].reshape(41, 41)[[12, 20]]).all()


def test_a_map_without_any_beam_fails(measured, tmp_path):
    made = event_run(altered(measured, i0=np.zeros_like(measured.i0)), tmp_path)
    [result] = results_of(made)
    assert result.status is Status.FAILED
    assert "i0: 1681 pixels in 41 rows with no or zero intensity, masked" in result.reason


def test_the_energy_of_the_beam_may_be_read(measured, found, tmp_path):
    made = event_run(measured, tmp_path)
    key = {"source": "mono", "dtype": "number", "shape": [], "units": "keV"}
    at = next(n for n, (name, _) in enumerate(made.documents) if name == "descriptor")
    descriptor = {**made.documents[at][1], "uid": "m", "name": "energy_monitor"}
    descriptor["data_keys"] = {"energy": key}
    reading = {"uid": "e", "descriptor": "m", "seq_num": 1, "time": 1.0, "data": {"energy": 9.0}}
    reading |= {"timestamps": {"energy": 1.0}}
    documents = [*made.documents[:at], ("descriptor", descriptor), ("event", reading)]
    documents += made.documents[at:]
    [result] = results_of(made, documents=documents, incident_energy_ev="energy")
    for name in ("mn_ni", "mn_ni_core", "gradient_centre_um"):
        assert result.values[name] == pytest.approx(found[0].values[name], rel=0.01)
