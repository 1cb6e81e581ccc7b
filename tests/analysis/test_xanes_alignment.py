import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_scans import scan_grid

from cgnmc_bluesky.analysis.xanes.alignment import SEARCH_EV, Template, Unmatched, match
from cgnmc_bluesky.analysis.xanes.calibrate import master_foil
from cgnmc_bluesky.analysis.xanes.model import match_foil
from cgnmc_bluesky.sim.spectra import shapes

FOILS = ["lisa_Ni_foil_111.xdi", "xasref_Ni_foil_K.dat"]


def measured_foil(rng, off_ev, signal_to_noise, step_ev=0.35):
    true_ev = np.arange(8230 + rng.uniform(0, step_ev), 8480, step_ev)
    mu = shapes()["Ni"](true_ev) + rng.normal(size=len(true_ev)) / signal_to_noise
    return true_ev - off_ev, 1.7 * mu + 0.2 + 1e-4 * (true_ev - 8333)


@pytest.mark.parametrize("signal_to_noise", [100, 1000])
def test_the_shift_and_its_sigma_are_those_of_repeated_measurements(foil, signal_to_noise):
    rng = np.random.default_rng(11)
    true_ev = rng.uniform(-8, 8, size=400)
    found = [match(foil, *measured_foil(rng, off_ev, signal_to_noise)) for off_ev in true_ev]
    errors = np.array([one.shift_ev for one in found]) - true_ev
    sigmas = np.array([one.sigma_ev for one in found])
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(400) + 0.002
    assert 0.62 < np.mean(np.abs(errors) < sigmas) < 0.74
    scales = np.array([(one.scale - 1.7) / one.scale_sigma for one in found])
    assert 0.85 < scales.std() < 1.15


def test_at_a_signal_to_noise_of_100_the_shift_is_good_to_0_02_ev(foil):
    rng = np.random.default_rng(2)
    errors = [
        match(foil, *measured_foil(rng, off_ev, 100, step_ev=0.25)).shift_ev - off_ev
        for off_ev in rng.uniform(-5, 5, size=200)
    ]
    assert np.sqrt(np.mean(np.square(errors))) < 0.02 * 1.1


@given(
    off_ev=st.floats(-15, 15),
    scale=st.floats(0.01, 100),
    offset=st.floats(-10, 10),
    slope=st.floats(-1e-3, 1e-3),
)
@settings(max_examples=40)
def test_neither_thickness_nor_background_moves_the_shift(foil, off_ev, scale, offset, slope):
    true_ev = scan_grid(0.1)
    mu = scale * (shapes()["Ni"](true_ev) + offset + slope * (true_ev - 8333))
    assert match(foil, true_ev - off_ev, mu).shift_ev == pytest.approx(off_ev, abs=0.01)


@pytest.mark.parametrize("name", FOILS)
@pytest.mark.parametrize("other", FOILS)
def test_a_real_foil_at_1_ev_steps_lies_where_its_fine_scan_does(shared, name, other):
    """For any grid offset, at a signal to noise of 1000; matched to another beamline's foil too."""
    rng = np.random.default_rng(4)
    energy_ev, mu = np.loadtxt(shared / "kedge_foils" / name, unpack=True)[:2]
    master = master_foil(*np.loadtxt(shared / "kedge_foils" / other, unpack=True)[:2], 8333.0)
    fine_ev = match_foil(master, energy_ev, mu).shift_ev
    assert abs(fine_ev) < 0.2  # the two beamlines' axes differ by 0.09 eV
    step = np.ptp(mu[(energy_ev > 8300) & (energy_ev < 8400)])
    for offset_ev in np.arange(0, 1, 0.05):
        grid_ev = np.arange(8250 + offset_ev, 8430)
        noisy = np.interp(grid_ev, energy_ev, mu) + rng.normal(size=len(grid_ev)) * step / 1000
        assert abs(match_foil(master, grid_ev, noisy).shift_ev - fine_ev) < 0.1


def test_the_miscalibrated_library_foil_is_put_right(shared):
    columns = np.loadtxt(shared / "kedge_foils" / "xaslib_Ni_metal_rt_01.xdi", unpack=True)
    energy_ev, mu = columns[0], np.log(columns[1] / columns[2])
    lisa = np.loadtxt(shared / "kedge_foils" / "lisa_Ni_foil_111.xdi", unpack=True)
    found = match_foil(master_foil(*lisa[:2], 8333.0), energy_ev, mu)
    assert found.shift_ev == pytest.approx(1.65, abs=0.1)


@pytest.mark.parametrize(
    "name", ["lisa_LaNiO3_Ni_80K_111", "lisa_NiO_111", "lisa_NiFe2O4_Ni_80K_111"]
)
def test_an_oxide_is_no_foil(shared, name):
    oxide = np.loadtxt(shared / "kedge_oxides" / f"{name}.xdi", unpack=True)
    lisa = np.loadtxt(shared / "kedge_foils" / "lisa_Ni_foil_111.xdi", unpack=True)
    with pytest.raises(Unmatched):
        match_foil(master_foil(*lisa[:2], 8333.0), oxide[0], oxide[1])


def test_nothing_is_said_before_the_edge_has_passed(foil):
    rng = np.random.default_rng(8)
    energy_ev, mu = measured_foil(rng, 3.0, 300)
    for reach_ev in np.arange(-60, 60, 2.0):
        seen = energy_ev + 3.0 < 8333 + reach_ev
        if reach_ev < 7:
            with pytest.raises(Unmatched) as doubt:
                match(foil, energy_ev[seen], mu[seen])
            assert doubt.value.early
        elif reach_ev > 15:
            found = match(foil, energy_ev[seen], mu[seen])
            assert abs(found.shift_ev - 3.0) < 5 * found.sigma_ev < 0.5


def test_noise_alone_has_no_edge(foil):
    rng = np.random.default_rng(9)
    for _ in range(50):
        with pytest.raises(Unmatched):
            match(foil, scan_grid(), rng.normal(size=len(scan_grid())))


def test_an_edge_out_of_reach_is_refused(foil):
    energy_ev = scan_grid()
    with pytest.raises(Unmatched):
        match(foil, energy_ev - SEARCH_EV - 15, shapes()["Ni"](energy_ev))


def test_a_glitch_is_left_out_and_named(foil):
    rng = np.random.default_rng(10)
    energy_ev, mu = measured_foil(rng, 1.0, 500)
    clean = match(foil, energy_ev, mu)
    at = int(np.searchsorted(energy_ev, 8345))
    mu[at] += 0.6
    found = match(foil, energy_ev, mu)
    assert found.glitches_ev == (energy_ev[at],)
    assert found.shift_ev == pytest.approx(clean.shift_ev, abs=clean.sigma_ev)


def test_a_foil_of_another_element_is_refused(foil):
    energy_ev = np.arange(8200.0, 8500, 0.5)
    with pytest.raises(Unmatched):
        match(foil, energy_ev, shapes()["Co"](energy_ev))


def test_a_template_keeps_to_its_own_range():
    energy_ev = np.arange(8320.0, 8360)
    template = Template(energy_ev, shapes()["Ni"](energy_ev), 8333.0)
    assert template.window_ev == (8320.0, 8359.0)
