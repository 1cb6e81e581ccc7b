"""What an analysis of a heating ramp has to know beforehand."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block

Clock = Literal["event", "reading"]


@dataclass(frozen=True)
class HeatingModel:
    """Settings of a heating ramp.

    Parameters
    ----------
    clock
        Whose times count: those of the events, or those of the readings in them.
    delay_s
        Time that the gas takes from the sample to the mass spectrometer.
    exposure_s
        Exposure of a pattern where it is not recorded; `None` where it is, or is not known.
    wavelength_a
        Wavelength in ångström; `None` where it is not known.
    mass
        Mass over charge whose release is looked for.
    false_alarm_rate
        Share of runs without release that may be taken for runs with one.
    """

    clock: Clock = "event"
    delay_s: float = 0.0
    exposure_s: float | None = None
    wavelength_a: float | None = None
    mass: str = "32"
    false_alarm_rate: float = 0.05


def times_of(block: Block, clock: Clock) -> NDArray[np.float64]:
    """Times of a block's rows, by the clock that counts.

    Parameters
    ----------
    block
        The rows.
    clock
        "event" for the times of the events (of a monitor those of its readings), "reading" for
        those of the newest reading in each row.

    Returns
    -------
    ndarray
        Seconds since the epoch, shape `(n,)`.
    """
    if clock == "event" or block.stamp_s is None:
        return block.time_s
    return np.where(np.isfinite(block.stamp_s), block.stamp_s, block.time_s)
