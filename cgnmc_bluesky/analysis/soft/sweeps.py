"""The sweeps of a run that scans its energies more than once."""

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xanes.absorption import Spectrum
from cgnmc_bluesky.analysis.xanes.scan import Axis

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


def part_of(rows: Block, sweep: slice) -> Block:
    """Some of the rows."""
    values = {role: column[sweep] for role, column in rows.values.items()}
    return Block(rows.stream, rows.seq_num[sweep], rows.time_s[sweep], values)


def on_one_axis(spectrum: Spectrum, sweeps: list[slice], axes: list[Axis]) -> tuple[Spectrum, Axis]:
    """All sweeps on one axis: each is moved by what its own reference differs from the mean."""
    known = [axis for axis in axes if axis.shift_ev is not None]
    notes = tuple(dict.fromkeys(note for axis in axes for note in axis.notes))
    if len(axes) == 1:
        return spectrum, axes[0]
    if not known:
        return spectrum, axes[0]
    shifts_ev = np.array([axis.shift_ev for axis in known], dtype=np.float64)
    mean_ev = float(np.mean(shifts_ev))
    sigma_ev = float(np.sqrt(np.sum([axis.sigma_ev**2 for axis in known]))) / len(known)
    energy_ev = spectrum.energy_ev.copy()
    for sweep, axis in zip(sweeps, axes, strict=True):
        inside = (spectrum.row >= sweep.start) & (spectrum.row < sweep.stop)
        # a sweep whose reference tells nothing is taken to lie where the others do
        energy_ev[inside] += (mean_ev if axis.shift_ev is None else axis.shift_ev) - mean_ev
    order = np.argsort(energy_ev, kind="stable")
    moved = Spectrum(energy_ev[order], spectrum.mu[order], spectrum.notes, spectrum.row[order])
    return moved, Axis(mean_ev, sigma_ev, notes, known[0].scale_sigma_ev)


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
