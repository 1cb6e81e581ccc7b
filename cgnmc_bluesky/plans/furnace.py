"""What a plan finds out about a furnace before it heats."""

import math
from dataclasses import dataclass
from typing import Any, cast

from bluesky import Msg
from bluesky.protocols import Locatable, Movable, NamedMovable, Readable, Triggerable
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.devices.heating import Controls, Scale, per_minute, temperature_key
from cgnmc_bluesky.plans.checks import check_limits, check_mover, described, position_of, unit_of

ANSWER_S = 30.0
NOT_READ = math.nan
"""What a plan that is only listed reads."""


@dataclass(frozen=True)
class FurnaceState:
    """A furnace as it is before a ramp.

    Parameters
    ----------
    furnace
        The furnace.
    controls
        What it has beside its temperature.
    key
        Data key of its temperature.
    scale
        Its unit.
    start_c
        Its temperature, in °C; NaN where the plan is only listed.
    stamp_s
        When it had that, in seconds since the epoch.
    rest
        Where it goes when it is to cool, in its own unit: its set point or its temperature,
        whichever is lower.
    timeout_s
        How long its watchdog waits, in seconds; infinite where there is none.
    """

    furnace: NamedMovable[float]
    controls: Controls
    key: str
    scale: Scale
    start_c: float
    stamp_s: float
    rest: float
    timeout_s: float

    @property
    def name(self) -> str:
        """The furnace's name."""
        return self.furnace.name


def furnace_state(furnace: NamedMovable[float]) -> MsgGenerator[FurnaceState]:
    """Find out what a furnace has, and how warm it is.

    Parameters
    ----------
    furnace
        What the user gave.

    Raises
    ------
    ValueError
        If it is no furnace, or its temperature cannot be told.
    """
    check_mover(furnace, "furnace")
    readable = cast("Readable[Any]", furnace)
    controls = Controls.of(furnace)
    description = yield from described(readable)
    key = temperature_key(description, furnace.hints.get("fields", []))
    try:
        scale = Scale(str(description.get(key, {}).get("units") or ""))
    except ValueError as error:
        raise ValueError(f"{key} of {furnace.name}: {error}") from error
    start, stamp_s = yield from _measured(readable, key)
    rest = yield from _set_point(furnace, controls, start)
    timeout_s = yield from _timeout_s(controls)
    start_c = scale.celsius(start)
    return FurnaceState(furnace, controls, key, scale, start_c, stamp_s, rest, timeout_s)


def own_rate(state: FurnaceState, rate_c_per_min: float) -> MsgGenerator[float]:
    """Give a rate in the unit that the furnace's `ramp_rate` describes.

    Parameters
    ----------
    state
        The furnace.
    rate_c_per_min
        The rate, in °C/min.

    Raises
    ------
    ValueError
        If that unit is none of rates, or the rate is beyond the controller's limits.
    """
    part = cast("Any", state.controls.ramp_rate)
    unit = (yield from unit_of(part)) if isinstance(part, Readable) else ""
    try:
        value = rate_c_per_min / per_minute(unit)
    except ValueError as error:
        raise ValueError(f"{part.name}: {error}") from error
    try:
        yield from check_limits(part, [value])
    except ValueError as error:
        raise ValueError(
            f"rate_c_per_min is {rate_c_per_min:g}, which is beyond the controller: {error}"
        ) from error
    return value


def _measured(furnace: Readable[Any], key: str) -> MsgGenerator[tuple[float, float]]:
    """Read the temperature in the furnace's unit, and when that was."""
    if isinstance(furnace, Triggerable):
        yield Msg("trigger", furnace, group="furnace")
        yield Msg("wait", group="furnace", timeout=ANSWER_S)
    reading = yield Msg("read", furnace)
    if not reading:
        return NOT_READ, 0.0
    start = float(reading[key]["value"])
    if not math.isfinite(start):
        raise ValueError(f"{key} reads {start}: check the thermocouple before anything is heated")
    return start, float(reading[key]["timestamp"])


def _set_point(
    furnace: NamedMovable[float], controls: Controls, start: float
) -> MsgGenerator[float]:
    part: Movable[float] = controls.setpoint or furnace
    if part is furnace and not isinstance(furnace, Locatable):
        return start
    before = yield from position_of(part)
    return start if before is None or not before < start else float(before)


def _timeout_s(controls: Controls) -> MsgGenerator[float]:
    if controls.heartbeat is None:
        return math.inf
    timeout_s = controls.heartbeat_timeout_s
    if isinstance(timeout_s, Readable):
        reading = yield Msg("read", timeout_s)
        timeout_s = next(iter(reading.values()))["value"] if reading else math.inf
    if not isinstance(timeout_s, int | float) or not timeout_s > 0:
        raise ValueError(
            f"the furnace's heartbeat_timeout_s is {timeout_s!r}: give how long its controller "
            "waits for a heartbeat, in seconds"
        )
    return float(timeout_s)
