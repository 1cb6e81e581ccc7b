"""Patterns of a run with their axes and exposures, in the order of their time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.model import Clock, times_of
from cgnmc_bluesky.analysis.rows import Block

Floats = NDArray[np.float64]
Kept = TypeVar("Kept")

SHOWN_BINS = 1000
"""Patterns of more bins are shown with several taken together."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """One pattern as it was recorded.

    Parameters
    ----------
    stream, seq_num
        The row it stands in.
    time_s
        When its exposure ended, in seconds since the epoch.
    intensity
        Shape `(n,)`; NaN where a bin saw nothing.
    angle_deg
        2θ of each bin, shape `(n,)`; `None` where there is no axis.
    exposure_s
        How long; `None` where that is not recorded.
    """

    stream: str
    seq_num: int
    time_s: float
    intensity: Floats
    angle_deg: Floats | None
    exposure_s: float | None

    @cached_property
    def shown(self) -> NDArray[np.float32]:
        """The pattern as it is shown: with neighbouring bins taken together."""
        return together(self.intensity).astype(np.float32)

    def is_same(self, other: "Exposure") -> bool:
        """Whether another is this very pattern, on the same axis."""
        return (
            self.intensity is other.intensity
            and self.angle_deg is other.angle_deg
            and self.time_s == other.time_s
            and self.exposure_s == other.exposure_s
        )


class Exposures:
    """Patterns as they come, whatever streams hold them and their axes.

    Parameters
    ----------
    clock
        Whose times count.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[tuple[str, int], Exposure] = {}
        self._axes: dict[tuple[float, str, int], Floats] = {}
        self._exposures_s: dict[tuple[float, str, int], float] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, block: Block) -> None:
        """Take in rows of any stream."""
        values = block.values
        if not {"pattern", "two_theta_deg", "exposure_s"} & set(values):
            return
        times_s = times_of(block, self._clock).tolist()
        for row, (number, time_s) in enumerate(zip(block.seq_num.tolist(), times_s, strict=True)):
            angle_deg = _array(values, "two_theta_deg", row)
            exposure_s = _number(values, "exposure_s", row)
            intensity = _array(values, "pattern", row)
            if intensity is not None:
                before = self._rows.get((block.stream, number))
                if before is None or before.time_s <= time_s:
                    self._rows[block.stream, number] = Exposure(
                        block.stream, number, time_s, intensity, angle_deg, exposure_s
                    )
                continue
            if angle_deg is not None:
                self._axes[time_s, block.stream, number] = angle_deg
            if exposure_s is not None:
                self._exposures_s[time_s, block.stream, number] = exposure_s

    def in_order(self) -> list[Exposure]:
        """Give all patterns by their time, each time once; with axes and exposures that are their
        own or, where these were recorded elsewhere, the last before them.
        """
        rows = sorted(self._rows.values(), key=lambda one: (one.time_s, one.stream, one.seq_num))
        found: list[Exposure] = []
        for one in rows:
            if found and found[-1].time_s == one.time_s:
                continue
            found.append(self._completed(one))
        return found

    def _completed(self, one: Exposure) -> Exposure:
        angle_deg = one.angle_deg
        if angle_deg is None:
            angle_deg = _last_before(self._axes, one.time_s)
        exposure_s = one.exposure_s
        if exposure_s is None:
            exposure_s = _last_before(self._exposures_s, one.time_s)
        if angle_deg is one.angle_deg and exposure_s is one.exposure_s:
            return one
        return replace(one, angle_deg=angle_deg, exposure_s=exposure_s)


def _last_before(known: Mapping[tuple[float, str, int], Kept], time_s: float) -> Kept | None:
    if not known:
        return None
    earlier = [key for key in known if key[0] <= time_s]
    return known[max(earlier) if earlier else min(known)]


def _array(values: Mapping[str, NDArray[np.floating]], role: str, row: int) -> Floats | None:
    if role not in values:
        return None
    found = np.asarray(values[role][row], dtype=np.float64).ravel()
    return found if found.size > 1 and np.any(np.isfinite(found)) else None


def _number(values: Mapping[str, NDArray[np.floating]], role: str, row: int) -> float | None:
    if role not in values:
        return None
    found = np.asarray(values[role][row], dtype=np.float64).ravel()
    good = found[np.isfinite(found) & (found > 0)]
    return float(good[0]) if len(good) else None


def together(values: Floats) -> Floats:
    """Means of so many neighbours that no more than `SHOWN_BINS` are left.

    Parameters
    ----------
    values
        Of the bins, shape `(n,)`.
    """
    width = -(-len(values) // SHOWN_BINS)
    usable = len(values) // width * width
    found: Floats = values[:usable].reshape(-1, width).mean(axis=1)
    return found
