"""What is not measured of a particle is not left out of its mean."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_particles import measured, projected

from cgnmc_bluesky.analysis.xrf.particles import particles_of
from cgnmc_bluesky.analysis.xrf.profile import profile_of

NOT_MEASURED = "what was not measured of the particle counts as what lies as far from its centre"


@pytest.fixture(scope="module")
def whole():
    return measured(np.random.default_rng(4), projected(2.5), 3000)


def kept(atom_map, pixels):
    return replace(
        atom_map,
        **{
            name: getattr(atom_map, name)[pixels]
            for name in ("x_um", "y_um", "line", "atoms", "covariance")
        },
    )


def masked(atom_map, pixels):
    atoms = np.where(pixels[:, None], np.nan, atom_map.atoms)
    return replace(atom_map, atoms=atoms)


def told(atom_map):
    return profile_of(atom_map, particles_of(atom_map)[0])


def test_a_particle_that_is_all_there_has_the_mean_of_its_pixels(whole):
    profile = told(whole)
    assert NOT_MEASURED not in profile.notes
    assert NOT_MEASURED not in told(masked(whole, whole.x_um**2 + whole.y_um**2 < 0.01)).notes
    total = whole.atoms[np.hypot(whole.x_um, whole.y_um) < 2.8].sum(axis=0)
    np.testing.assert_allclose(profile.mean.fractions, total / total.sum(), atol=5e-4)


@pytest.mark.parametrize(
    "part",
    [
        lambda one: kept(one, one.line < 42),
        lambda one: kept(one, one.line == 32),
        lambda one: kept(one, (one.line < 14) | (one.line > 18)),
        lambda one: masked(one, (one.line > 10) & (one.line < 15)),
        lambda one: masked(one, np.hypot(one.x_um - 1.8, one.y_um) < 1.0),
    ],
    ids=["cut off", "single line", "rows missing", "rows masked", "side masked"],
)
def test_the_mean_is_that_of_the_whole_particle(whole, part):
    truth, rest = told(whole).mean, told(part(whole))
    assert NOT_MEASURED in rest.notes
    off = rest.mean.ratio("Mn", "Ni").value - truth.ratio("Mn", "Ni").value
    assert abs(off) < 3.0 * rest.mean.ratio("Mn", "Ni").sigma
    assert abs(off) < 0.03 * truth.ratio("Mn", "Ni").value


def test_without_its_middle_a_particle_has_the_mean_of_its_pixels(whole):
    rest = told(masked(whole, np.hypot(whole.x_um, whole.y_um) < 1.0))
    assert NOT_MEASURED not in rest.notes
