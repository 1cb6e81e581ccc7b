from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_particles import AVERAGE, CORE, SHELL, measured, projected

from cgnmc_bluesky.analysis.xrf.particles import particles_of
from cgnmc_bluesky.analysis.xrf.profile import profile_of

RADIUS_UM, CENTRE_UM, WIDTH_UM = 2.5, 1.7, 0.6


@pytest.fixture(scope="module")
def fine():
    return {
        "erf": projected(RADIUS_UM, shape="erf"),
        "linear": projected(RADIUS_UM, shape="linear"),
        "homogeneous": projected(RADIUS_UM, core=AVERAGE, shell=AVERAGE),
        "steep": projected(RADIUS_UM, width=0.06),
        "open": projected(RADIUS_UM, centre=2.3, width=0.8),
    }


def profiled(atom_map, **how):
    return profile_of(atom_map, particles_of(atom_map)[0], **how)


def repeated(fine, counts, n, seed=3):
    rng = np.random.default_rng(seed)
    return [
        profiled(measured(rng, fine, counts, offset=rng.uniform(-0.2, 0.2, size=2)))
        for _ in range(n)
    ]


def quantities(profile):
    return [
        profile.gradient_centre_um,
        profile.gradient_width_um,
        *(end.fraction(metal) for end in (profile.core, profile.shell) for metal in end.metals),
        *(end.ratio("Mn", "Ni") for end in (profile.core, profile.shell)),
    ]


TRUTH = np.array(
    [CENTRE_UM, WIDTH_UM, *CORE, *SHELL, CORE[0] / CORE[2], SHELL[0] / SHELL[2]],
)


@pytest.fixture(scope="module")
def many(fine):
    cases = {("erf", 300): 3, ("erf", 3000): 5, ("linear", 3000): 7}
    return {case: repeated(fine[case[0]], case[1], 50, seed) for case, seed in cases.items()}


def test_intervals_cover_whichever_shape_the_gradient_has(many):
    found = [[quantities(one) for one in each] for each in many.values()]
    values = np.array([[[one.value for one in each] for each in case] for case in found])
    sigmas = np.array([[[one.sigma for one in each] for each in case] for case in found])
    covered = np.mean(np.abs(values - TRUTH) < sigmas, axis=(0, 1))
    assert 0.62 < np.mean(covered) < 0.74
    # of 150 maps each
    assert np.all((covered > 0.56) & (covered < 0.79))
    bias = np.abs(np.mean(values, axis=1) - TRUTH)
    assert np.all(bias < 0.75 * np.mean(sigmas, axis=1))


def test_the_width_is_right_within_a_tenth_at_3000_counts(many):
    for case in (("erf", 3000), ("linear", 3000)):
        widths = np.array([one.gradient_width_um.value for one in many[case]])
        assert np.all(np.abs(widths / WIDTH_UM - 1) < 0.1)


def test_few_counts_do_not_bias_the_composition(fine):
    found = repeated(fine["erf"], 30, 25)
    for at, name in enumerate(("Mn", "Co", "Ni")):
        core = np.array([one.core.fraction(name).value for one in found])
        assert abs(np.mean(core) - CORE[at]) < 4 * np.std(core) / np.sqrt(25) + 0.002


def test_the_mean_is_all_atoms_of_the_particle(fine):
    _, maps = fine["erf"]
    mn, _, ni = (np.sum(one) for one in maps)
    found = [one.mean.ratio("Mn", "Ni") for one in repeated(fine["erf"], 1000, 20)]
    values = np.array([one.value for one in found])
    assert np.mean(values) == pytest.approx(mn / ni, rel=1e-3)
    assert np.std(values) == pytest.approx(np.mean([one.sigma for one in found]), rel=0.35)


@pytest.mark.parametrize("counts", [10_000, 1000, 100])
def test_a_homogeneous_particle_is_said_to_be_one(fine, counts):
    for profile in repeated(fine["homogeneous"], counts, 6):
        assert profile.gradient_centre_um is None
        assert profile.gradient_width_um is None
        assert profile.core is profile.shell is profile.mean
        assert "homogeneous: no gradient is significant" in profile.notes


def test_a_gradient_finer_than_the_beam_has_a_place_but_no_width(fine):
    for profile in repeated(fine["steep"], 3000, 6):
        assert profile.gradient_width_um is None
        assert profile.gradient_centre_um.value == pytest.approx(CENTRE_UM, abs=0.01)
        assert any(note.startswith("the gradient is narrower than 0.1") for note in profile.notes)
        assert profile.core.ratio("Mn", "Ni").value == pytest.approx(CORE[0] / CORE[2], rel=0.02)


