from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_particles import balls

from cgnmc_bluesky.analysis.xrf.particles import particles_of
from cgnmc_bluesky.analysis.xrf.profile import profile_of


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def picked(atom_map, which):
    return replace(
        atom_map,
        x_um=atom_map.x_um[which],
        y_um=atom_map.y_um[which],
        line=atom_map.line[which],
        atoms=atom_map.atoms[which],
        covariance=atom_map.covariance[which],
    )


def inside(atom_map, x_um, y_um, radius_um):
    return np.hypot(atom_map.x_um - x_um, atom_map.y_um - y_um) < radius_um


@pytest.mark.parametrize("counts", [3000, 30])
def test_a_particle_is_found_with_its_pixels(rng, counts):
    atom_map = balls(rng, [(0.5, -0.3, 3.0)], counts)
    (particle,) = particles_of(atom_map)
    assert np.hypot(particle.x_um - 0.5, particle.y_um + 0.3) < 0.25
    assert particle.radius_um == pytest.approx(3.0, abs=0.2)
    assert particle.pixels[inside(atom_map, 0.5, -0.3, 2.8)].all()
    assert not particle.pixels[~inside(atom_map, 0.5, -0.3, 3.3)].any()
    assert not particle.cut
    assert particle.touches == ()


def test_an_empty_map_holds_no_particle(rng):
    assert particles_of(balls(rng, [], 300)) == []


def test_a_map_without_a_good_pixel_holds_no_particle(rng):
    atom_map = balls(rng, [(0, 0, 3)], 300)
    assert particles_of(replace(atom_map, x_um=atom_map.x_um * np.nan)) == []
    assert particles_of(picked(atom_map, slice(0, 0))) == []


def test_noise_alone_is_no_particle():
    for seed in range(20):
        atom_map = balls(np.random.default_rng(seed), [(90, 0, 0.1)], 100, num=41)
        assert particles_of(atom_map) == []


def test_particles_apart_come_in_the_order_of_their_atoms(rng):
    found = particles_of(balls(rng, [(-3, 2, 1.0), (2, 0, 2.0), (-2, -3, 1.5)], 1000))
    assert [round(one.radius_um, 0) for one in found] == [2.0, 2.0, 1.0]
    assert [round(one.x_um) for one in found] == [2, -2, -3]
    assert all(one.touches == () for one in found)
    assert not np.any(found[0].pixels & found[1].pixels)


@pytest.mark.parametrize("counts", [3000, 100])
@pytest.mark.parametrize("gap_um", [0.05, -0.5])
def test_touching_particles_are_split_and_named(rng, counts, gap_um):
    right = 2.0 + 1.5 + gap_um - 2.0
    atom_map = balls(rng, [(-2.0, 0.0, 2.0), (right, 0.4, 1.5)], counts)
    large, small = particles_of(atom_map)
    assert (large.touches, small.touches) == ((2,), (1,))
    both = inside(atom_map, -2.0, 0.0, 2.0) & inside(atom_map, right, 0.4, 1.5)
    assert not np.any((large.pixels | small.pixels | large.field | small.field) & both)
    for particle, x_um, radius_um in ((large, -2.0, 2.0), (small, right, 1.5)):
        profile = profile_of(atom_map, particle)
        assert profile.radius_um.value == pytest.approx(radius_um, abs=0.02)
        assert profile.x_um.value == pytest.approx(x_um, abs=0.02)


def test_three_in_a_row_touch_their_neighbours(rng):
    found = particles_of(balls(rng, [(-3, 0, 1.4), (0, 0, 1.6), (3, 0, 1.4)], 1000))
    middle = next(at for at, one in enumerate(found, start=1) if abs(one.x_um) < 0.5)
    assert len(found) == 3
    assert found[middle - 1].touches == tuple(at for at in (1, 2, 3) if at != middle)


def test_dead_pixels_and_missing_rows_do_not_split_a_particle(rng):
    atom_map = balls(rng, [(0, 0, 3.5)], 300)
    atoms = atom_map.atoms.copy()
    atoms[rng.random(len(atoms)) < 0.2] = np.nan
    atoms[(atom_map.line >= 50) & (atom_map.line < 53)] = np.nan
    holed = replace(atom_map, atoms=atoms)
    (particle,) = particles_of(holed)
    assert particle.radius_um == pytest.approx(3.5, abs=0.25)
    assert not particle.pixels[~holed.measured].any()


def test_a_particle_at_the_edge_of_the_map_is_called_cut(rng):
    (particle,) = particles_of(balls(rng, [(4.0, 0, 3.0)], 1000))
    assert particle.cut


@pytest.mark.parametrize("rows", [10, 35, 60])
def test_a_map_that_fills_holds_one_particle(rng, rows):
    (particle,) = particles_of(balls(rng, [(0, 0, 4.5)], 1000, rows=rows))
    assert particle.cut
    assert particle.pixels.sum() > 100


def test_a_single_line_and_a_single_pixel_may_hold_a_particle(rng):
    atom_map = balls(rng, [(0.2, 0, 3.0)], 1000)
    (particle,) = particles_of(picked(atom_map, atom_map.line == 50))
    assert particle.x_um == pytest.approx(0.2, abs=0.15)
    assert not particle.cut
    middle = picked(atom_map, inside(atom_map, 0, 0, 0.05))
    (particle,) = particles_of(middle)
    assert particle.pixels.all()


def test_lines_may_run_along_y_and_encoders_jitter(rng):
    atom_map = balls(rng, [(0.5, 0, 3.0)], 1000)
    turned = replace(atom_map, x_um=atom_map.y_um, y_um=atom_map.x_um)
    (particle,) = particles_of(turned)
    assert (particle.x_um, particle.y_um) == pytest.approx((0.0, 0.5), abs=0.2)
    shaken = replace(atom_map, x_um=atom_map.x_um + 0.04 * rng.normal(size=len(atom_map.x_um)))
    (particle,) = particles_of(shaken)
    assert particle.radius_um == pytest.approx(3.0, abs=0.2)


def test_a_reading_far_off_does_not_matter(rng):
    atom_map = balls(rng, [(0, 0, 3.0)], 1000)
    x_um = atom_map.x_um.copy()
    x_um[17] = 1e9
    (particle,) = particles_of(replace(atom_map, x_um=x_um))
    assert particle.radius_um == pytest.approx(3.0, abs=0.2)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.01, 100), st.floats(-50, 50), st.integers(0, 2**31))
def test_units_of_atoms_and_the_stages_zero_do_not_matter(scale, shift_um, seed):
    atom_map = balls(np.random.default_rng(seed), [(-1, 0, 1.5), (2.5, 0, 1.2)], 300, num=61)
    moved = replace(
        atom_map,
        x_um=atom_map.x_um + shift_um,
        atoms=atom_map.atoms * scale,
        covariance=atom_map.covariance * scale**2,
    )
    for one, other in zip(particles_of(atom_map), particles_of(moved), strict=True):
        assert np.mean(one.pixels ^ other.pixels) < 2e-3
        assert other.x_um - one.x_um == pytest.approx(shift_um, abs=0.2)
