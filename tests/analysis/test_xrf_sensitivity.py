import numpy as np
import pytest

from cgnmc_bluesky.analysis.xrf.sensitivity import NoFactor, factors_of

METALS = ("Mn", "Co", "Ni")
TRUE = np.array([0.54, 0.83, 1.0])
COMPOSITION = {"Mn": 0.2, "Co": 0.3, "Ni": 0.5}
COUNTS = 2e5 * TRUE * np.array(list(COMPOSITION.values()))


def test_factors_are_counts_over_atoms():
    factors = factors_of(METALS, COUNTS, np.diag(COUNTS), COMPOSITION)
    assert factors.relative_to == "Ni"
    assert factors.values == pytest.approx(dict(zip(METALS, TRUE, strict=True)))
    assert factors.sigmas["Ni"] == 0.0
    counted = np.sqrt(1 / COUNTS[0] + 1 / COUNTS[2])
    assert factors.sigmas["Mn"] == pytest.approx(0.54 * counted)


def test_sigmas_are_those_of_repeated_measurements():
    rng = np.random.default_rng(1)
    mixing = np.array([[1.0, 0.0, 0.0], [-0.4, 1.0, 0.0], [0.1, -0.5, 1.0]])
    covariance = mixing @ np.diag(COUNTS) @ mixing.T
    draws = rng.multivariate_normal(COUNTS, covariance, size=4000)
    found = [factors_of(METALS, counts, covariance, COMPOSITION) for counts in draws]
    pulls = [(one.values["Co"] - 0.83) / one.sigmas["Co"] for one in found]
    assert np.std(pulls) == pytest.approx(1.0, abs=0.04)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.06)


def test_what_is_not_known_of_the_composition_is_part_of_the_sigma():
    sigma = {"Mn": 0.01, "Ni": 0.02}
    exact = factors_of(METALS, COUNTS, np.diag(COUNTS), COMPOSITION)
    doubtful = factors_of(METALS, COUNTS, np.diag(COUNTS), COMPOSITION, sigma)
    added = doubtful.sigmas["Mn"] ** 2 - exact.sigmas["Mn"] ** 2
    assert added == pytest.approx(0.54**2 * (0.05**2 + 0.04**2))
    assert doubtful.sigmas["Ni"] == 0.0


def test_the_unit_of_the_composition_does_not_matter():
    percent = {element: 100 * share for element, share in COMPOSITION.items()}
    same = factors_of(METALS, COUNTS, np.diag(COUNTS), percent)
    assert same.values == pytest.approx(
        factors_of(METALS, COUNTS, np.diag(COUNTS), COMPOSITION).values
    )


def test_without_nickel_factors_are_relative_to_the_first_element():
    factors = factors_of(METALS, COUNTS, np.diag(COUNTS), {"Mn": 0.5, "Co": 0.5, "O": 2.0})
    assert factors.relative_to == "Mn"
    assert set(factors.values) == {"Mn", "Co"}


@pytest.mark.parametrize(
    ("counts", "composition", "message"),
    [
        (COUNTS, {}, "names nothing, of which fewer than two"),
        (COUNTS, {"Ni": 1.0}, "names Ni, of which fewer than two are among Mn, Co, Ni"),
        (COUNTS * [0, 1, 1], COMPOSITION, "shows no Mn"),
    ],
)
def test_what_gives_no_factor_is_said(counts, composition, message):
    with pytest.raises(NoFactor, match=message):
        factors_of(METALS, np.array(counts), np.diag(counts + 1.0), composition)
