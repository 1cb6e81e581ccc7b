"""The sweeps of a run that scans its energies more than once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TURNED_SHARE = 0.5
"""Energies that go back by more than this share of what was scanned begin a new sweep."""


def sweeps_of(energy_ev: Floats) -> list[slice]:
    """Find the sweeps in the energies of a run, in the order of time.

    Parameters
    ----------
    energy_ev
        Energies, shape `(n,)`, in eV; NaN where one was not read.

    Returns
    -------
    list of slice
        Rows of each sweep: one where the energy goes one way, however it wavers.

    Examples
    --------
    >>> sweeps_of(np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0]))
    [slice(0, 3, None), slice(3, 6, None)]
    >>> sweeps_of(np.array([1.0, 2.0, 3.0, 3.0, 2.0, 1.0]))
    [slice(0, 3, None), slice(3, 6, None)]
    """
    turns = _turns(energy_ev)
    begins, ends = [0, *turns], [*turns, len(energy_ev)]
    return [slice(begin, end) for begin, end in zip(begins, ends, strict=True)]


def _turns(energy_ev: Floats) -> list[int]:
    """First row of each sweep but the first."""
    known = np.flatnonzero(np.isfinite(energy_ev))
    if len(known) < 2:
        return []
    least_ev = TURNED_SHARE * float(np.ptp(energy_ev[known]))
    turns: list[int] = []
    way, farthest = 0, int(known[0])
    for before, row in zip(known[:-1].tolist(), known[1:].tolist(), strict=True):
        gone_ev = float(energy_ev[row] - energy_ev[farthest])
        if way == 0:
            way = int(np.sign(gone_ev)) if abs(gone_ev) > least_ev else 0
            farthest = row if way else farthest
        elif way * gone_ev > 0:
            farthest = row
        elif abs(gone_ev) > least_ev:
            turns.append(farthest + 1)
            jumped = abs(float(energy_ev[row] - energy_ev[before])) > least_ev
            way, farthest = (way if jumped else -way), row
    return turns
