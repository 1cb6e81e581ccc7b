"""What a flyer is asked to do: to record one line that an axis sweeps."""

import sys
from dataclasses import dataclass, replace
from typing import Any

from bluesky.protocols import Flyable, NamedMovable, Preparable

RUN_UP_PIXELS = 1.0
"""How far before the first pixel a sweep begins, and how far behind the last one it ends."""


@dataclass(frozen=True)
class FlyLine:
    """A line that an axis sweeps at constant speed while a flyer records pixel after pixel.

    Parameters
    ----------
    axis
        What is swept.
    start_um
        Centre of the first pixel, in µm.
    stop_um
        Centre of the last pixel, in µm.
    num
        Number of pixels.
    dwell_s
        Time in each, in seconds.

    Examples
    --------
    >>> from ophyd.sim import SynAxis
    >>> line = FlyLine(SynAxis(name="x"), -5.0, 5.0, 101, 0.01)
    >>> round(line.pitch_um, 3), round(line.speed_um_s, 3), line.ends_um()
    (0.1, 10.0, (-5.05, 5.05))
    """

    axis: NamedMovable[float]
    start_um: float
    stop_um: float
    num: int
    dwell_s: float

    @property
    def pitch_um(self) -> float:
        """Distance from pixel to pixel, negative on the way back; 0 of a single one."""
        return (self.stop_um - self.start_um) / max(self.num - 1, 1)

    @property
    def speed_um_s(self) -> float:
        """How fast the axis is swept, without a sign."""
        return abs(self.pitch_um) / self.dwell_s

    @property
    def duration_s(self) -> float:
        """Time in all pixels."""
        return self.num * self.dwell_s

    def ends_um(self, pixels_beyond: float = 0.0) -> tuple[float, float]:
        """Where the first pixel begins and the last one ends.

        Parameters
        ----------
        pixels_beyond
            How many pixels further out, for an axis that must get up to speed.
        """
        beyond_um = (0.5 + pixels_beyond) * self.pitch_um
        return self.start_um - beyond_um, self.stop_um + beyond_um

    def reversed(self) -> "FlyLine":
        """The same line from its other end."""
        return replace(self, start_um=self.stop_um, stop_um=self.start_um)


def prepared_with(
    flyer: Flyable, line: FlyLine, um_per_unit: float
) -> list[tuple[Preparable, Any]]:
    """Who is prepared for a line, and with what.

    A flyer is given the line, and sees to it that the axis is swept. ophyd-async's detectors know
    nothing of axes: they are given their exposures, and the axis, which must be able to fly itself,
    its motion.

    Parameters
    ----------
    flyer
        The flyer.
    line
        The line.
    um_per_unit
        Size of the axis' unit, in µm.

    Returns
    -------
    list
        Devices with what they are prepared with; they are started and completed together.

    Raises
    ------
    ValueError
        If the axis cannot be swept along with this flyer.
    """
    if not isinstance(flyer, Preparable):
        raise ValueError(
            f"flyer {flyer!r} cannot be prepared: give one that takes a line, such as xspress3"
        )
    # Whoever has a device of ophyd-async has imported it; nobody else need have it installed.
    core = sys.modules.get("ophyd_async.core")
    if core is None or not _takes_exposures(flyer, core):
        return [(flyer, line)]
    axis = line.axis
    if not (isinstance(axis, Preparable) and isinstance(axis, Flyable)):
        raise ValueError(
            f"{axis.name} cannot be flown beside {flyer!r}: give an axis that can be prepared and "
            "kicked off, or a flyer that takes a FlyLine and sweeps the axis itself"
        )
    exposures = core.TriggerInfo(livetime=line.dwell_s, collections_per_event=line.num)
    begin, end = (position_um / um_per_unit for position_um in line.ends_um())
    motion = core.FlyMotorInfo(
        start_position=begin, end_position=end, time_for_move=line.duration_s
    )
    return [(axis, motion), (flyer, exposures)]


def _takes_exposures(flyer: Preparable, core: Any) -> bool:
    """Tell whether it is a detector of ophyd-async that takes that package's exposures."""
    detector = core.StandardDetector
    return isinstance(flyer, detector) and type(flyer).prepare is detector.prepare
