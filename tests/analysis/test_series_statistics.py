"""Trends, kept gradients and charge balances against what is known of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from cgnmc_bluesky.analysis.series.balance import charge_balance
from cgnmc_bluesky.analysis.series.gradient import Gradient, Kept, fate_of
from cgnmc_bluesky.analysis.series.trend import Course, fit_trend

CYCLES = (0.0, 1.0, 50.0, 100.0)
SIGMA = 0.01
SERIES = 400


def drawn(cycles, *, rise=0.0, between=0.0, seed=1):
    """Trends of series that rise by so much in 100 cycles, samples differing by `between`."""
    generator = np.random.default_rng(seed)
    x = np.asarray(cycles)
    sigmas = SIGMA * generator.uniform(0.5, 2.0, (SERIES, len(x)))
    spread = np.hypot(sigmas, between)
    values = 0.4 + rise * x / 100 + spread * generator.standard_normal((SERIES, len(x)))
    return [fit_trend(x, one, own) for one, own in zip(values, sigmas, strict=True)]


def test_p_is_uniform_where_nothing_changes():
    assert kstest([trend.p_constant for trend in drawn(CYCLES)], "uniform").pvalue > 0.01


@pytest.mark.parametrize(
    ("cycles", "between", "most"),
    [
        (CYCLES, 0.0, 0.08),
        (CYCLES * 3, 0.0, 0.08),
        (CYCLES * 3, 0.05, 0.08),
        (CYCLES * 3, 0.02, 0.13),
    ],
)
def test_no_change_is_seldom_called_one(cycles, between, most):
    courses = [trend.course for trend in drawn(cycles, between=between)]
    assert np.mean([course is not Course.NO_CHANGE for course in courses]) < most
    assert np.mean([course in (Course.RISES, Course.FALLS) for course in courses]) < 0.04


def test_a_change_is_found_as_often_as_promised():
    few = drawn((0.0, 100.0), rise=0.05)
    found = [trend.course is Course.RISES for trend in few]
    promised = [trend.detectable < 0.05 for trend in few]
    assert np.mean(found) > 0.7
    assert np.mean([one for one, sure in zip(found, promised, strict=True) if sure]) > 0.93
    assert not any(trend.course is Course.FALLS for trend in few)


@pytest.mark.parametrize("cycles", [CYCLES, CYCLES * 3])
def test_the_change_is_covered_by_its_sigma(cycles):
    trends = drawn(cycles, rise=-0.07, seed=2)
    pulls = [(trend.change + 0.07) / trend.change_sigma for trend in trends]
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.68, abs=0.06)
    slopes = [(trend.slope + 0.0007) / trend.slope_sigma for trend in trends]
    assert np.mean(np.abs(slopes) < 1) == pytest.approx(0.68, abs=0.06)


def test_samples_that_differ_are_found_and_widen_sigmas():
    trends = drawn(CYCLES * 3, between=0.05)
    excess = [trend.means.excess_sigma for trend in trends]
    assert np.median(excess) == pytest.approx(0.05, rel=0.15)
    assert np.std([trend.change for trend in trends]) == pytest.approx(
        np.median([trend.change_sigma for trend in trends]), rel=0.15
    )


def test_a_bend_is_told_from_a_line_and_widens_the_slope():
    bent = fit_trend(CYCLES, [0.40, 0.50, 0.50, 0.50], [SIGMA] * 4)
    assert not bent.is_straight
    assert bent.slope_sigma == pytest.approx(
        fit_trend(CYCLES, [0.4] * 4, [SIGMA] * 4).slope_sigma * (bent.chi2_line / 2) ** 0.5
    )
    assert bent.course is Course.VARIES
    hill = fit_trend(CYCLES, [0.40, 0.40, 0.50, 0.40], [SIGMA] * 4)
    assert hill.course is Course.VARIES


@given(
    shift=st.floats(-5, 5), scale=st.floats(0.1, 10), order=st.permutations(range(4)),
    values=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)  # fmt: skip
def test_a_trend_follows_its_data(shift, scale, order, values):
    plain = fit_trend(CYCLES, values, [SIGMA] * 4)
    moved = fit_trend(
        [CYCLES[at] for at in order],
        [shift + scale * values[at] for at in order],
        [scale * SIGMA] * 4,
    )
    assert moved.p_constant == pytest.approx(plain.p_constant, rel=1e-6, abs=1e-9)
    assert moved.change == pytest.approx(scale * plain.change, abs=1e-9)
    assert moved.slope == pytest.approx(scale * plain.slope, abs=1e-9)


def test_what_is_common_counts_for_the_mean_alone():
    own = fit_trend(CYCLES, [0.4] * 4, [SIGMA] * 4)
    with_common = fit_trend(CYCLES, [0.4] * 4, [SIGMA] * 4, common_sigma=0.03)
    assert with_common.mean_sigma == pytest.approx(np.hypot(own.mean_sigma, 0.03))
    assert with_common.change_sigma == own.change_sigma
    assert fit_trend([50.0, 50.0], [0.4, 0.5], [SIGMA] * 2) is None


def particles(contrast, width, *, count, between=0.0, seed):
    generator = np.random.default_rng(seed)
    return [
        Gradient(
            (contrast + generator.normal(0, np.hypot(0.04, between)), 0.04),
            (width + generator.normal(0, 0.15), 0.15),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("contrast", "width", "expected", "least"),
    [
        (0.79, 1.0, Kept.KEPT, 0.85),
        (0.0, 1.0, Kept.LOST, 0.95),
        (0.4, 1.0, Kept.ALTERED, 0.95),
        (0.79, 2.2, Kept.ALTERED, 0.95),
    ],
)
def test_gradients_are_told_apart(contrast, width, expected, least):
    told = [
        fate_of(
            particles(0.79, 1.0, count=3, between=0.04, seed=seed),
            particles(contrast, width, count=3, between=0.04, seed=1000 + seed),
        ).kept
        for seed in range(100)
    ]
    assert told.count(expected) >= least * len(told)
    assert expected is Kept.KEPT or Kept.KEPT not in told


def test_one_says_when_one_cannot_tell():
    sure = [Gradient((0.79, 0.02), (1.0, 0.1))]
    assert fate_of(sure, []).kept is Kept.UNKNOWN
    assert fate_of([Gradient((0.05, 0.04), None)], sure).kept is Kept.UNKNOWN
    assert fate_of(sure, [Gradient((0.7, 0.2), (1.0, 0.1))]).kept is Kept.UNKNOWN
    without_width = fate_of(sure, [Gradient((0.79, 0.02), None)])
    assert without_width.kept is Kept.UNKNOWN
    assert "no width" in without_width.why


@pytest.mark.parametrize(
    ("surface", "gained", "released"),
    [((0.6, 0.2, 0.2), 0.4, 0.6), ((0.4, 0.4, 0.2), 0.8, 0.4)],
)
def test_the_papers_limiting_cases_are_exact(surface, gained, released):
    shares = dict(zip(("Ni", "Mn", "Co"), surface, strict=True))
    whole = charge_balance(shares, {"Mn": (-2.0, 0.0), "Ni": (-1.0, 0.0), "Co": (0.0, 0.0)})
    assert (whole.gained_mn[0], whole.released_ni[0]) == (gained, released)
    assert whole.balance[0] == gained - released
    assert whole.reduced == (pytest.approx(gained + released), 0.0)


def test_a_charge_balance_propagates_errors_and_needs_both_metals():
    shares = {"Ni": 0.4, "Mn": 0.4, "Co": 0.2}
    changes = {"Mn": (-0.6, 0.02), "Ni": (0.07, 0.01), "Co": None}
    balance = charge_balance(shares, changes)
    assert balance.gained_mn == (pytest.approx(0.24), pytest.approx(0.008))
    assert balance.released_ni == (pytest.approx(-0.028), pytest.approx(0.004))
    assert balance.balance == (pytest.approx(0.268), pytest.approx(np.hypot(0.008, 0.004)))
    assert balance.reduced is None
    with pytest.raises(ValueError, match="valence of Mn"):
        charge_balance(shares, {**changes, "Mn": None})
