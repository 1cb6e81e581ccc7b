"""What goes wrong on request."""

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
]

CHANNEL_FAULTS = frozenset({"nan", "negative", "zero", "saturated", "stuck", "raise"})


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
        second half when it is closed.
    points
        At which points (rows of a map) since staging, counted from 1; empty means at every one.
        Counts with the shutter closed are not points.
    channel
        Which channel: "i0", "it", "ir" or "if", or a data key of a map; `None` means each of them.
    energy_ev
        Only within `width_ev` of this true energy, wherever the points; `None` means anywhere.
    width_ev
        Half width of that, in eV.
    element
        The other foil's element, for `foil`; `None` means no foil.

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

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"no fault {self.kind!r}; there are {', '.join(get_args(FaultKind))}")

    def strikes(self, point: int, energy_ev: float, channel: str | None = None) -> bool:
        """Whether it happens at a point and true energy, to a channel where it is a channel's."""
        if self.points and point not in self.points:
            return False
        if self.energy_ev is not None and abs(energy_ev - self.energy_ev) > self.width_ev:
            return False
        return channel is None or self.channel is None or self.channel == channel


class Faults:
    """All that goes wrong."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._of_channels = [fault for fault in faults if fault.kind in CHANNEL_FAULTS]
        self._of_all = [fault for fault in faults if fault.kind not in CHANNEL_FAULTS]

    def at(self, point: int, energy_ev: float) -> dict[FaultKind, Fault]:
        """What happens to all channels alike, by its kind."""
        return {f.kind: f for f in self._of_all if f.strikes(point, energy_ev)}

    def of(self, channel: str, point: int, energy_ev: float) -> FaultKind | None:
        """What happens to one channel."""
        struck = (f.kind for f in self._of_channels if f.strikes(point, energy_ev, channel))
        return next(struck, None)
