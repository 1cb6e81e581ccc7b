from dataclasses import replace

import numpy as np
import pytest
from simulated_particles import AVERAGE, CORE, METALS, SHELL, counted, grid

from cgnmc_bluesky.analysis.xrf.absorption import (
    Attenuation,
    alike_everywhere,
    transmission_of,
    unshaded,
)
from cgnmc_bluesky.analysis.xrf.particles import particles_of
from cgnmc_bluesky.analysis.xrf.profile import profile_of
from cgnmc_bluesky.beamline import SelfAbsorption
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.particle import CoreShell
from cgnmc_bluesky.standards import attenuation_of


@pytest.fixture(scope="module")
def attenuation():
    return attenuation_of(METALS, 9000.0, SelfAbsorption())


def named(fractions):
    return dict(zip(METALS, fractions.tolist(), strict=True))


def shaded(particle, *, num=65, absorbs=True):
    """Where the pixels are, and what metal the simulated particle seems to hold there."""
    place = grid(particle.radius_um + 0.8, num)
    thin = replace(particle, radius_um=0.5, shell=None, core=named(AVERAGE))
    photons, atoms = (
        Nanobeam([thin], beam_fwhm_um=0.0, self_absorption=False).emission([0.0], [0.0], 1.0),
        thin.atoms_per_um2([0.0], [0.0]),
    )
    beam = Nanobeam([particle], beam_fwhm_um=0.1, self_absorption=absorbs)
    emitted = beam.emission(place[0], place[1], 1.0)
    seen = [emitted.of(metal) / photons.of(metal)[0] * atoms[metal][0] for metal in METALS]
    return np.stack(seen, axis=1) / 1e10, place


def mapped(seed, particle, counts, **how):
    thickness, place = shaded(particle, **how)
    return counted(np.random.default_rng(seed), thickness, counts, *place)


def step_by_step(attenuation, radius_um, x, y, composed, step_um=0.02):
    """Transmission by walking along the beam and towards the detector in small steps."""
    depth = np.sqrt(radius_um**2 - x * x - y * y)
    z = np.arange(-depth + step_um / 2, depth, step_um)
    incident, _ = attenuation.linear(composed(np.sqrt(x * x + y * y + z * z)))
    into = np.exp(-(np.cumsum(incident) - incident / 2) * step_um)
    direction = np.array(attenuation.towards_detector)
    through = np.zeros((len(z), 3))
    for at, height in enumerate(z):
        s = np.arange(step_um / 2, 2 * radius_um, step_um)
        r = np.sqrt((x + s * direction[0]) ** 2 + y * y + (height + s * direction[1]) ** 2)
        _, emitted = attenuation.linear(composed(r))
        through[at] = np.exp(-np.sum(emitted[r < radius_um], axis=0) * step_um)
    atoms = composed(np.sqrt(x * x + y * y + z * z))
    return np.sum(atoms * into[:, None] * through, axis=0) / np.sum(atoms, axis=0)


def core_and_shell(radius_um):
    outer = np.clip((radius_um - 3.3) / 0.8, 0, 1)[..., None]
    return CORE * (1 - outer) + SHELL * outer


@pytest.mark.parametrize("composed", [alike_everywhere(AVERAGE), core_and_shell])
@pytest.mark.parametrize("takeoff_deg", [45.0, 60.0, 20.0])
def test_transmission_is_that_of_small_steps(attenuation, composed, takeoff_deg):
    geometry = replace(attenuation, takeoff_deg=takeoff_deg)
    places = [(0.0, 0.0), (3.0, 1.0), (-3.0, 1.0), (0.5, -4.0), (-4.7, 0.3), (4.5, 0.0)]
    x_um, y_um = np.array(places).T
    found = transmission_of(geometry, 5.0, x_um, y_um, composed)
    true = [step_by_step(geometry, 5.0, x, y, composed) for x, y in places]
    np.testing.assert_allclose(found, true, rtol=0.015)


def test_linear_attenuation_is_that_of_the_mixture():
    plain = Attenuation(("Mn",), np.array([6.94, 16.0, 55.0]), np.ones(3), np.ones((3, 1)))
    incident, emitted = plain.linear(np.array([1.0]))
    assert incident == pytest.approx(4.7e-4)
    np.testing.assert_allclose(emitted, [4.7e-4])


