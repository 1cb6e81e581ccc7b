import math

import pytest

from cgnmc_bluesky.views.text import label, valence_of, with_sigma


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
