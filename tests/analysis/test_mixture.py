import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from cgnmc_bluesky.analysis.mixture import combine


def random_problem(seed: int, n: int = 40, k: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)), rng.normal(size=n)


@given(st.integers(0, 1000))
def test_amounts_are_those_of_numpys_least_squares(seed):
    columns, curve = random_problem(seed)
    found = combine(columns, curve)
    expected, squares, *_ = np.linalg.lstsq(columns, curve, rcond=None)
    np.testing.assert_allclose(found.values, expected, rtol=1e-9, atol=1e-12)
    assert found.noise**2 == pytest.approx(squares[0] / (40 - 3))
    np.testing.assert_allclose(found.residual, curve - columns @ expected, atol=1e-12)


@given(st.integers(0, 100))
def test_amounts_that_sum_to_one_are_the_best_that_do(seed):
    columns, curve = random_problem(seed)
    found = combine(columns, curve, sums_to_one=2)
    constraint = {"type": "eq", "fun": lambda amounts: amounts[:2].sum() - 1}
    best = minimize(
        lambda amounts: np.sum((curve - columns @ amounts) ** 2),
        np.array([0.5, 0.5, 0.0]),
        constraints=[constraint],
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    assert found.values[:2].sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(found.values, best.x, atol=1e-5)


def test_covariance_is_the_scatter_of_repeated_measurements():
    rng = np.random.default_rng(5)
    columns, _ = random_problem(1)
    true = np.array([0.3, 0.7, -0.2])
    found = [combine(columns, columns @ true + 0.1 * rng.normal(size=40)) for _ in range(2000)]
    scatter = np.cov([one.values for one in found], rowvar=False)
    claimed = np.mean([one.covariance for one in found], axis=0)
    np.testing.assert_allclose(scatter, claimed, rtol=0.12, atol=1e-5)


def test_the_covariance_of_amounts_that_sum_to_one_has_no_width_along_the_sum():
    columns, curve = random_problem(2)
    covariance = combine(columns, curve, sums_to_one=3).covariance
    assert np.ones(3) @ covariance @ np.ones(3) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_units_of_a_column_do_not_matter(scale):
    columns, curve = random_problem(3)
    scaled = columns * np.array([scale, 1, 1])
    expected = combine(columns, curve).values / np.array([scale, 1, 1])
    np.testing.assert_allclose(combine(scaled, curve).values, expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (np.ones((3, 3)), "3 points cannot tell 3 amounts apart"),
        (np.ones((9, 2)), "too much alike"),
        (np.zeros((9, 2)), "zero everywhere"),
    ],
)
def test_a_problem_without_an_answer_is_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        combine(columns, np.ones(len(columns)))
