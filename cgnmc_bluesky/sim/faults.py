"""What goes wrong on request."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

FaultKind = Literal[
    "nan",
    "negative",
    "zero",
    "saturated",
    "stuck",
    "raise",
    "glitch",
    "dump",
    "foil",
    "short",
    "missing",
    "repeated",
    "truncated",
    "spike",
    "jump",
    "stale",
    "late",
    "stall",
    "backwards",
    "rate",
    "gone",
]

CHANNEL_FAULTS = frozenset(
    {"nan", "negative", "zero", "saturated", "stuck", "raise", "spike", "jump"}
)


class DetectorFailure(RuntimeError):
    """What a device raises that was asked to."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Parameters
    ----------
    kind
        `nan`, `negative`, `zero`, `saturated`: what a channel reads; `stuck`: it repeats its last
        reading; `raise`: its trigger raises; `glitch`: all channels lose most of their light;
        `dump`: no beam in the ring; `foil`: another foil, or none, behind the sample. Of a map
        `nan`, `zero` and `raise`; besides, of a row, `short`: it lacks its end, `missing`: it never
        comes, `repeated`: it brings the one before again; and of a file, `truncated`: it loses its
        second half when it is closed. Of a heating ramp the channel's, `short` of a pattern, and:
        `spike`: a reading is `size` times as large; `jump`: it is larger by `size`; `stale`: the
        device gives its last readings again, with their times; `late`: its clock is `size` seconds
        ahead; `gone`: it does not answer from then on; of the furnace `stall`: its ramp stands
        still; `backwards`: it goes down again; `rate`: it is `size` times as fast as it was set.
    points
        At which points (rows of a map, readings of a device at a ramp) since staging, counted from
        1; empty means at every one. Counts with the shutter closed are not points.
    channel
        Which channel: "i0", "it", "ir" or "if", or a data key of a soft X-ray scan, a map or a
        ramp, or of a ramp a device's name; `None` means each of them.
    energy_ev
        Only within `width_ev` of this true energy, wherever the points; `None` means anywhere.
    width_ev
        Half width of that, in eV.
    element
        The other foil's element, for `foil`; `None` means no foil.
    size
        How large it is, in the channel's unit, in seconds, or as a factor.

    Examples
    --------
    >>> Fault("nan", points=[3], channel="it").strikes(3, 8340.0, "it")
    True
    """

    kind: FaultKind
    points: Collection[int] = ()
    channel: str | None = None
    energy_ev: float | None = None
    width_ev: float = 0.5
    element: str | None = None
    size: float = 60.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"no fault {self.kind!r}; there are {', '.join(get_args(FaultKind))}")

    def strikes(self, point: int, energy_ev: float, channel: str | None = None) -> bool:
        """Whether it happens at a point and true energy, to a channel where it is a channel's."""
        if not self._is_at(point):
            return False
        if self.energy_ev is not None and abs(energy_ev - self.energy_ev) > self.width_ev:
            return False
        return channel is None or self.channel is None or self.channel == channel

    def _is_at(self, point: int) -> bool:
        if self.kind == "gone":
            return point >= min(self.points, default=0)
        return not self.points or point in self.points


class Faults:
    """All that goes wrong."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._of_channels = [fault for fault in faults if fault.kind in CHANNEL_FAULTS]
        self._of_all = [fault for fault in faults if fault.kind not in CHANNEL_FAULTS]

    def at(
        self, point: int, energy_ev: float = 0.0, channel: str | None = None
    ) -> dict[FaultKind, Fault]:
        """What happens to all channels alike, or to a device of that name, by its kind."""
        return {f.kind: f for f in self._of_all if f.strikes(point, energy_ev, channel)}

    def of(self, channel: str, point: int, energy_ev: float = 0.0) -> Fault | None:
        """What happens to one channel."""
        struck = (f for f in self._of_channels if f.strikes(point, energy_ev, channel))
        return next(struck, None)

    def silence(self, device: str, point: int, channels: Iterable[str] = ()) -> bool:
        """Whether a device of that name, with these channels, does not answer."""
        struck = [self.of(channel, point) for channel in (device, *channels)]
        raises = any(fault is not None and fault.kind == "raise" for fault in struck)
        return raises or "gone" in self.at(point, channel=device)


def spoilt(fault: Fault | None, value: float, last: float, full_scale: float = math.inf) -> float:
    """Give what a channel reads with what is wrong with it.

    Parameters
    ----------
    fault
        What is wrong; `None` where nothing is.
    value
        What it would read.
    last
        What it read before.
    full_scale
        The most it can read.
    """
    if fault is None:
        return value
    readings = {
        "nan": math.nan,
        "zero": 0.0,
        "negative": -abs(value),
        "saturated": full_scale,
        "stuck": last,
        "spike": value * fault.size,
        "jump": value + fault.size,
    }
    return readings[fault.kind]
