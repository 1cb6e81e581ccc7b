import tracemalloc

import numpy as np
import pytest

from cgnmc_bluesky.analysis.xrf.amounts import PIXELS_TOGETHER, DetectorAmounts, SpectrumModel
from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.particle import PARTICLES
from cgnmc_bluesky.standards import emitters_of

CHANNELS = np.arange(527, 926)
METALS = ("Mn", "Co", "Ni")
SIDE = 41
AXIS_UM = np.linspace(-5.5, 5.5, SIDE)


@pytest.fixture(scope="module")
def model():
    return SpectrumModel(emitters_of(METALS, 9000.0), 3, CHANNELS, 10.0, 0.0, 9000.0)


@pytest.fixture(scope="module")
def photons():
    """A gradient particle seen through another maker's physics, without self-absorption."""
    beam = Nanobeam([PARTICLES["gradient"]], self_absorption=False)
    return [beam.emission(AXIS_UM, np.full(SIDE, y), dwell_s=0.03) for y in AXIS_UM]


def record(photons, seed=0, **settings):
    """Spectra of one detector element row by row, with its dead time factors."""
    rng = np.random.default_rng(seed)
    detector = DetectorElement(**{"gain_ev": 10.02, "offset_ev": 5.0, **settings})
    return [
        detector.record(row, 0.03, rng, elapsed_s=300.0 * (at // 10))
        for at, row in enumerate(photons)
    ]


def fitted(record):
    return record.counts[:, CHANNELS[0] : CHANNELS[-1] + 1].astype(np.float32)


def amounts_of(records, model):
    detector = DetectorAmounts(model)
    for row, one in enumerate(records, start=1):
        detector.add(row, 0, fitted(one))
    factors = np.concatenate([one.dead_time_factor for one in records])
    found = detector.pixels(range(1, SIDE + 1), SIDE, detector.calibration())
    return (
        found.amounts * factors[:, None],
        found.covariance * (factors**2)[:, None, None],
        detector,
    )


def truth_of(photons):
    return np.concatenate([np.stack([row.of(m) for m in METALS], axis=1) for row in photons])


@pytest.mark.parametrize("drift_per_h", [0.0, 1e-3], ids=["steady", "drifting"])
def test_mean_amounts_and_pulls_about_another_makers_truth(model, photons, drift_per_h):
    truth = truth_of(photons)
    inside = truth[:, 2] > 0.3 * truth[:, 2].max()
    pulls, sums = [], []
    for seed in range(2):
        amounts, covariance, _ = amounts_of(record(photons, seed, drift_per_h=drift_per_h), model)
        sigmas = np.sqrt(np.einsum("nii->ni", covariance))
        pulls.append(((amounts - truth) / sigmas)[inside])
        sums.append(amounts.sum(axis=0))
    mean = np.mean(sums, axis=0) / truth.sum(axis=0)
    np.testing.assert_allclose(mean, 1.0, atol=5e-3)
    assert mean[0] / mean[2] == pytest.approx(1.0, abs=5e-3)
    width = np.std(np.concatenate(pulls), axis=0)
    assert np.all((width > 0.95) & (width < 1.05))


def test_a_row_that_comes_again_counts_instead(model, photons):
    records = record(photons)
    once, again = DetectorAmounts(model), DetectorAmounts(model)
    for row, one in enumerate(records, start=1):
        once.add(row, 0, fitted(one))
        again.add(row, 0, fitted(records[0]) if row == 30 else fitted(one))
        if row == 30:
            again.add(row, 0, fitted(one))
    assert again.total.tobytes() == once.total.tobytes()
    rows = range(1, SIDE + 1)
    found = again.pixels(rows, SIDE, again.calibration())
    expected = once.pixels(rows, SIDE, once.calibration())
    assert found.amounts.tobytes() == expected.amounts.tobytes()


def test_pieces_of_rows_give_the_same_bits(model, photons):
    row = np.concatenate([fitted(one) for one in record(photons)])
    whole, pieces = DetectorAmounts(model), DetectorAmounts(model)
    whole.add(1, 0, row)
    for first in range(0, len(row), PIXELS_TOGETHER):
        pieces.add(1, first, row[first : first + PIXELS_TOGETHER])
    expected, found = (one.pixels([1], len(row), one.calibration()) for one in (whole, pieces))
    assert found.amounts.tobytes() == expected.amounts.tobytes()
    assert found.covariance.tobytes() == expected.covariance.tobytes()


def test_missing_spectra_and_rows_are_nan(model, photons):
    detector = DetectorAmounts(model)
    for row, one in enumerate(record(photons), start=1):
        counts = fitted(one)
        if row == 20:
            counts[:] = np.nan
        if row != 21:
            detector.add(row, 0, counts)
    amounts = detector.pixels(range(1, SIDE + 1), SIDE).amounts.reshape(SIDE, SIDE, 3)
    assert np.isnan(amounts[19:21]).all()
    assert np.isfinite(np.delete(amounts, [19, 20], axis=0)).all()


def test_few_counts_are_fitted_at_the_end(model, photons):
    detector = DetectorAmounts(model)
    detector.add(1, 0, fitted(record(photons)[SIDE // 2])[:5])
    assert not detector.is_ready
    detector.begin()
    assert np.isfinite(detector.pixels([1], 5).amounts).all()


def test_memory_does_not_grow_with_spectra(model, photons):
    counts = fitted(record(photons)[SIDE // 2])
    detector = DetectorAmounts(model)
    for row in range(1, 101):
        detector.add(row, 0, counts)
    tracemalloc.start()
    for row in range(101, 501):
        detector.add(row, 0, counts)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown / 400 < 0.1 * counts.nbytes
