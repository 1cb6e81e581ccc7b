import numpy as np
import pytest
from simulated_scans import scan_grid

from cgnmc_bluesky.analysis.xanes.normalise import edge_step, half_step_ev, windows_ev
from cgnmc_bluesky.sim.spectra import shapes


def test_the_step_is_larchs_with_the_same_windows():
    from larch import Group
    from larch.xafs import pre_edge

    energy_ev = scan_grid()
    mu = 0.7 * shapes()["LiNiO2"](energy_ev) + 0.2 - 1e-4 * (energy_ev - 8333)
    before, behind = windows_ev(energy_ev[0] - 8333, energy_ev[-1] - 8333)
    group = Group(energy=energy_ev, mu=mu)
    pre_edge(
        group, e0=8333.0, pre1=before[0], pre2=before[1], norm1=behind[0], norm2=behind[1], nnorm=1
    )
    found = edge_step(energy_ev, mu, 8333.0)
    assert found is not None
    assert found.step == pytest.approx(group.edge_step, rel=2e-3)


def test_thickness_and_background_scale_out():
    energy_ev = scan_grid()
    plain = edge_step(energy_ev, shapes()["NiO"](energy_ev), 8333.0)
    thick = edge_step(energy_ev, 3 * shapes()["NiO"](energy_ev) + 2 + energy_ev / 1e4, 8333.0)
    assert plain is not None
    assert thick is not None
    assert thick.step == pytest.approx(3 * plain.step, rel=1e-9)
    np.testing.assert_allclose(thick.normalised, plain.normalised, atol=1e-9)


def test_half_the_step_is_crossed_where_interpolation_says():
    energy_ev = scan_grid()
    step = edge_step(energy_ev, shapes()["NiO"](energy_ev), 8333.0)
    assert step is not None
    fine_ev = np.arange(8330.0, 8360, 0.001)
    fine = np.interp(fine_ev, energy_ev, step.normalised)
    half = half_step_ev(energy_ev, step)
    assert half is not None
    assert half[0] == pytest.approx(fine_ev[np.argmax(fine >= 0.5)], abs=0.03)
    assert 0 < half[1] < 0.5


@pytest.mark.parametrize("part", [slice(0, 60), slice(45, None), slice(0, 4)])
def test_a_scan_that_is_too_short_has_no_step(part):
    energy_ev = scan_grid()[part]
    assert edge_step(energy_ev, shapes()["NiO"](energy_ev), 8333.0) is None


def test_noise_has_no_step():
    energy_ev = scan_grid()
    noise = np.random.default_rng(1).normal(size=len(energy_ev))
    found = edge_step(energy_ev, noise, 8333.0)
    assert found is None or found.step < 5 * found.sigma


def test_a_short_scan_is_measured_on_what_it_has(shared):
    columns = np.loadtxt(shared / "kedge_oxides" / "xaslib_MnO_rt_01.xdi", unpack=True)
    step = edge_step(columns[0], np.log(columns[1] / columns[2]), 6539.0)
    assert step is not None
    half = half_step_ev(columns[0], step)
    assert half is not None
    assert half[0] == pytest.approx(6544.2, abs=0.3)
