"""Heating ramps: a furnace goes to its target while patterns and ions are read."""

from collections.abc import Sequence
from typing import Any, cast

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky import Msg
from bluesky.protocols import Movable, NamedMovable, Readable, Stageable
from bluesky.utils import MsgGenerator, RequestAbort, RequestStop, separate_devices

from cgnmc_bluesky.devices.heating import pace_of
from cgnmc_bluesky.devices.ramping import BEATS_A_TIMEOUT, POLICIES, Ramp
from cgnmc_bluesky.plans.checks import check_detectors, check_limits, check_number, position_of
from cgnmc_bluesky.plans.furnace import FurnaceState, furnace_state, own_rate
from cgnmc_bluesky.plans.messages import tell
from cgnmc_bluesky.plans.polling import Channel
from cgnmc_bluesky.plans.ramp import Heating, Setting
from cgnmc_bluesky.plans.watching import RampWatch

PATTERNS, IONS, TEMPERATURES = "primary", "ions", "temperature"
TEMPERATURE_PERIOD_S = 5.0
"""The furnace is read at least as often."""
WAYS_OUT: dict[type[Exception], str] = {
    RequestAbort: "aborted",
    RequestStop: "stopped before its end",
}
OVERSHOOT_C = 25.0
"""So much above its target a furnace may come, unless the user says otherwise."""