def test_nothing_is_changed_outside_the_particle_or_without_absorption(attenuation):
    atom_map = mapped(0, CoreShell(radius_um=2.0, gradient_centre_um=1.5), 100, num=33)
    clear = replace(attenuation, density_g_cm3=0.0)
    everywhere = np.ones(len(atom_map.line), dtype=bool)
    same = unshaded(atom_map, everywhere, (0, 0, 2.0), clear, alike_everywhere(AVERAGE))
    np.testing.assert_array_equal(same.atoms, atom_map.atoms)
    none = unshaded(atom_map, ~everywhere, (0, 0, 2.0), attenuation, alike_everywhere(AVERAGE))
    np.testing.assert_array_equal(none.atoms, atom_map.atoms)


@pytest.mark.parametrize(
    "particle",
    [
        CoreShell(radius_um=5.0, gradient_centre_um=4.0, gradient_width_um=1.0, shape="erf"),
        CoreShell(radius_um=5.0, gradient_centre_um=4.3, gradient_width_um=0.8),
        CoreShell(radius_um=2.5, gradient_centre_um=1.7, gradient_width_um=0.6),
    ],
)
def test_corrected_ratios_are_right_within_two_percent(attenuation, particle):
    atom_map = mapped(1, particle, 10_000)
    profile = profile_of(atom_map, particles_of(atom_map)[0], attenuation=attenuation)
    truth = particle.truth()
    for end, name in (
        (profile.corrected_mean, "mn_ni"),
        (profile.corrected_core, "mn_ni_core"),
        (profile.corrected_shell, "mn_ni_shell"),
    ):
        assert end.ratio("Mn", "Ni").value == pytest.approx(truth[name], rel=0.02)
    assert profile.radius_um.value == pytest.approx(particle.radius_um, rel=2e-3)
    assert profile.x_um.value == pytest.approx(0.0, abs=0.01)
    assert profile.gradient_centre_um.value == pytest.approx(particle.gradient_centre_um, rel=0.01)
    assert profile.gradient_width_um.value == pytest.approx(particle.gradient_width_um, rel=0.1)


def test_the_uncorrected_ratios_of_a_large_particle_stand_beside(attenuation):
    particle = CoreShell(radius_um=5.0, gradient_centre_um=4.0, gradient_width_um=1.0)
    atom_map = mapped(1, particle, 10_000)
    profile = profile_of(atom_map, particles_of(atom_map)[0], attenuation=attenuation)
    core, shell = (end.ratio("Mn", "Ni").value for end in (profile.core, profile.shell))
    assert core / (0.15 / 0.70) - 1 == pytest.approx(-0.05, abs=0.01)
    assert shell - 1 == pytest.approx(0.03, abs=0.01)


@pytest.mark.parametrize(("radius_um", "counts"), [(5.0, 30_000), (5.0, 300), (1.5, 3000)])
def test_self_absorption_is_not_taken_for_a_gradient(attenuation, radius_um, counts):
    particle = CoreShell(radius_um=radius_um, shell=None, core=named(AVERAGE))
    thickness, place = shaded(particle)
    for seed in range(3):
        atom_map = counted(np.random.default_rng(seed), thickness, counts, *place)
        profile = profile_of(atom_map, particles_of(atom_map)[0], attenuation=attenuation)
        assert profile.gradient_width_um is None
        assert profile.core is profile.mean
        found = profile.corrected_mean.ratio("Mn", "Ni")
        assert found.value == pytest.approx(1 / 3, abs=max(0.003, 4 * found.sigma))


def test_without_absorption_nothing_is_to_correct():
    particle = CoreShell(radius_um=2.5, gradient_centre_um=1.7, gradient_width_um=0.6)
    atom_map = mapped(2, particle, 3000, absorbs=False)
    profile = profile_of(atom_map, particles_of(atom_map)[0])
    assert profile.corrected_core is None
    assert profile.corrected_mean is None
    for end, truth in ((profile.core, CORE), (profile.shell, SHELL)):
        for at, metal in enumerate(METALS):
            found = end.fraction(metal)
            assert abs(found.value - truth[at]) < 4 * found.sigma


def test_an_interval_of_a_corrected_ratio_covers_the_truth(attenuation):
    particle = CoreShell(radius_um=2.0, gradient_centre_um=1.3, gradient_width_um=0.5, shape="erf")
    rng = np.random.default_rng(5)
    thickness, place = shaded(particle, num=57)
    pulls = []
    for _ in range(20):
        atom_map = counted(rng, thickness, 100, *place)
        profile = profile_of(atom_map, particles_of(atom_map)[0], attenuation=attenuation)
        for end, truth in ((profile.corrected_core, CORE), (profile.corrected_shell, SHELL)):
            found = end.ratio("Mn", "Ni")
            pulls.append((found.value - truth[0] / truth[2]) / found.sigma)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.35)
    assert abs(np.mean(pulls)) < 0.6
