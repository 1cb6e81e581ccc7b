"""The simulated nanobeam: yields, blur and self-absorption against tables and other integrals."""

import math

import numpy as np
import pytest
import xraydb
from numpy.typing import NDArray
from scipy.integrate import quad

from cgnmc_bluesky.sim.attenuation import Matter, attenuations_per_um
from cgnmc_bluesky.sim.nanobeam import K_SHELLS, LINES, Nanobeam
from cgnmc_bluesky.sim.particle import FORMULA_UNITS_PER_UM3, METALS, PARTICLES, CoreShell

NMC622 = PARTICLES["conventional"].core
NMC811 = {"Ni": 0.8, "Mn": 0.1, "Co": 0.1}
NMC462727 = {"Ni": 0.46, "Mn": 0.27, "Co": 0.27}


def map_of(beam: Nanobeam, half_um: float, num: int) -> dict[str, NDArray[np.float64]]:
    x_um = np.linspace(-half_um, half_um, num)
    emission = beam.emission(np.tile(x_um, num), np.repeat(x_um, num), dwell_s=0.01)
    return {metal: emission.of(metal).reshape(num, num) for metal in METALS}


def table_attenuation_per_um(fractions: dict[str, float], energy_ev: float) -> float:
    formula = {"Li": 1.0, **fractions, "O": 2.0}
    cm2 = sum(
        atoms * xraydb.atomic_mass(name) * float(xraydb.mu_elam(name, energy_ev, kind="total"))
        for name, atoms in formula.items()
    )
    return cm2 / 6.02214e23 * FORMULA_UNITS_PER_UM3 * 1e8


@pytest.mark.parametrize(
    ("fractions", "mn_ni", "co_ni"),
    [(NMC622, 0.179, 0.276), (NMC811, 0.067, 0.104), (NMC462727, 0.316, 0.486)],
)
def test_thin_sample_ratios_are_those_of_the_constants(
    fractions: dict[str, float], mn_ni: float, co_ni: float
) -> None:
    beam = Nanobeam([CoreShell(core=fractions, shell=None)], self_absorption=False)
    middle = beam.emission([0.0], [0.0], dwell_s=0.01)
    ni = middle.of("Ni")[0]
    assert middle.of("Mn")[0] / ni == pytest.approx(mn_ni, abs=0.001)
    assert middle.of("Co")[0] / ni == pytest.approx(co_ni, abs=0.001)


@pytest.mark.parametrize("beam_fwhm_um", [0.0, 0.1, 0.6])
def test_all_atoms_shine_whatever_the_beam(beam_fwhm_um: float) -> None:
    particle = PARTICLES["gradient"]
    beam = Nanobeam(
        [particle],
        beam_fwhm_um=beam_fwhm_um,
        flux_ph_s=1e8,
        solid_angle=0.02,
        self_absorption=False,
    )
    step_um = 0.05
    total = map_of(beam, 7.0, 281)
    for metal, atoms in particle.atoms().items():
        each_um2 = K_SHELLS[metal].photons_um2(metal, 9000.0)
        expected = atoms * each_um2 * 1e8 * 0.02 * 0.01 / step_um**2
        assert total[metal].sum() == pytest.approx(expected, rel=5e-4)


def test_k_photons_of_an_atom_are_those_of_the_tables() -> None:
    for metal, shell in K_SHELLS.items():
        fluorescence_yield, _, _ = xraydb.fluor_yield(metal, "K", "Ka1", 9000.0)
        photo_cm2_g = float(xraydb.mu_elam(metal, 9000.0, kind="photo"))
        jump = xraydb.xray_edge(metal, "K").jump_ratio
        atom_um2 = photo_cm2_g * xraydb.atomic_mass(metal) / 6.02214e23 * 1e8
        expected = atom_um2 * (1 - 1 / jump) * fluorescence_yield
        assert shell.photons_um2(metal, 9000.0) == pytest.approx(expected, rel=0.005)