def heating_ramp(
    furnace: NamedMovable[float],
    pattern_detectors: Sequence[Readable[Any]],
    ion_detectors: Sequence[Readable[Any]],
    *,
    target_c: float = 500.0,
    rate_c_per_min: float = 4.0,
    pattern_period_s: float = 60.0,
    ion_period_s: float = 3.0,
    over_temperature_c: float | None = None,
    on_suspend: str = "hold",
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Heat a sample to a temperature, and read patterns, ions and the temperature on the way.

    Before anything is set all is checked. The heating ends on every way out: the heater is turned
    off and the set point goes back, without waiting until it is cold. `RE.halt()` skips messages,
    but no more heartbeats come then, and the furnace is told to cool when the RunEngine stops it.
    Where the whole process is killed, the watchdog of the furnace's controller turns it off.

    Each pattern is an event of `primary`, at the end of its exposure; ions are events of `ions`,
    temperatures of `temperature`. None of the three waits for another. Where a run is paused, by
    hand or by a suspender, its pattern is measured again, and then the ramp goes on to its target.
    A run that does not reach the target fails, and says how far it came.

    Parameters
    ----------
    furnace
        What heats, in degC or in K (as it describes). With `ramp_rate`, `heater`, `heartbeat` and
        `over_temperature` among its parts, its controller ramps and guards it; without `ramp_rate`
        the set point is moved step by step.
    pattern_detectors
        Detectors to read once a pattern, such as [diffractometer].
    ion_detectors
        Detectors to read once each `ion_period_s`, such as [rga].
    target_c
        Where to, in degC.
    rate_c_per_min
        How fast, in degC/min. A ramp that is off by far fails.
    pattern_period_s
        From the begin of one pattern to the next, in seconds.
    ion_period_s
        From one reading of the ions to the next, in seconds.
    over_temperature_c
        Above this the heating ends, in degC. Left out, 25 degC above the target.
    on_suspend
        What the furnace does in a pause: "hold" its temperature, "continue" the ramp, or "cool". It
        is kept hot for half an hour; a longer pause than that ends the ramp, unless it cools.
    md
        Further metadata of the run. `sample` names the sample.

    Returns
    -------
    str
        The run's uid.

    Raises
    ------
    ValueError
        If an argument cannot be used; nothing was set then.
    RuntimeError
        If the furnace does not do what was asked; the run has failed then.
    """
    _check_devices(furnace, pattern_detectors, ion_detectors)
    check_number(target_c, "target_c", unit="degC")
    check_number(rate_c_per_min, "rate_c_per_min", above=0.0, unit="degC/min")
    check_number(pattern_period_s, "pattern_period_s", above=0.0, unit="s")
    check_number(ion_period_s, "ion_period_s", above=0.0, unit="s")
    limit_c = target_c + OVERSHOOT_C if over_temperature_c is None else over_temperature_c
    check_number(limit_c, "over_temperature_c", above=target_c, unit="degC")
    channels = (
        _channel(PATTERNS, pattern_detectors, pattern_period_s),
        _channel(IONS, ion_detectors, ion_period_s),
        _channel(
            TEMPERATURES, [cast("Readable[Any]", furnace)], min(ion_period_s, TEMPERATURE_PERIOD_S)
        ),
    )
    state = yield from furnace_state(furnace)
    _check_policy(on_suspend, state)
    yield from _check_target(state, target_c)
    settings = yield from _settings(state, channels, rate_c_per_min, limit_c)
    heating = Heating(
        Ramp(
            furnace,
            state.controls,
            target=state.scale.own(target_c),
            rest=state.rest,
            on_suspend=on_suspend,
            beat_s=state.timeout_s / BEATS_A_TIMEOUT,
        ),
        RampWatch(target_c, rate_c_per_min, limit_c),
        state,
        settings,
        *channels,
    )
    metadata = {
        "plan_name": "heating_ramp",
        "plan_args": {
            "furnace": repr(furnace),
            "pattern_detectors": [repr(detector) for detector in pattern_detectors],
            "ion_detectors": [repr(detector) for detector in ion_detectors],
            "target_c": target_c,
            "rate_c_per_min": rate_c_per_min,
            "pattern_period_s": pattern_period_s,
            "ion_period_s": ion_period_s,
            "over_temperature_c": over_temperature_c,
            "on_suspend": on_suspend,
        },
        "detectors": [device.name for device in (*pattern_detectors, *ion_detectors)],
        "motors": [furnace.name],
        "target_c": target_c,
        "rate_c_per_min": rate_c_per_min,
        "over_temperature_c": limit_c,
        "on_suspend": on_suspend,
        "watchdog": None if state.controls.heartbeat is None else {"timeout_s": state.timeout_s},
        "hints": {"dimensions": [(("time",), PATTERNS if pattern_detectors else IONS)]},
        **(md or {}),
    }
    if state.controls.heartbeat is None:
        yield from tell(
            f"{furnace.name} has no heartbeat: should this process be killed, nothing turns the "
            "heating off, so stay with it"
        )
    try:
        return (yield from _run(heating, metadata))
    finally:
        # RE.halt() comes by here too, where no message is sent any more.
        heating.ramp.let_go()


def _run(heating: Heating, metadata: dict[str, Any]) -> MsgGenerator[str]:
    """Stage, heat and cool, in a run that is a success only where the target is reached."""
    devices = separate_devices([d for channel in heating.channels for d in channel.devices])

    def failed(error: Exception) -> MsgGenerator[None]:
        how = str(error) or WAYS_OUT.get(type(error), type(error).__name__)
        status = "abort" if isinstance(error, RequestAbort) else "fail"
        yield Msg("close_run", exit_status=status, reason=f"{how}; {heating.how_far()}")

    def in_run() -> MsgGenerator[str]:
        opened: str = yield from bps.open_run(metadata)
        yield Msg("checkpoint")
        # What is under way is not repeated after a pause: the plan goes on with what is next.
        heated = bpp.rewindable_wrapper(heating.heat(), False)
        cooled = bpp.finalize_wrapper(heated, heating.cool)
        yield from bpp.contingency_wrapper(cooled, except_plan=failed, else_plan=bps.close_run)
        return opened

    staged = [device for device in devices if isinstance(device, Stageable)]
    uid: str = yield from bpp.stage_wrapper(in_run(), staged)
    return uid


def _check_devices(
    furnace: Any, patterns: Sequence[Readable[Any]], ions: Sequence[Readable[Any]]
) -> None:
    for given, name in ((patterns, "pattern_detectors"), (ions, "ion_detectors")):
        if not isinstance(given, list | tuple):
            raise ValueError(f"{name} are {given!r}: give a list, such as [rga]; it may be empty")
    check_detectors([*patterns, *ions])
    if getattr(furnace, "name", None) in [detector.name for detector in (*patterns, *ions)]:
        raise ValueError(f"{furnace!r} is among the detectors too: it is read as the furnace")


def _check_policy(on_suspend: str, state: FurnaceState) -> None:
    if on_suspend not in POLICIES:
        raise ValueError(f"on_suspend is {on_suspend!r}: give one of {', '.join(POLICIES)}")
    if on_suspend == "continue" and state.controls.ramp_rate is None:
        raise ValueError(
            f"on_suspend is 'continue', but {state.name} has no ramp_rate, so nobody would ramp it "
            "in a pause: give 'hold' or 'cool'"
        )


def _check_target(state: FurnaceState, target_c: float) -> MsgGenerator[None]:
    if state.start_c >= target_c:
        raise ValueError(
            f"{state.name} is at {state.start_c:.1f} degC: give a target_c above that, not "
            f"{target_c:g}, or let it cool"
        )
    try:
        yield from check_limits(state.furnace, [state.scale.own(target_c)])
    except ValueError as error:
        raise ValueError(f"target_c is {target_c:g}, out of reach: {error}") from error


def _channel(stream: str, devices: Sequence[Readable[Any]], period_s: float) -> Channel:
    is_paced = any(pace_of(device) is not None for device in devices)
    return Channel(stream, devices, period_s, is_paced)


def _settings(
    state: FurnaceState, channels: Sequence[Channel], rate_c_per_min: float, limit_c: float
) -> MsgGenerator[list[Setting]]:
    """Find what is to be set for the ramp, and what it is now; all of it must be within limits."""
    wanted: list[tuple[Movable[Any], float]] = []
    for channel in channels:
        paces = [pace_of(device) for device in channel.devices]
        wanted += [(pace, channel.period_s) for pace in paces if pace is not None]
    if state.controls.over_temperature is not None:
        wanted.append((state.controls.over_temperature, state.scale.own(limit_c)))
    if state.controls.ramp_rate is not None:
        rate = yield from own_rate(state, rate_c_per_min)
        wanted.append((state.controls.ramp_rate, rate))
    settings = []
    for part, value in wanted:
        yield from check_limits(part, [value])
        before = value
        if isinstance(part, Readable):
            before = yield from position_of(part)
        settings.append(Setting(part, value, before))
    return settings
