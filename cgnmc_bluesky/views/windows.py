"""The stretches of 2θ in which the lines of layered oxides and spinels lie."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

LAYERED = {"(003)": 18.47, "(101)": 37.32, "(104)": 44.81, "(108)": 64.23, "(110)": 66.23}
SPINEL = {
    "(111)": 18.84,
    "(220)": 31.01,
    "(311)": 36.54,
    "(222)": 38.22,
    "(400)": 44.43,
    "(440)": 64.64,
}
"""2θ at Cu Kα1, in degrees, of a layered oxide and of a spinel of 8.15 Å at room temperature."""
_WINDOWS_CU_DEG = ((17.3, 20.0), (30.0, 32.0), (35.4, 39.8), (43.2, 46.0), (62.3, 67.4))
_GAP = 0.02
_STEPS_DEG = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_TICKS = 11.0

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Windows:
    """Stretches of a pattern, stacked one above the other with gaps between.

    Parameters
    ----------
    native_deg, cu_deg
        2θ of the pattern's bins, as measured and at Cu Kα, rising; shape (m,). NaN where there is
        none at Cu Kα.
    shown
        Bins of each stretch, the lowest first.
    """

    native_deg: _Floats
    cu_deg: _Floats
    shown: tuple[slice, ...]

    @classmethod
    def of(cls, native_deg: _Floats, cu_deg: _Floats | None) -> Self:
        """Find the stretches that a pattern holds; all of it where it holds none, or where the
        wavelength is not known.
        """
        cu_deg = np.full_like(native_deg, np.nan) if cu_deg is None else cu_deg
        found = []
        for low, high in _WINDOWS_CU_DEG:
            first, last = np.searchsorted(cu_deg, (low, high))
            if last - first > 2:
                found.append(slice(int(first), int(last)))
        return cls(native_deg, cu_deg, tuple(found) or (slice(0, len(native_deg)),))

    def heights(self, native_deg: _Floats) -> _Floats:
        """Where angles stand in the stack, from 0 to 1."""
        ends = [self._ends(window) for window in self.shown]
        widths = np.array([high - low for low, high in ends])
        total = widths.sum() / (1 - _GAP * (len(ends) - 1))
        bottoms = np.concatenate([[0.0], np.cumsum(widths[:-1] / total + _GAP)])
        stack = np.stack([bottoms, bottoms + widths / total], axis=1)
        heights: _Floats = np.interp(native_deg, np.ravel(ends), stack.ravel())
        return heights

    def edges(self, window: slice) -> _Floats:
        """Give the edges of a stretch's bins in the stack."""
        centres = self.native_deg[window]
        middle = (centres[1:] + centres[:-1]) / 2
        low, high = self._ends(window)
        return self.heights(np.concatenate([[low], middle, [high]]))

    def ticks(self, *, copper: bool) -> Iterator[tuple[float, str]]:
        """Give round angles inside the stretches: where each stands in the stack, and its text."""
        scale = self.cu_deg if copper else self.native_deg
        known = [scale[window][np.isfinite(scale[window])] for window in self.shown]
        spans = [(part[0], part[-1]) for part in known if len(part)]
        total = sum(high - low for low, high in spans)
        step = next((s for s in _STEPS_DEG if total / s <= _TICKS), _STEPS_DEG[-1])
        for low, high in spans:
            for tick in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step:
                yield self._height(tick, scale), f"{tick:g}"

    def height_of(self, cu_deg: float) -> float | None:
        """Where a line stands in the stack, `None` if it is not shown."""
        for window in self.shown:
            if self.cu_deg[window][0] < cu_deg < self.cu_deg[window][-1]:
                return self._height(cu_deg, self.cu_deg)
        return None

    def _height(self, angle_deg: float, scale: _Floats) -> float:
        return float(self.heights(np.interp([angle_deg], scale, self.native_deg))[0])

    def _ends(self, window: slice) -> tuple[float, float]:
        """Outer edges of the first and the last bin of a stretch."""
        centres = self.native_deg[window]
        first, last = centres[1] - centres[0], centres[-1] - centres[-2]
        return float(centres[0] - first / 2), float(centres[-1] + last / 2)
