"""Readings that belong to the pixels of a map: positions, intensity, dead time."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Table, counted

Floats = NDArray[np.float64]


class PixelReadings:
    """What was recorded beside the spectra, pixel by pixel, with what is wrong with it.

    Parameters
    ----------
    tables
        Rows of each stream.
    keys
        Data key of each role, for the remarks.
    rows, n_pixels
        Sequence numbers of the map's rows, and pixels of each.
    oversampling
        Encoder readings a pixel.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        keys: Mapping[str, str],
        rows: Sequence[int],
        n_pixels: int,
        oversampling: int = 1,
    ) -> None:
        self.rows = rows
        self.n_pixels = n_pixels
        self.notes: list[str] = []
        self._tables = tables
        self._keys = keys
        self._oversampling = oversampling

    def position(self, role: str) -> Floats:
        """Position of each pixel, NaN where there is none, shape `(rows · pixels,)`."""
        found = self._of(role, oversampling=self._oversampling)
        key = self._keys.get(role, role)
        if found is None:
            self.notes.append(f"no {key}: no place of the pixels, so no profile")
            return np.full(len(self.rows) * self.n_pixels, np.nan)
        self._count(key, ~np.isfinite(found), "without a position")
        return found

    def weight(self) -> Floats:
        """What the counts of each pixel are multiplied by for the beam's intensity there."""
        found = self._of("i0")
        key = self._keys.get("i0", "i0")
        if found is None:
            self.notes.append(f"no {key}: the beam's intensity is taken to be constant")
            return np.ones(len(self.rows) * self.n_pixels)
        valid = np.isfinite(found) & (found > 0)
        self._count(key, ~valid, "with no or zero intensity")
        if not valid.any():
            return np.full(len(found), np.nan)
        return np.where(valid, np.median(found[valid]) / np.where(valid, found, 1.0), np.nan)

    def dead_time_factor(self, spectra: str, name: str) -> Floats | None:
        """True over recorded counts of one detector element, by the role of its spectra."""
        role = spectra.replace("spectra", "dead_time_factor")
        axis = int(name[name.rindex("[") + 1 : -1]) if name.endswith("]") else None
        found = self._of(role, axis=axis)
        if found is None:
            self._say_once(f"{name}: dead time not corrected")
            return None
        wrong = np.isfinite(found) & (found < 1.0 - 1e-6)
        self._count(self._keys.get(role, role), wrong, "with a dead time factor below 1")
        return found

    def _of(self, role: str, *, oversampling: int = 1, axis: int | None = None) -> Floats | None:
        try:
            found = of_pixels(
                self._tables, role, self.rows, self.n_pixels, oversampling=oversampling
            )
        except ValueError as fault:
            self._say_once(f"{self._keys.get(role, role)}: {fault}")
            return None
        if found is None:
            return None
        if found.ndim == 3:
            found = found[:, :, axis or 0]
        return found.reshape(-1)

    def _count(self, key: str, wrong: NDArray[np.bool_], what: str) -> None:
        n_wrong = int(wrong.sum())
        if n_wrong:
            n_rows = int(wrong.reshape(len(self.rows), -1).any(axis=1).sum())
            where = f" in {counted(n_rows, 'row')}" if self.n_pixels > 1 else ""
            self._say_once(f"{key}: {counted(n_wrong, 'pixel')}{where} {what}, masked")

    def _say_once(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def of_pixels(
    tables: Mapping[str, Table],
    role: str,
    rows: Sequence[int],
    n_pixels: int,
    *,
    oversampling: int = 1,
) -> Floats | None:
    """Readings of one role, one for each pixel.

    Parameters
    ----------
    tables
        Rows of each stream.
    role
        The role.
    rows
        Sequence numbers of the map's rows.
    n_pixels
        Pixels of a row.
    oversampling
        Readings a pixel, which are averaged.

    Returns
    -------
    NDArray or None
        Shape `(rows, pixels)`, or `(rows, pixels, m)` of a reading with an axis more; NaN where
        there is none. A single reading of a row stands for all its pixels. `None` where no stream
        holds the role.

    Raises
    ------
    ValueError
        If a row's readings cannot be shared among its pixels.
    """
    table = next((table for table in tables.values() if role in table.roles()), None)
    if table is None:
        return None
    merged = table.merged()
    values = merged.values[role]
    per_row = _shared(values.reshape(len(values), -1) if values.ndim < 2 else values, n_pixels)
    if per_row is None:
        per_row = _shared(values, n_pixels * oversampling)
        if per_row is None:
            raise ValueError(
                f"{values.shape[1]} readings for {n_pixels} pixels a row; "
                f"correct oversampling (now {oversampling})"
            )
        trailing = per_row.shape[2:]
        per_row = per_row.reshape(len(per_row), n_pixels, oversampling, *trailing).mean(axis=2)
    found = np.full((len(rows), *per_row.shape[1:]), np.nan)
    place = {row: at for at, row in enumerate(rows)}
    known = [(place[row], at) for at, row in enumerate(merged.seq_num.tolist()) if row in place]
    if known:
        to, of = np.array(known).T
        found[to] = per_row[of]
    return found


def lines_of(
    n_rows: int, n_pixels: int, shape: tuple[int, int] | None, *positions_um: Floats
) -> NDArray[np.int64]:
    """Number of the map's line that each pixel belongs to, shape `(rows · pixels,)`.

    Parameters
    ----------
    n_rows, n_pixels
        Rows as they were recorded, and pixels of each.
    shape
        Lines of the map and pixels of each, in either order, where the run's record says so.
    *positions_um
        Positions of the pixels along each axis, shape `(rows · pixels,)`.

    Notes
    -----
    A row of pixels is a line. Where pixels come singly, or all in one row, lines end where the fast
    axis turns or jumps back; they are as long as the record says, where it says so: which of its
    two numbers that is, the turns tell.
    """
    total = n_rows * n_pixels
    if n_rows > 1 and n_pixels > 1:
        return np.repeat(np.arange(n_rows), n_pixels)
    turned = _turns(max(positions_um, key=_pace))
    lengths = [length for length in reversed(shape or ()) if length > 1]
    if shape is None or not lengths or shape[0] * shape[1] < total:
        return turned
    recorded = [np.arange(total) // length for length in lengths]
    return max(recorded, key=lambda line: int(np.sum(np.diff(line) * np.diff(turned))))


def _shared(values: Floats, n_pixels: int) -> Floats | None:
    if values.shape[1] == n_pixels:
        return values
    if values.shape[1] == 1:
        return np.repeat(values, n_pixels, axis=1)
    return None


def _pace(position_um: Floats) -> float:
    """How far an axis goes from pixel to pixel: the fast one, farther than the slow one."""
    steps = np.abs(np.diff(position_um))
    return float(np.nanmedian(steps)) if np.isfinite(steps).any() else -1.0


def _turns(x_um: Floats) -> NDArray[np.int64]:
    """Lines of a raster, told by the reversals and jumps of its fast axis."""
    if len(x_um) < 3 or not np.isfinite(x_um).any():
        return np.zeros(len(x_um), np.int64)
    known = np.flatnonzero(np.isfinite(x_um))
    steps = np.diff(np.interp(np.arange(len(x_um)), known, x_um[known]))
    step = np.median(np.abs(steps))
    jumps = np.abs(steps) > 5.0 * step
    forward = np.sign(np.where(np.abs(steps) < 0.3 * step, 0.0, steps))
    line = np.zeros(len(x_um), np.int64)
    direction = 0.0
    for at in range(1, len(x_um)):
        turned = forward[at - 1] * direction < 0
        still = forward[at - 1] == 0 and direction != 0
        is_new = bool(jumps[at - 1] or turned or still)
        line[at] = line[at - 1] + is_new
        direction = 0.0 if is_new else direction or forward[at - 1]
    return line
