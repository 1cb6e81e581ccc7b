import numpy as np
import pytest

from cgnmc_bluesky.analysis.xrf.amounts import PixelAmounts
from cgnmc_bluesky.analysis.xrf.detectors import _ill

GOOD, OTHER = np.array([200.0, 250.0, 900.0]), np.array([700.0, 250.0, 400.0])


def element(amounts, noise=1.0):
    n_pixels = 400
    covariance = np.tile(np.diag(amounts) * noise, (n_pixels, 1, 1))
    return PixelAmounts(np.tile(amounts, (n_pixels, 1)), covariance, np.full(n_pixels, 1500.0))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_element_that_differs_is_told_wherever_it_stands(place):
    amounts = [GOOD, GOOD, GOOD]
    amounts[place] = OTHER
    found = {f"xs{n}": element(one) for n, one in enumerate(amounts)}
    assert _ill(found) == {f"xs{place}": "another composition than the others have"}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_element_that_is_noisy_is_told_wherever_it_stands(place):
    found = {f"xs{n}": element(GOOD, 50.0 if n == place else 1.0) for n in range(3)}
    assert list(_ill(found)) == [f"xs{place}"]


def test_of_two_elements_nobody_knows_which_one_is_ill():
    assert _ill({"a": element(GOOD), "b": element(OTHER)}) == {}
    assert _ill({name: element(GOOD) for name in "abc"}) == {}