def test_about_3000_nickel_counts_in_the_middle_of_a_particle() -> None:
    middle = Nanobeam([PARTICLES["gradient"]]).emission([0.0], [0.0], dwell_s=0.01)
    assert middle.of("Ni")[0] == pytest.approx(3000, rel=0.1)


@pytest.mark.parametrize("fwhm_um", [0.1, 0.4])
def test_the_beam_blurs_by_its_own_width(fwhm_um: float) -> None:
    particle = PARTICLES["gradient"]
    beam = Nanobeam(
        [particle], beam_fwhm_um=fwhm_um, flux_ph_s=1e9, solid_angle=1.0, self_absorption=False
    )
    sigma_um = fwhm_um / 2.35482
    x_um = np.array([0.0, 3.0, 4.6, 4.9, 5.0, 5.1])
    # Fine where the limb is crossed.
    across, along = np.meshgrid(np.linspace(-5, 5, 801), np.linspace(-5, 5, 31))
    dx_um, dy_um = sigma_um * across.ravel(), sigma_um * along.ravel()
    weights = np.exp(-(dx_um**2 + dy_um**2) / 2 / sigma_um**2)
    each_um2 = K_SHELLS["Mn"].photons_um2("Mn", 9000.0)
    seen = beam.emission(x_um, np.zeros(6), 1.0).of("Mn") / (1e9 * each_um2)
    expected = [
        np.average(particle.atoms_per_um2(x + dx_um, dy_um)["Mn"], weights=weights) for x in x_um
    ]
    np.testing.assert_allclose(seen, expected, rtol=0.005, atol=1e-4 * seen[0])


def test_positions_passed_during_a_pixel_are_averaged() -> None:
    beam = Nanobeam([PARTICLES["gradient"]])
    passed_um = np.array([[4.0, 4.05, 4.1], [4.1, 4.15, 4.2]])
    pixels = beam.emission(passed_um, 0.5, dwell_s=np.array([0.01, 0.02])).photons
    moments = beam.emission(passed_um.ravel(), 0.5, dwell_s=0.01).photons
    np.testing.assert_allclose(pixels[0], moments[:3].mean(axis=0))
    np.testing.assert_allclose(pixels[1], 2 * moments[3:].mean(axis=0))


def test_what_a_homogeneous_sphere_absorbs_is_what_points_in_it_say() -> None:
    radius_um = 5.0
    rng = np.random.default_rng(5)
    points_um = rng.uniform(-radius_um, radius_um, (400_000, 3))
    x_um, y_um, z_um = points_um[np.sum(points_um**2, axis=1) < radius_um**2].T
    in_um = np.sqrt(radius_um**2 - x_um**2 - y_um**2) + z_um
    out_um = np.sqrt(radius_um**2 - y_um**2 - z_um**2) - x_um
    particle = CoreShell(radius_um=radius_um, core=NMC622, shell=None)
    seen, thin = (
        map_of(Nanobeam([particle], self_absorption=on), 5.5, 111) for on in (True, False)
    )
    into = in_um * table_attenuation_per_um(dict(NMC622), 9000.0)
    for metal in METALS:
        left = 0.0
        for line, share in (("Ka1", 0.877), ("Kb1", 0.123)):
            energy_ev = xraydb.xray_lines(metal, "K")[line].energy
            out = out_um * table_attenuation_per_um(dict(NMC622), energy_ev)
            left += share * np.exp(-into - out).mean()
        assert seen[metal].sum() / thin[metal].sum() == pytest.approx(left, rel=0.01)


