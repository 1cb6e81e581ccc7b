"""The simulated particle against integrals that are known or done by another."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from cgnmc_bluesky.sim.particle import FORMULA_UNITS_PER_UM3, METALS, PARTICLES, CoreShell

GRADED = [CoreShell(), CoreShell(shape="erf"), CoreShell(radius_um=2.0, gradient_centre_um=1.0)]


def test_a_homogeneous_sphere_has_its_chord_in_atoms() -> None:
    particle = CoreShell(
        radius_um=3.0, core=PARTICLES["conventional"].core, shell=None, x_um=1.0, y_um=-2.0
    )
    distance_um = np.array([0.0, 0.5, 1.7, 2.99, 3.0, 3.5])
    atoms = particle.atoms_per_um2(1.0 + 0.6 * distance_um, -2.0 + 0.8 * distance_um)
    chord_um = 2 * np.sqrt(np.clip(9.0 - distance_um**2, 0, None))
    for metal, fraction in {"Ni": 0.6, "Mn": 0.2, "Co": 0.2}.items():
        np.testing.assert_allclose(
            atoms[metal], FORMULA_UNITS_PER_UM3 * fraction * chord_um, rtol=1e-6, atol=1e3
        )


@pytest.mark.parametrize("particle", GRADED)
@pytest.mark.parametrize("distance_um", [0.0, 0.9, 1.6, 3.8, 4.95])
def test_a_projection_is_the_integral_along_the_beam(
    particle: CoreShell, distance_um: float
) -> None:
    half_um = math.sqrt(max(particle.radius_um**2 - distance_um**2, 0.0))
    squares = [
        (particle.gradient_centre_um + shift * particle.gradient_width_um) ** 2 - distance_um**2
        for shift in (-0.625, 0.0, 0.625)
    ]
    corners_um = [math.sqrt(square) for square in squares if 0 < square < half_um**2]
    projected = particle.atoms_per_um2(0.0, distance_um)
    for metal in METALS:
        integral_um, _ = quad(
            lambda z, metal=metal: float(particle.fractions(math.hypot(distance_um, z))[metal]),
            0.0,
            half_um,
            points=corners_um or None,
            epsabs=1e-10,
        )
        assert projected[metal] == pytest.approx(2 * FORMULA_UNITS_PER_UM3 * integral_um, rel=1e-6)


@pytest.mark.parametrize("particle", [*PARTICLES.values(), *GRADED])
def test_all_atoms_are_in_the_projection(particle: CoreShell) -> None:
    # Rings of equal steps in the sine of the angle at which the beam meets the surface.
    angle = (np.arange(2000) + 0.5) / 2000 * np.pi / 2
    distance_um = particle.radius_um * np.sin(angle)
    ring_um2 = np.pi**2 * particle.radius_um**2 * np.sin(angle) * np.cos(angle) / 2000
    projected = particle.atoms_per_um2(distance_um, 0.0)
    for metal, atoms in particle.atoms().items():
        assert projected[metal] @ ring_um2 == pytest.approx(atoms, rel=1e-5)
    volume_um3 = 4 / 3 * np.pi * particle.radius_um**3
    assert sum(particle.atoms().values()) == pytest.approx(FORMULA_UNITS_PER_UM3 * volume_um3)


@pytest.mark.parametrize("particle", GRADED)
def test_the_width_is_that_from_10_to_90_percent(particle: CoreShell) -> None:
    radius_um = np.linspace(0.0, 20.0, 200_001)
    share = particle.shell_share(radius_um)
    lower_um, middle_um, upper_um = np.interp([0.1, 0.5, 0.9], share, radius_um)
    assert upper_um - lower_um == pytest.approx(particle.gradient_width_um, rel=1e-3)
    assert middle_um == pytest.approx(particle.gradient_centre_um, rel=1e-3)


def test_the_paper_s_particle_is_nmc622_on_the_whole() -> None:
    particle = PARTICLES["gradient"]
    atoms = particle.atoms()
    total = sum(atoms.values())
    assert atoms["Ni"] / total == pytest.approx(0.6, abs=0.01)
    assert particle.shell_share([3.8, 4.8]) == pytest.approx([0.0, 1.0])
    truth = particle.truth()
    assert truth["mn_ni"] == atoms["Mn"] / atoms["Ni"]
    assert truth["mn_ni_core"] == pytest.approx(0.214, abs=0.001)
    assert (truth["mn_ni_shell"], truth["gradient_width_um"]) == (1.0, 0.8)


def test_a_homogeneous_particle_has_no_gradient() -> None:
    truth = PARTICLES["conventional"].truth()
    assert truth["gradient_centre_um"] is None
    assert truth["gradient_width_um"] is None
    assert truth["mn_ni"] == pytest.approx(truth["mn_ni_core"])
    assert truth["shell_ni"] == truth["core_ni"] == 0.6


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_a_particle_elsewhere_looks_the_same(x_um: float, y_um: float) -> None:
    moved = CoreShell(x_um=x_um, y_um=y_um).atoms_per_um2(x_um + 1.0, y_um - 2.0)
    here = CoreShell().atoms_per_um2(1.0, -2.0)
    assert {metal: float(n) for metal, n in moved.items()} == pytest.approx(here)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"radius_um": 0.0}, "radius_um is 0.0"),
        ({"gradient_width_um": -1.0}, "gradient_width_um is -1.0"),
        ({"core": {"Mn": 0.2, "Co": 0.2, "Ni": 0.2}}, "core is .* add up to 1"),
        ({"shell": {"Mn": 0.5, "Ni": 0.5}}, "shell is .* fractions of Mn, Co, Ni"),
    ],
)
def test_what_is_no_particle_is_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        CoreShell(**wrong)  # type: ignore[arg-type]
