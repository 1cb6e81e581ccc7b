"""What a furnace is to a plan that heats with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bluesky.protocols import Movable

ZERO_C_K = 273.15
KELVIN = ("k", "kelvin")
CELSIUS = ("", "c", "°c", "℃", "degc", "deg_c", "deg c", "celsius", "degree_celsius")
MINUTES = {"min": 1.0, "minute": 1.0, "m": 1.0, "s": 60.0, "sec": 60.0, "h": 1 / 60, "hr": 1 / 60}
"""How many times in a minute it is, by the names that devices give it."""


@dataclass(frozen=True)
class Controls:
    """What a furnace has beside its temperature; found by their names among its attributes.

    A furnace itself is a `NamedMovable` and `Readable`: `set(target)` heats or cools to a
    temperature, and its hinted reading is the one it has, both in the unit that it describes (°C
    where it says nothing). `pause()` and `resume()`, where it has them, must leave it alone: what
    happens in a pause is the plan's to say. All of the following may be missing.

    Parameters
    ----------
    ramp_rate
        In °C/min, or in the unit that it describes. With it, `set` ramps at this rate, from the
        temperature that the furnace has when it is called. Without it the plan does so, step by
        step.
    setpoint
        Where it goes, in the furnace's unit: takes a temperature also while the heater is off.
    heater
        1 lets it heat, 0 takes its power. A controller that turns itself off makes this 0.
    heartbeat
        The watchdog of the controller. Each change to another number above 0 is a heartbeat; once
        one has come, the controller turns the heater off where no other follows within
        `heartbeat_timeout_s`, and leaves it off until `heater` is set to 1. 0 says that none will
        come any more.
    heartbeat_timeout_s
        How long the controller waits for a heartbeat, in seconds.
    over_temperature
        Above this the controller turns the heater off by itself, in the furnace's unit.
    """

    ramp_rate: Movable[float] | None = None
    setpoint: Movable[float] | None = None
    heater: Movable[int] | None = None
    heartbeat: Movable[int] | None = None
    heartbeat_timeout_s: Any = None
    over_temperature: Movable[float] | None = None

    @classmethod
    def of(cls, furnace: Movable[float]) -> "Controls":
        """Find what a furnace has.

        Parameters
        ----------
        furnace
            The furnace.
        """
        found = {name: getattr(furnace, name, None) for name in cls.__dataclass_fields__}
        timeout_s = found.pop("heartbeat_timeout_s")
        movable = {name: child for name, child in found.items() if isinstance(child, Movable)}
        return cls(**movable, heartbeat_timeout_s=timeout_s if "heartbeat" in movable else None)


def pace_of(device: Any) -> Movable[float] | None:
    """Find what sets how often a device measures by itself, once it is triggered again and again.

    Parameters
    ----------
    device
        A detector, or a furnace.

    Returns
    -------
    Movable | None
        Its `period_s` or its `exposure_s`, in seconds; `None` where it measures at once.
    """
    for name in ("period_s", "exposure_s"):
        child = getattr(device, name, None)
        if isinstance(child, Movable):
            return child
    return None


@dataclass(frozen=True)
class Scale:
    """A unit of temperature.

    Parameters
    ----------
    unit
        As a device describes it; empty is °C.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> Scale("K").celsius(300.0), Scale("K").own(26.85), Scale("degC").own(26.85)
    (26.850000000000023, 300.0, 26.85)
    """

    unit: str = ""

    def __post_init__(self) -> None:
        if self.unit.lower() not in (*KELVIN, *CELSIUS):
            raise ValueError(f"{self.unit!r} is no unit of temperature: give degC or K")

    @property
    def offset(self) -> float:
        """What its number is larger by."""
        return ZERO_C_K if self.unit.lower() in KELVIN else 0.0

    def celsius(self, value: float) -> float:
        """A temperature in °C."""
        return float(value) - self.offset

    def own(self, temperature_c: float) -> float:
        """A temperature given in °C."""
        return temperature_c + self.offset


def per_minute(unit: str) -> float:
    """Size of a unit of rates, in °C/min.

    Parameters
    ----------
    unit
        As a device describes it; empty is °C/min.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> per_minute("degC/min"), per_minute("K/s"), per_minute("")
    (1.0, 60.0, 1.0)
    """
    if not unit:
        return 1.0
    degree, _, time = unit.partition("/")
    try:
        Scale(degree.strip())
        return MINUTES[time.strip().lower()]
    except (KeyError, ValueError):
        raise ValueError(f"{unit!r} is no unit of heating rates: give degC/min") from None


def temperature_key(description: Mapping[str, Any], fields: list[str]) -> str:
    """Find the data key of a furnace's temperature: its first hint, else its first one.

    Parameters
    ----------
    description
        What the furnace describes.
    fields
        Its hints.
    """
    return next((key for key in fields if key in description), next(iter(description)))
