from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import kstest
from simulated_particles import AVERAGE, balls, measured, projected

from cgnmc_bluesky.analysis.descent import Local, covariance_of, descend, misfit_of
from cgnmc_bluesky.analysis.xrf.particles import particles_of
from cgnmc_bluesky.analysis.xrf.projection import FWHM, Radii
from cgnmc_bluesky.analysis.xrf.sphere import sphere_of


def test_shells_add_up_to_the_sphere():
    rings = Radii(0.05, 100)
    shells = rings.shell_chords_um[:, :60].sum(axis=1)
    np.testing.assert_allclose(shells, rings.chord_um(3.0), atol=1e-12)


def test_the_rings_hold_the_volume_of_the_sphere():
    rings = Radii(0.05, 100)
    area = np.pi * np.diff(rings.edges_um**2)
    assert np.sum(area * rings.chord_um(3.21)) == pytest.approx(4 / 3 * np.pi * 3.21**3)


@pytest.mark.parametrize("fwhm_um", [0.05, 0.1, 0.3, 0.6])
def test_the_blur_is_that_of_an_image(fwhm_um):
    fine_um, radius_um = 0.01, 1.5
    axis = (np.arange(-250, 250) + 0.5) * fine_um
    r2 = axis**2 + axis[:, None] ** 2
    image = 2 * np.sqrt(np.maximum(radius_um**2 - r2, 0))
    image = gaussian_filter(image, fwhm_um / FWHM / fine_um)
    rings = Radii(0.02, 125)
    seen = rings.blur(fwhm_um / FWHM)(rings.chord_um(radius_um))
    # the rings average over their width what the rim, steep as a root, has within it
    tolerance = 0.02 * 2 * radius_um if fwhm_um < 0.1 else 0.004 * 2 * radius_um
    found = rings.between(seen, np.sqrt(r2[250, 250:490]))
    np.testing.assert_allclose(found, image[250, 250:490], atol=tolerance)


def test_a_blur_keeps_atoms_and_constants():
    rings = Radii(0.05, 120)
    blur = rings.blur(0.2)
    area = np.diff(rings.edges_um**2)
    chord = rings.chord_um(3.0)
    assert np.sum(area * blur(chord)) == pytest.approx(np.sum(area * chord), rel=1e-4)
    np.testing.assert_allclose(blur(np.ones(120))[:80], 1.0, rtol=1e-12)


def test_blurring_onto_annuli_is_blurring_and_then_summing():
    rng = np.random.default_rng(3)
    rings = Radii(0.05, 60)
    placing, values = rng.random((7, 60)), rng.random(60)
    blur = rings.blur(0.13)
    np.testing.assert_allclose(blur.onto(placing) @ values, placing @ blur(values))


def test_descent_finds_the_least_squares_with_their_covariance():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 3, 50)
    y = 2.0 * np.exp(-1.3 * t) + 0.01 * rng.normal(size=50)

    def at(values):
        model = values[0] * np.exp(-values[1] * t)
        slopes = np.stack([model / values[0], -t * model]) / 0.01
        residual = (y - model) / 0.01
        return Local(float(residual @ residual), slopes @ residual, slopes @ slopes.T, 1.0)

    bound = np.array([10.0, 10.0])
    found, local = descend(at, np.array([1.0, 0.3]), -bound, bound)
    sigma = np.sqrt(np.diagonal(covariance_of(local.normal)))
    np.testing.assert_allclose(found, [2.0, 1.3], atol=4 * sigma.max())
    assert sigma[0] == pytest.approx(0.0065, rel=0.2)


def test_what_a_normal_matrix_does_not_tell_is_infinitely_uncertain():
    assert np.isinf(covariance_of(np.array([[1.0, 1.0], [1.0, 1.0]]))).all()
    assert np.isinf(covariance_of(np.zeros((2, 2)))).all()


def test_chance_is_no_misfit():
    assert misfit_of(107.0, 100) == 1.0
    assert misfit_of(1000.0, 100) == pytest.approx(9.34, abs=0.01)


@pytest.fixture(scope="module")
def even():
    return {
        fwhm_um: projected(2.0, core=AVERAGE, shell=AVERAGE, beam=fwhm_um) for fwhm_um in (0.1, 0.3)
    }


