import numpy as np
import pytest

from cgnmc_bluesky.analysis.xanes.inflection import NoInflection, first_inflection
from cgnmc_bluesky.sim.spectra import shapes

SEEN_EV = {
    "lisa_Ni_foil_111.xdi": 8333.0,
    "xasref_Ni_foil_K.dat": 8333.0,
    "lisa_Mn_foil_111.xdi": 6538.2,
    "xasref_Mn_foil_K.dat": 6539.1,
    "lisa_Co_foil_111.xdi": 7708.9,
    "xasref_Co_foil_K.dat": 7709.1,
    "lisa_Fe_foil_311.xdi": 7111.6,
    "xasref_Fe_foil_K.dat": 7111.9,
}
"""Where the derivative of the foil as measured, in fine steps, is seen to be largest first."""


@pytest.mark.parametrize(("name", "seen_ev"), SEEN_EV.items())
def test_the_first_maximum_of_a_real_foil_is_found_at_any_grid(shared, name, seen_ev):
    """Never the second, 12 eV higher at nickel, which is the largest in coarse or noisy scans."""
    rng = np.random.default_rng(3)
    energy_ev, mu = np.loadtxt(shared / "kedge_foils" / name, unpack=True)[:2]
    step = np.ptp(mu[np.abs(energy_ev - seen_ev) < 80])
    for offset_ev in np.arange(0, 1, 0.05):
        grid_ev = np.arange(seen_ev - 90 + offset_ev, seen_ev + 90)
        noisy = np.interp(grid_ev, energy_ev, mu) + rng.normal(size=len(grid_ev)) * step / 1000
        found_ev, sigma_ev = first_inflection(grid_ev, noisy)
        assert abs(found_ev - seen_ev) < 0.6
        assert abs(found_ev - seen_ev) < 5 * sigma_ev


@pytest.mark.parametrize("signal_to_noise", [100, 300, 3000])
def test_the_uncertainty_bears_the_scatter(signal_to_noise):
    rng = np.random.default_rng(6)
    found = []
    for _ in range(200):
        grid_ev = np.arange(8270 + rng.uniform(0, 0.4), 8400, 0.4)
        mu = shapes()["Ni"](grid_ev) + rng.normal(size=len(grid_ev)) / signal_to_noise
        found.append(first_inflection(grid_ev, mu))
    values, sigmas = np.array(found).T
    assert np.mean(np.abs(values - 8333.0) < sigmas) > 0.6
    assert np.mean(np.abs(values - 8333.0) < 3 * sigmas) > 0.97


@pytest.mark.parametrize(
    ("name", "seen_ev"),
    [
        ("lisa_LaNiO3_Ni_80K_111", 8348.1),
        ("lisa_MnO2", 6551.55),
        ("lisa_LiCoO2_80K_111", 7718.0),
        ("lisa_NiO_111", 8344.5),
    ],
)
@pytest.mark.parametrize("step_ev", [0.25, 0.5, 1.0])
def test_oxides_at_coarse_steps_are_within_their_sigmas(shared, name, seen_ev, step_ev):
    energy_ev, mu = np.loadtxt(shared / "kedge_oxides" / f"{name}.xdi", unpack=True)[:2]
    for offset_ev in (0.0, 0.4, 0.7):
        grid_ev = np.arange(seen_ev - 60 + offset_ev, seen_ev + 60, step_ev)
        found_ev, sigma_ev = first_inflection(grid_ev, np.interp(grid_ev, energy_ev, mu))
        assert abs(found_ev - seen_ev) < max(3 * sigma_ev, 0.15)


def test_a_pre_edge_peak_is_not_the_edge():
    grid_ev = np.arange(6450.0, 6700, 0.3)
    found_ev, _ = first_inflection(grid_ev, shapes()["MnO2"](grid_ev))
    assert found_ev > 6544


@pytest.mark.parametrize(
    ("energy_ev", "message"),
    [
        (np.arange(8300.0, 8340, 0.5), "has not passed"),
        (np.arange(8200.0, 8600, 8.0), "steps are wider"),
    ],
)
def test_a_scan_that_does_not_show_it_is_refused(energy_ev, message):
    with pytest.raises(NoInflection, match=message):
        first_inflection(energy_ev, shapes()["Ni"](energy_ev))


def test_noise_has_no_inflection():
    rng = np.random.default_rng(7)
    grid_ev = np.arange(8200.0, 8500, 0.5)
    refused = 0
    for _ in range(40):
        try:
            first_inflection(grid_ev, rng.normal(size=len(grid_ev)))
        except NoInflection:
            refused += 1
    assert refused >= 38
