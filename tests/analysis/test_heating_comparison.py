import math

import numpy as np
import pytest

from cgnmc_bluesky.analysis.heating.comparison import (
    RATE,
    TEMPERATURES,
    Release,
    compare_releases,
    different_rates,
)

SHARP = Release(
    "conventional",
    {"t_rate_c": 189.0, "t_detect_c": 190.0, "t_peak_c": 206.0, "fwhm_c": 16.0, RATE: 4.0},
    {"t_rate_c": 1.2, "t_detect_c": None, "t_peak_c": 0.3, "fwhm_c": 0.4},
)
WIDE = Release(
    "gradient",
    {"t_rate_c": 194.0, "t_detect_c": 201.0, "t_peak_c": 260.0, "fwhm_c": 95.0, RATE: 4.1},
    {"t_rate_c": 2.0, "t_detect_c": None, "t_peak_c": 2.0, "fwhm_c": 5.0},
)
NONE = Release("stable", {}, {}, "no onset up to 500 °C")


def _by_name(first, second):
    return {contrast.name: contrast for contrast in compare_releases(first, second)}


def test_temperatures_are_subtracted_and_widths_divided():
    found = _by_name(SHARP, WIDE)
    assert (found["t_rate_difference_c"].value, found["t_peak_difference_c"].value) == (5.0, 54.0)
    assert found["t_rate_difference_c"].sigma == pytest.approx(math.hypot(1.2, 2.0))
    assert found["fwhm_ratio"].value == 95 / 16
    assert next(iter(found)) == "t_rate_difference_c"


def test_errors_are_those_of_repeated_measurements():
    random = np.random.default_rng(0)
    one, other = random.normal(16.0, 0.4, 40_000), random.normal(95.0, 5.0, 40_000)
    ratio = _by_name(SHARP, WIDE)["fwhm_ratio"]
    assert ratio.sigma == pytest.approx(np.std(other / one), rel=0.02)
    assert ratio.significance == pytest.approx(
        np.log(95 / 16) / np.std(np.log(other / one)), rel=0.02
    )


def test_the_other_way_round_is_the_opposite():
    there, back = _by_name(SHARP, WIDE), _by_name(WIDE, SHARP)
    for name, contrast in there.items():
        if contrast.value is None:
            assert back[name].value is None
        elif name == "fwhm_ratio":
            assert back[name].value == pytest.approx(1 / contrast.value)
            assert back[name].significance == pytest.approx(-contrast.significance)
        else:
            assert back[name].value == -contrast.value
            assert back[name].sigma == contrast.sigma


def test_a_value_without_a_sigma_has_a_difference_without_one():
    detected = _by_name(SHARP, WIDE)["t_detect_difference_c"]
    assert (detected.value, detected.sigma, detected.significance) == (11.0, None, None)


def test_what_one_does_not_have_is_not_compared_and_said():
    for contrast in compare_releases(SHARP, NONE):
        assert contrast.value is contrast.sigma is contrast.significance is None
        assert "stable" in contrast.reason
    rate = _by_name(SHARP, NONE)["t_rate_difference_c"]
    assert rate.reason == "stable has none (no onset up to 500 °C)"
    assert rate.first == (189.0, 1.2)
    both = _by_name(NONE, NONE)["t_rate_difference_c"]
    assert both.reason == "neither stable nor stable has one (no onset up to 500 °C)"


def test_every_temperature_is_compared_once():
    assert [each.quantity for each in compare_releases(SHARP, WIDE)] == [*TEMPERATURES, "fwhm_c"]


def test_only_other_rates_are_remarked_on():
    assert different_rates(SHARP, WIDE) == ""
    assert different_rates(SHARP, NONE) == ""
    assert "8.0" in different_rates(SHARP, Release("fast", {RATE: 8.0}))
