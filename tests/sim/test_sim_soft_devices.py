"""Electrometers, fluorescence detector and grating: their statistics and what they get wrong."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from cgnmc_bluesky.sim import Clock, Fault, SimulatedSoftBeamline
from cgnmc_bluesky.sim.detectors import ELECTRON_C
from cgnmc_bluesky.sim.soft.grating import GratingMonochromator
from cgnmc_bluesky.sim.soft.sample import MATERIALS
from cgnmc_bluesky.sim.soft.yields import Geometry, Target


def quiet(sample: str = "conventional, pristine", **options: object) -> SimulatedSoftBeamline:
    """A beamline without noise and without an error of its energy."""
    silent = {"noise": False, "energy_offset_ev": 0.0, "energy_drift_ev_per_scan": 0.0}
    return SimulatedSoftBeamline(sample, **{**silent, "backlash_ev": 0.0, **options})


def measured(beamline: SimulatedSoftBeamline, energy_ev: float) -> dict[str, float]:
    """All readings at an energy, once the axis has come to rest there."""
    beamline.pgm.set(energy_ev)
    beamline.clock.advance(10.0)
    devices = (beamline.gold_mesh, beamline.tey, beamline.sdd, beamline.reference)
    for device in devices:
        device.trigger().wait(5)
    return {key: r["value"] for device in devices for key, r in device.read().items()}


def emitted(sample: str, energy_ev: float) -> dict[str, float]:
    return dict(Target(MATERIALS[sample], Geometry()).yields(energy_ev)[1])


# Electrometers


def test_sample_current_is_the_light_times_the_electrons() -> None:
    beamline = quiet(flux_ph_s=1e10)
    reading = measured(beamline, 853.2)
    electrons, _ = Target(MATERIALS["conventional, pristine"], Geometry()).yields(853.2)
    flux_ph_s = 1e10 * (853.2 / 800) ** -1.2 * (1 + 0.015 * math.sin(853.2 / 23))
    current_a = flux_ph_s * electrons * ELECTRON_C + beamline.tey.dark_a
    assert reading["sample_current"] == pytest.approx(current_a, rel=0.01)


def test_dark_current_and_amplifier_noise_remain_behind_the_shutter() -> None:
    beamline = SimulatedSoftBeamline(seed=3)
    beamline.shutter.set("closed")
    beamline.tey.dwell_s.put(4.0)
    readings = []
    for _ in range(250):
        beamline.tey.trigger().wait(5)
        readings.append(float(beamline.tey.reading.get()))
    sigma_a = 2e-4 / 2e9 / math.sqrt(4.0)
    assert np.mean(readings) == pytest.approx(beamline.tey.dark_a, abs=4 * sigma_a / math.sqrt(250))
    assert np.std(readings) == pytest.approx(sigma_a, rel=0.2)


def test_the_mesh_shows_what_has_settled_on_it_and_drifts() -> None:
    clean, dirty = quiet(contamination={}), quiet(contamination={"Ni": 0.05}, mesh_drift_per_h=0.1)
    growth = {
        energy_ev: measured(dirty, energy_ev)["gold_mesh"] / measured(clean, energy_ev)["gold_mesh"]
        for energy_ev in (845.0, 853.35)
    }
    assert growth[853.35] / growth[845.0] == pytest.approx(1.13, abs=0.01)
    before = measured(dirty, 845.0)["gold_mesh"]
    dirty.clock.advance(3600.0)
    after = measured(dirty, 845.0)["gold_mesh"]
    assert after / before == pytest.approx(1.1, abs=0.03)


def test_the_reference_sample_shows_all_three_edges() -> None:
    beamline = quiet()
    for edge_ev in (638.7, 778.1, 852.7):
        before, behind = (
            measured(beamline, energy_ev)["reference_current"]
            for energy_ev in (edge_ev - 8, edge_ev + 1)
        )
        assert behind > 1.2 * before
    none = quiet(reference=())
    assert measured(none, 853.7)["reference_current"] == pytest.approx(
        measured(none, 844.7)["reference_current"], rel=0.05
    )


# Fluorescence


def test_counts_in_the_window_are_poisson() -> None:
    beamline = SimulatedSoftBeamline(seed=5, flux_ph_s=2e8)
    beamline.pgm.set(855.0)
    counts = []
    for _ in range(300):
        beamline.sdd.trigger().wait(5)
        counts.append(float(beamline.sdd.pfy.get()))
    assert 200 < np.mean(counts) < 2000
    assert np.var(counts) / np.mean(counts) == pytest.approx(1.0, abs=0.3)


def test_true_counts_are_recorded_ones_times_the_dead_time_factor() -> None:
    weak, strong = (measured(quiet(flux_ph_s=flux_ph_s), 853.2) for flux_ph_s in (1e9, 1e11))
    assert strong["sdd_dead_time_factor"] > 1.5
    assert strong["sdd_pfy"] < 70 * weak["sdd_pfy"]
    true = [light["sdd_pfy"] * light["sdd_dead_time_factor"] for light in (weak, strong)]
    assert true[1] / true[0] == pytest.approx(100, rel=1e-6)


def test_emission_of_other_elements_leaks_into_the_window() -> None:
    beamline = quiet("LiCoO2", edge="Ni L3", flux_ph_s=1e9)
    reading = measured(beamline, 845.0)
    sigma_ev = math.hypot(50.0 / 2.3548, math.sqrt(3.63 * 0.125 * 775.1))
    leaks = norm.sf(805.0, 775.1, sigma_ev)
    photons = 1.5e-3 * 1e9 * (845.0 / 800) ** -1.2 * emitted("LiCoO2", 845.0)["Co"]
    assert reading["sdd_pfy"] == pytest.approx(photons * leaks, rel=0.1)


def test_the_window_can_be_moved_to_another_emission() -> None:
    beamline = quiet(flux_ph_s=1e9)
    at_nickel = measured(beamline, 853.2)["sdd_pfy"]
    beamline.sdd.window_low_ev.put(480.0)
    beamline.sdd.window_high_ev.put(570.0)
    at_oxygen = measured(beamline, 853.2)["sdd_pfy"]
    photons = emitted("conventional, pristine", 853.2)
    assert at_oxygen / at_nickel == pytest.approx(photons["O"] / photons["Ni"], rel=0.1)
    assert beamline.sdd.read_configuration()["sdd_window_low_ev"]["value"] == 480.0


def test_spectra_hold_what_the_window_counts() -> None:
    beamline = SimulatedSoftBeamline(spectrum=True, seed=2)
    reading = measured(beamline, 853.2)
    spectrum = reading["sdd_spectrum"]
    assert spectrum.shape == (128,)
    energy_ev = 10.0 * np.arange(128)
    window = (energy_ev >= 805) & (energy_ev <= 905)
    assert spectrum[window].sum() == reading["sdd_pfy"]
    assert energy_ev[np.argmax(spectrum)] in (840.0, 850.0)
    assert "sdd_spectrum" not in SimulatedSoftBeamline().sdd.describe()


# Grating


def test_the_error_grows_with_the_energy_and_changes_from_scan_to_scan() -> None:
    pgm = GratingMonochromator(Clock(), offset_ev=0.4, drift_ev_per_scan=0.05, start_ev=640.0)
    assert pgm.error_ev() == pytest.approx(0.4 * 0.8**1.5)
    errors = []
    for _ in range(400):
        pgm.begin_scan()
        errors.append(pgm.error_at_ev(800.0))
    assert np.std(np.diff(errors)) == pytest.approx(0.05, rel=0.15)


def test_backlash_shows_after_a_motion_downwards() -> None:
    beamline = quiet(backlash_ev=0.2)
    for energy_ev, above_ev in ((850.0, 0.0), (845.0, 0.2), (845.1, 0.1), (846.0, 0.0)):
        beamline.pgm.set(energy_ev)
        beamline.clock.advance(10.0)
        assert beamline.pgm.true_energy_ev() - energy_ev == pytest.approx(above_ev, abs=1e-6)


# Faults


@pytest.mark.parametrize(
    ("kind", "channel", "expected"),
    [
        ("nan", "gold_mesh", math.nan),
        ("zero", "gold_mesh", 0.0),
        ("saturated", "sample_current", 5e-9),
        ("saturated", "sdd_pfy", 1e6),
        ("nan", "sdd_dead_time_factor", math.nan),
        ("nan", "reference_current", math.nan),
    ],
)
def test_faults_strike_their_channel_alone(kind: str, channel: str, expected: float) -> None:
    beamline = quiet(faults=[Fault(kind, points=[2], channel=channel)])
    before, struck = (measured(beamline, energy_ev) for energy_ev in (850.0, 850.1))
    assert struck[channel] == pytest.approx(expected, nan_ok=True)
    others = before.keys() - {channel}
    assert all(struck[key] == pytest.approx(before[key], rel=0.2) for key in others)


def test_a_stuck_channel_repeats_itself_and_a_dump_leaves_the_dark() -> None:
    faults = [Fault("stuck", points=[2], channel="sdd_pfy"), Fault("dump", points=[3])]
    beamline = quiet(faults=faults)
    first, stuck, dumped = (measured(beamline, energy_ev) for energy_ev in (850.0, 853.2, 854.0))
    assert stuck["sdd_pfy"] == first["sdd_pfy"]
    assert stuck["sample_current"] > 1.5 * first["sample_current"]
    assert dumped["sdd_pfy"] == 0
    assert dumped["gold_mesh"] == pytest.approx(beamline.gold_mesh.dark_a)


def test_a_glitch_does_not_cancel_in_ratios() -> None:
    plain, glitched = (
        measured(quiet(faults=faults), 850.0) for faults in ([], [Fault("glitch", points=[1])])
    )
    left = {key: glitched[key] / plain[key] for key in ("gold_mesh", "sample_current", "sdd_pfy")}
    assert len({round(part, 2) for part in left.values()}) == 3
    assert all(0.45 < part < 0.65 for part in left.values())
