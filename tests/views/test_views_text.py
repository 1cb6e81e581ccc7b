import math

import pytest

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.views.text import amount, label, prefixed, valence_of, with_sigma


@pytest.mark.parametrize(
    ("value", "sigma", "written"),
    [
        (8344.7634, 0.0213, "8344.763 ± 0.021"),
        (0.3481, 0.0062, "0.348 ± 0.006"),
        (0.3481, 0.00998, "0.348 ± 0.010"),
        (1204.4, 35.0, "1204 ± 35"),
        (1.0, 1.0, "1.0 ± 1.0"),
        (-0.00012, 0.000031, "-0.00012 ± 0.00003"),
        (8344.7634, math.nan, "8344.76"),
        (8344.7634, None, "8344.76"),
        (8344.7634, 0.0, "8344.76"),
    ],
)
def test_digits_follow_the_uncertainty(value, sigma, written):
    assert with_sigma(value, sigma) == written


def test_names_in_words():
    assert label("t_detect_c") == "detected"
    assert valence_of("fraction_NiO") is None
    assert valence_of("mn2_fraction") == ("Mn", 2)


@pytest.mark.parametrize(
    ("value", "sigma", "unit", "written"),
    [
        (9.6e-12, 2e-13, "A/degC", "9.60 ± 0.20 pA/°C"),
        (2.3e-9, None, "A", "2.3 nA"),
        (0.0, None, "A", "0 A"),
        (3.0, 0.5, "A", "3.0 ± 0.5 A"),
        (189.41, 1.23, "degC", "189.4 ± 1.2 °C"),
        (0.427, 0.006, "deg", "0.427 ± 0.006°"),
    ],
)
def test_amounts_have_the_sign_of_their_unit(value, sigma, unit, written):
    result = Result(
        *("run", 1, None, None, "o2_onset", None, Status.FINAL, ""),
        values={"x": value},
        sigmas={"x": sigma},
        units={"x": unit},
    )
    assert amount(result, "x") == written


def test_sizes_far_from_any_prefix_keep_the_nearest():
    assert prefixed(2e-23) == (1e18, "a")
    assert prefixed(4e6) == (1.0, "")
    assert prefixed(1e-9) == (1e9, "n")
