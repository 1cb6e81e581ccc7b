import numpy as np
import pytest
from simulated_stacks import ENERGIES_EV, GRID_EV, nickel

from cgnmc_bluesky.analysis.imaging.bands import Mover
from cgnmc_bluesky.analysis.imaging.basis import Basis
from cgnmc_bluesky.analysis.imaging.field import Cells
from cgnmc_bluesky.analysis.imaging.sums import PixelSums

SHAPE = (37, 50)


def curves(energy_ev):
    known = [np.interp(energy_ev, of.energy_ev, of.mu) for of in nickel().edge.standards]
    return np.stack([*known, np.ones_like(energy_ev), (energy_ev - 852.7) / 80], axis=1)


@pytest.fixture(scope="module")
def basis():
    return Basis(curves, (GRID_EV[0] + 2, GRID_EV[-1] - 2))


def test_growing_sums_give_the_least_squares_of_every_pixel(basis):
    random = np.random.default_rng(1)
    amounts = random.uniform(0.2, 1.0, (4, *SHAPE))
    design = curves(ENERGIES_EV)
    images = np.einsum("nk,kij->nij", design, amounts)
    images = (images + 0.02 * random.standard_normal(images.shape)).astype(np.float32)
    weights = random.uniform(0.5, 2.0, len(images))
    sums, mover = PixelSums(SHAPE, len(basis)), Mover(SHAPE)
    for image, row, weight in zip(images, basis(ENERGIES_EV), weights, strict=True):
        sums.add(mover(image, 0.0, 0.0, 1.0), row, weight)
    found = sums.solved(basis.shares(0.0))
    root = np.sqrt(weights)[:, None]
    known = (basis(ENERGIES_EV) @ basis.shares(0.0)) * root
    oracle, residual, *_ = np.linalg.lstsq(known, root * images.reshape(len(images), -1))
    np.testing.assert_allclose(found.amounts.reshape(4, -1), oracle, atol=2e-4)
    variance = residual / (len(images) - 4)
    np.testing.assert_allclose(found.variance.ravel(), variance, rtol=0.02)
    np.testing.assert_allclose(found.inverse, np.linalg.inv(known.T @ known), rtol=1e-4)
    coarse = sums.solved(basis.shares(0.0), 4)
    np.testing.assert_array_equal(coarse.amounts, found.amounts[:, ::4, ::4])


@pytest.mark.parametrize("shift_ev", [0.0, 0.13, -0.4, 0.9])
def test_standards_are_known_wherever_the_axis_comes_to_lie(basis, shift_ev):
    moved = basis(ENERGIES_EV) @ basis.shares(shift_ev)
    assert np.max(np.abs(moved - curves(ENERGIES_EV + shift_ev))) < 0.02


@pytest.mark.parametrize("drift", [(0.0, 0.0), (2.25, -3.5), (-1.75, 0.5), (-3.0, 4.0)])
def test_an_image_is_moved_back_bilinearly(drift):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    image = 1 + 0.02 * (y - drift[0]) + 0.03 * (x - drift[1])
    moved = np.full(SHAPE, np.nan)
    mover = Mover(SHAPE, 0.5, np.full(SHAPE, 2.0, np.float32))
    for rows, columns, values in mover((image + 0.5).astype(np.float32), *drift, 3.0):
        moved[rows, columns] = values
    rows, columns = mover.common(*drift)
    expected = 3 * (1 + 0.02 * y + 0.03 * x)
    np.testing.assert_allclose(moved[rows, columns], expected[rows, columns], rtol=1e-5)
    assert np.isfinite(moved).sum() == moved[rows, columns].size
    assert rows.stop - rows.start == SHAPE[0] - int(np.ceil(abs(drift[0])))


def test_cells_are_means_of_their_pixels():
    shape = (140, 130)
    image = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    cells = Cells(shape)
    assert cells.side == 2
    cells.add(list(Mover(shape, height=cells.side)(image, 0.0, 0.0, 1.0)))
    chosen = cells.chosen(np.ones(shape, bool), 1, (slice(0, 140), slice(0, 130)))
    assert chosen.all()
    assert cells.spectrum(chosen)[0] == pytest.approx(image.mean(), abs=1e-6)
    edge = cells.chosen(np.zeros(shape, bool), 1, (slice(3, 140), slice(0, 130)))
    assert edge.sum() == 68 * 65