@pytest.mark.parametrize("fwhm_um", [0.1, 0.3])
def test_centre_and_radius_are_right_within_their_sigmas(even, fwhm_um):
    rng = np.random.default_rng(5)
    pulls, blurs = [], []
    for _ in range(40):
        offset = rng.uniform(-0.3, 0.3, size=2)
        atom_map = measured(rng, even[fwhm_um], 1000, offset=offset, half_um=2.8, num=57)
        sphere = sphere_of(atom_map, particles_of(atom_map)[0])
        found = np.array([sphere.x.value, sphere.y.value, sphere.radius.value])
        sigma = np.array([sphere.x.sigma, sphere.y.sigma, sphere.radius.sigma])
        pulls.append((found - [*offset, 2.0]) / sigma)
        blurs.append(sphere.blur_um * FWHM)
    pulls = np.array(pulls)
    assert kstest(pulls[:, :2].ravel(), "norm").pvalue > 1e-3
    # the voxels of the truth are larger than the radius is uncertain
    assert np.std(pulls[:, 2]) < 1.4
    assert np.mean(blurs) == pytest.approx(fwhm_um, abs=0.02)


def test_the_counts_own_variance_does_not_pull_the_radius_in(even):
    rng = np.random.default_rng(6)
    radii = []
    for _ in range(40):
        atom_map = measured(rng, even[0.1], 15, half_um=2.8, num=57)
        radii.append(sphere_of(atom_map, particles_of(atom_map)[0]).radius.value)
    assert np.mean(radii) == pytest.approx(2.0, abs=4 * np.std(radii) / np.sqrt(40) + 0.002)


def test_a_given_beam_is_taken(even):
    atom_map = measured(np.random.default_rng(1), even[0.3], 1000, half_um=2.8, num=57)
    sphere = sphere_of(atom_map, particles_of(atom_map)[0], beam_fwhm_um=0.3)
    assert sphere.blur_um * FWHM == pytest.approx(0.3, abs=0.02)
    far = sphere_of(atom_map, particles_of(atom_map)[0], beam_fwhm_um=0.6)
    assert far.blur_um * FWHM == pytest.approx(0.54, abs=0.001)


@pytest.mark.parametrize(("rows", "fixed"), [(9, False), (20, False), (45, True), (60, True)])
def test_the_first_lines_of_a_map_do_not_fix_the_sphere(rows, fixed):
    atom_map = balls(np.random.default_rng(2), [(0.1, 0.2, 4.5)], 1000, rows=rows)
    sphere = sphere_of(atom_map, particles_of(atom_map)[0])
    assert (sphere is not None and sphere.fixed) == fixed
    if fixed:
        assert sphere.y.value == pytest.approx(0.2, abs=0.03)
        assert sphere.radius.value == pytest.approx(4.5, abs=0.03)


def test_on_a_single_line_the_centre_is_taken_to_lie_on_it():
    atom_map = balls(np.random.default_rng(2), [(0.1, 0.0, 3.0)], 1000)
    line = balls(np.random.default_rng(2), [(0.1, 5.0, 3.0)], 1000, rows=1)
    assert sphere_of(atom_map, particles_of(atom_map)[0]).on_line is False
    line = type(line)(
        line.metals,
        line.x_um,
        line.y_um,
        line.line,
        atom_map.atoms[atom_map.line == 50],
        atom_map.covariance[atom_map.line == 50],
    )
    sphere = sphere_of(line, particles_of(line)[0])
    assert sphere.on_line
    assert sphere.y.value == -5.0
    assert sphere.x.value == pytest.approx(0.1, abs=0.03)
    assert sphere.radius.value == pytest.approx(3.0, abs=0.03)
    # the line may run along y, and be written one pixel a line
    for number in (line.line, np.arange(len(line.line))):
        upright = replace(line, x_um=line.y_um, y_um=line.x_um, line=number)
        turned = sphere_of(upright, particles_of(upright)[0])
        assert turned.x.value == -5.0
        assert turned.y.value == pytest.approx(sphere.x.value)
        assert turned.radius.value == pytest.approx(sphere.radius.value)
