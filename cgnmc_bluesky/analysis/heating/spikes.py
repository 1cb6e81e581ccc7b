"""Readings that stand alone."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REACH = 3
"""Neighbours on either side that a reading is held against."""
AGAINST_NEIGHBOURS = 3.0
"""A spike stands out of its neighbours by so many times what these differ among themselves, but for
the highest and the lowest of them: the summit of a steep peak does not, and a second spike nearby
hides none."""
AGAINST_NOISE = 6.0
"""And by so many standard deviations of the noise."""
_NOISE_OF_STEPS = 0.6745 * np.sqrt(6.0)


def spikes(values: Floats, noise: float) -> NDArray[np.bool_]:
    """Find single readings that stand out of the six around them.

    Parameters
    ----------
    values
        Readings in the order of their time, shape `(n,)`, all finite.
    noise
        Standard deviation of one reading.

    Returns
    -------
    ndarray
        Which are spikes, shape `(n,)`; never the first three or the last three.

    Examples
    --------
    >>> spikes(np.array([1.0, 1.1, 0.9, 7.0, 1.0, 1.1, 1.0]), 0.1).nonzero()[0]
    array([3])
    """
    alone = np.zeros(len(values), bool)
    if len(values) < 2 * REACH + 1:
        return alone
    windows = np.lib.stride_tricks.sliding_window_view(values, 2 * REACH + 1)
    around = np.sort(np.delete(windows, REACH, axis=1), axis=1)
    middle, low, high = windows[:, REACH], around[:, 1], around[:, -2]
    beyond = np.maximum(middle - high, low - middle)
    alone[REACH:-REACH] = beyond > AGAINST_NEIGHBOURS * (high - low) + AGAINST_NOISE * noise
    return alone


def noise_of(values: Floats) -> float:
    """Standard deviation of one reading, from how far each is from the mean of its neighbours.

    Parameters
    ----------
    values
        Readings in the order of their time, shape `(n,)`, all finite.
    """
    if len(values) < REACH:
        return 0.0
    bends = values[:-2] - 2.0 * values[1:-1] + values[2:]
    return float(np.median(np.abs(bends)) / _NOISE_OF_STEPS)
