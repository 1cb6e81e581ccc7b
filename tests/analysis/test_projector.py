import subprocess
import sys

import numpy as np
import pytest

from cgnmc_bluesky.analysis.mixture import ROWS, Projector, combine

X = np.linspace(0.0, 1.0, 120)
COLUMNS = np.stack(
    [*(np.exp(-0.5 * ((X - centre) / 0.05) ** 2) for centre in (0.2, 0.35, 0.7)), np.ones(120)],
    axis=1,
)
AMOUNTS = np.array([3.0, 8.0, 20.0, 0.5])
EXPECTED = COLUMNS @ AMOUNTS


def curves(n, seed=0):
    return np.random.default_rng(seed).poisson(EXPECTED, (n, len(X))).astype(np.float32)


def test_amounts_are_those_of_least_squares():
    curve = EXPECTED + np.sin(40 * X)
    amounts, _ = Projector(COLUMNS, np.ones(len(X)))(curve[None])
    np.testing.assert_allclose(amounts[0], combine(COLUMNS, curve).values, rtol=1e-5)


def test_the_covariance_is_what_counting_gives():
    amounts, covariance = Projector(COLUMNS, EXPECTED)(curves(20_000))
    np.testing.assert_allclose(np.cov(amounts.T), covariance.mean(axis=0), rtol=0.06, atol=0.01)
    sigmas = np.sqrt(np.einsum("nii->ni", covariance))
    pulls = (amounts - AMOUNTS) / sigmas
    np.testing.assert_allclose(pulls.std(axis=0), 1.0, atol=0.05)
    np.testing.assert_allclose(amounts.mean(axis=0), AMOUNTS, rtol=5e-3)


def test_the_weights_reach_the_bound_of_cramer_and_rao():
    amounts, _ = Projector(COLUMNS, EXPECTED)(curves(20_000))
    information = np.einsum("ij,i,ik->jk", COLUMNS, 1 / EXPECTED, COLUMNS)
    bound = np.diagonal(np.linalg.inv(information))
    assert np.all(bound / amounts.var(axis=0) > 0.95)


def test_some_amounts_may_have_a_covariance():
    whole, all_of_it = Projector(COLUMNS, EXPECTED)(curves(10))
    same, part = Projector(COLUMNS, EXPECTED, np.array([0, 2]))(curves(10))
    np.testing.assert_allclose(same, whole, rtol=1e-5)
    np.testing.assert_allclose(part, all_of_it[:, [0, 2]][:, :, [0, 2]], rtol=1e-4)


@pytest.mark.parametrize("pieces", [(ROWS,), (ROWS * 3, ROWS), (ROWS * 5,)])
def test_pieces_of_a_row_give_the_same_bits(pieces):
    row = curves(101)
    projector = Projector(COLUMNS, EXPECTED)
    cut = np.split(row, np.cumsum(pieces))
    found = np.concatenate([projector.packed(piece) for piece in cut])
    assert found.tobytes() == projector.packed(row).tobytes()


def test_threads_do_not_change_the_bits():
    program = (
        "import numpy as np, sys\n"
        "from cgnmc_bluesky.analysis.mixture import Projector\n"
        "columns = np.random.default_rng(0).random((900, 8))\n"
        "counts = np.random.default_rng(1).poisson(4.0, (200, 900))\n"
        "sys.stdout.write(Projector(columns, np.ones(900)).packed(counts).tobytes().hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for threads in ("1", "4")
    }
    assert len(found) == 1


def test_a_curve_with_a_nan_has_no_amounts():
    row = curves(3)
    row[1] = np.nan
    amounts, covariance = Projector(COLUMNS, EXPECTED)(row)
    assert np.isnan(amounts[1]).all()
    assert np.isnan(covariance[1]).all()
    assert np.isfinite(amounts[[0, 2]]).all()


def test_columns_that_are_the_same_are_refused():
    with pytest.raises(ValueError, match="too much alike"):
        Projector(np.stack([X, X], axis=1), np.ones(120))
