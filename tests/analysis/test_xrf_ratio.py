import numpy as np
import pytest

from cgnmc_bluesky.analysis.xrf.composition import composition_of, fractions_of
from cgnmc_bluesky.analysis.xrf.ratio import ratio_of


@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.6])
def test_the_sigma_of_a_ratio_is_that_of_repeated_counts(correlation):
    rng = np.random.default_rng(2)
    covariance = np.array([[16.0, correlation * 24], [correlation * 24, 36.0]])
    top, bottom = rng.multivariate_normal([100.0, 200.0], covariance, size=20_000).T
    ratio, sigma = ratio_of(top, bottom, np.broadcast_to(covariance, (20_000, 2, 2)))
    assert np.std(ratio) == pytest.approx(np.mean(sigma), rel=0.03)
    assert np.mean(np.abs(ratio - 0.5) < sigma) == pytest.approx(0.683, abs=0.015)


def test_a_denominator_that_does_not_stand_out_carries_no_ratio():
    covariance = np.broadcast_to(np.eye(2), (4, 2, 2))
    ratio, sigma = ratio_of(np.ones(4), np.array([2.9, 3.1, -50.0, np.nan]), covariance)
    np.testing.assert_array_equal(np.isfinite(ratio), [False, True, False, False])
    np.testing.assert_array_equal(np.isfinite(sigma), [False, True, False, False])


def test_a_certain_denominator_leaves_the_numerators_sigma():
    ratio, sigma = ratio_of(np.array([-3.0]), np.array([10.0]), np.diag([4.0, 0.0])[None])
    assert ratio[0] == pytest.approx(-0.3)
    assert sigma[0] == pytest.approx(0.2)


def test_fractions_add_up_and_their_covariance_with_them():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    fractions, covariance = fractions_of(np.array([[20.0, 30.0, 50.0]]), (root @ root.T)[None])
    np.testing.assert_allclose(fractions, [[0.2, 0.3, 0.5]])
    np.testing.assert_allclose(covariance.sum(axis=1), 0.0, atol=1e-15)


def test_no_atoms_have_no_fractions():
    fractions, _ = fractions_of(np.array([[1.0, -2.0]]), np.eye(2)[None])
    assert np.isnan(fractions).all()


def test_the_ratio_of_fractions_is_the_ratio_of_atoms():
    atoms, covariance = np.array([40.0, 20.0, 80.0]), np.diag([4.0, 2.0, 8.0])
    found = composition_of(("Mn", "Co", "Ni"), atoms, covariance).ratio("Mn", "Ni")
    ratio, sigma = ratio_of(atoms[[0]], atoms[[2]], covariance[np.ix_([0, 2], [0, 2])][None])
    assert found.value == pytest.approx(ratio[0])
    assert found.sigma == pytest.approx(sigma[0], rel=0.02)