def test_a_gradient_that_reaches_the_surface_has_neither_centre_nor_width(fine):
    at_surface = 0.15 + 0.25 * 0.739
    for profile in repeated(fine["open"], 3000, 6):
        assert profile.gradient_centre_um is None
        assert profile.gradient_width_um is None
        assert "the gradient reaches the surface: shell is the composition there" in profile.notes
        found = profile.shell.fraction("Mn")
        assert abs(found.value - at_surface) < max(4 * found.sigma, 0.01)


def test_a_map_that_fills_says_first_nothing_then_the_shell_then_all(fine):
    rng = np.random.default_rng(4)
    whole = measured(rng, fine["erf"], 3000)

    def after(rows):
        kept = whole.line < rows
        names = ("x_um", "y_um", "line", "atoms", "covariance")
        return profiled(replace(whole, **{name: getattr(whole, name)[kept] for name in names}))

    early = after(14)
    assert early.radius_um is None
    assert early.core is None
    assert "centre and radius cannot be known yet" in early.notes
    assert early.mean is not None
    half = after(36)
    assert "the particle reaches the edge of the map" in half.notes
    for profile in (half, after(50), after(65)):
        assert abs(profile.gradient_centre_um.value - CENTRE_UM) < 5 * (
            profile.gradient_centre_um.sigma
        )
        assert profile.core.fraction("Mn").value == pytest.approx(0.15, abs=0.02)
        assert profile.shell.fraction("Mn").value == pytest.approx(0.40, abs=0.04)
    assert profile.notes == ()


def test_a_single_line_gives_the_profile_with_a_note(fine):
    rng = np.random.default_rng(4)
    whole = measured(rng, fine["linear"], 30_000)
    kept = whole.line == 32
    names = ("x_um", "y_um", "line", "atoms", "covariance")
    profile = profiled(replace(whole, **{name: getattr(whole, name)[kept] for name in names}))
    assert "on a single line: the centre is taken to lie on it" in profile.notes
    assert profile.y_um is None
    assert abs(profile.gradient_centre_um.value - CENTRE_UM) < 4 * profile.gradient_centre_um.sigma
    core = profile.core.fraction("Mn")
    assert abs(core.value - 0.15) < 4 * core.sigma


def test_too_few_counts_to_tell_are_said_to_be_too_few(fine):
    (profile,) = repeated(fine["erf"], 1.2, 1)
    assert profile.core is None or profile.core.fraction("Mn").sigma < 0.1
    assert profile.notes


def test_masked_pixels_are_left_out(fine):
    rng = np.random.default_rng(4)
    atom_map = measured(rng, fine["erf"], 3000)
    dead = rng.random(len(atom_map.line)) < 0.1
    atoms, x_um = atom_map.atoms.copy(), atom_map.x_um.copy()
    atoms[dead] = np.nan
    x_um[::37] = np.nan
    profile = profiled(replace(atom_map, atoms=atoms, x_um=x_um))
    assert abs(profile.gradient_width_um.value - WIDTH_UM) < 4 * profile.gradient_width_um.sigma


def test_the_curves_are_of_one_length_and_fit(fine):
    (profile,) = repeated(fine["erf"], 3000, 1)
    curves = profile.curves
    assert {len(one) for one in curves.values()} == {len(curves["radius_um"])}
    pulls = (curves["mn"] - curves["mn_fit"]) / curves["mn_sigma"]
    assert np.sqrt(np.mean(pulls**2)) == pytest.approx(1.0, abs=0.35)
    assert curves["mn_radial"][0] == pytest.approx(0.15, abs=0.01)
    assert curves["mn_radial"][-1] == pytest.approx(0.40, abs=0.01)
    np.testing.assert_allclose(curves["mn_ni"], curves["mn"] / curves["ni"])


def test_the_same_map_gives_the_same_bits(fine):
    first, second = (repeated(fine["erf"], 300, 1)[0] for _ in range(2))
    assert quantities(first) == quantities(second)


@settings(max_examples=5, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(-20, 20), st.randoms(use_true_random=False))
def test_units_places_and_the_order_of_lines_do_not_matter(fine, scale, shift_um, random):
    atom_map = measured(np.random.default_rng(1), fine["erf"], 1000)
    lines = list(range(65))
    random.shuffle(lines)
    order = np.concatenate([np.flatnonzero(atom_map.line == line) for line in lines])
    moved = replace(
        atom_map,
        x_um=atom_map.x_um[order] + shift_um,
        y_um=atom_map.y_um[order],
        line=atom_map.line[order],
        atoms=atom_map.atoms[order] * scale,
        covariance=atom_map.covariance[order] * scale**2,
    )
    plain, other = profiled(atom_map), profiled(moved)
    assert other.x_um.value == pytest.approx(plain.x_um.value + shift_um, abs=2e-3)
    for one, same in zip(quantities(plain), quantities(other), strict=True):
        assert same.value == pytest.approx(one.value, abs=0.3 * one.sigma)
        assert same.sigma == pytest.approx(one.sigma, rel=0.1)