@pytest.mark.parametrize(
    ("fractions", "biases"),
    [(NMC811, (-0.003, -0.013, -0.029, -0.050)), (NMC462727, (0.002, 0.006, 0.015, 0.026))],
)
def test_self_absorption_costs_what_is_known(
    fractions: dict[str, float], biases: tuple[float, ...]
) -> None:
    # The known figures are of slabs at 45° on both sides, for the Kα lines alone.
    particle = CoreShell(core=fractions, shell=None)
    into, *out = (
        attenuations_per_um(particle, energy_ev)[0] for energy_ev in (9000.0, 5895.0, 7474.0)
    )
    for thickness_um, bias in zip((0.5, 2.0, 5.0, 10.0), biases, strict=True):
        mn, ni = (math.sqrt(2) * thickness_um * (into + way) for way in out)
        left_mn, left_ni = (-math.expm1(-depth) / depth for depth in (mn, ni))
        assert left_mn / left_ni - 1 == pytest.approx(bias, abs=0.0006)


def test_ways_through_a_gradient_and_a_neighbour_are_integrated() -> None:
    near, far = CoreShell(), CoreShell(radius_um=2.0, gradient_centre_um=1.2, x_um=7.0)
    points_um = np.array([[0.0, 0.0, 0.0], [-4.0, 1.0, 2.0], [1.0, -0.5, -4.5], [3.9, 2.0, 1.0]])
    transmissions = Matter((near, far), 9000.0, absorbs=True).transmissions(
        *points_um.T, energies_ev=[7478.0]
    )[0]
    for point, transmission in zip(points_um, transmissions, strict=True):
        depth = attenuation_along(point, np.array([0.0, 0.0, -1.0]), 9000.0, (near, far))
        depth += attenuation_along(point, np.array([1.0, 0.0, 0.0]), 7478.0, (near, far))
        assert transmission == pytest.approx(math.exp(-depth), rel=0.01)


def attenuation_along(
    start_um: NDArray[np.float64],
    direction: NDArray[np.float64],
    energy_ev: float,
    particles: tuple[CoreShell, ...],
) -> float:
    """Optical depth from a point to far away, with attenuation from tables."""
    total = 0.0
    for particle in particles:
        assert particle.shell is not None
        of_core, of_shell = (
            table_attenuation_per_um(dict(fractions), energy_ev)
            for fractions in (particle.core, particle.shell)
        )

        def here(way_um: float, particle=particle, of_core=of_core, of_shell=of_shell) -> float:
            x_um, y_um, z_um = start_um + way_um * direction
            radius_um = math.hypot(x_um - particle.x_um, y_um - particle.y_um, z_um)
            share = float(particle.shell_share(radius_um))
            return (radius_um < particle.radius_um) * (of_core * (1 - share) + of_shell * share)

        total += quad(here, 0.0, 12.0, limit=500, points=list(range(1, 12)))[0]
    return total


def test_a_neighbour_towards_the_detector_casts_a_shadow() -> None:
    particle, neighbour = CoreShell(), CoreShell(x_um=10.0)
    alone = Nanobeam([particle]).emission([2.0], [0.0], 0.01)
    shaded = Nanobeam([particle, neighbour]).emission([2.0, 12.0], [0.0, 0.0], 0.01)
    assert shaded.of("Ni")[0] < 0.8 * alone.of("Ni")[0]
    assert shaded.of("Ni")[1] == pytest.approx(alone.of("Ni")[0])


def test_scatter_and_continuum_are_there_without_a_particle_too() -> None:
    beam = Nanobeam([PARTICLES["gradient"]])
    outside, inside = beam.emission([20.0, 0.0], [0.0, 0.0], 0.01).photons
    assert outside[: len(LINES)] == pytest.approx(0.0)
    assert np.all(outside[len(LINES) :][[0, 2, 3]] > 1)
    assert np.all(inside >= outside)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"incident_energy_ev": 8000.0}, "above the K edge of Ni"),
        ({"incident_energy_ev": float("nan")}, "incident_energy_ev is nan"),
        ({"beam_fwhm_um": -0.1}, "beam_fwhm_um is -0.1"),
        ({"particles": [CoreShell(), CoreShell(x_um=9.0)]}, "9 µm apart and overlap"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Nanobeam(**{"particles": [], **wrong})  # type: ignore[arg-type]
