"""Whether a heating ramp keeps its pace: patterns, ions and temperatures side by side."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
from bluesky import RunEngine
from bluesky.utils import MsgGenerator

from benchmarks.figure import Figure
from cgnmc_bluesky.plans import heating_ramp
from cgnmc_bluesky.sim.hotstage import SimulatedHotStage

ION_PERIOD_S, PATTERN_PERIOD_S = 3.0, 60.0
SPEED = 10.0
"""Simulated seconds a real one: an ion reading each 0.3 s."""
RATE_C_PER_MIN = 4.0

Plan = Callable[[SimulatedHotStage], MsgGenerator[Any]]


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    target_c = 40.0 if tiny else 200.0
    speed, short_c = (600.0, 30.0) if tiny else (SPEED, 50.0)
    yield _whole(target_c)
    ours, loop = (
        speed * np.diff(_run(plan, SimulatedHotStage(seed=1, speed=speed))["ions"])
        for plan in (_ramp_to(short_c), _loop_to(short_c))
    )
    yield Figure(
        f"ions each {ION_PERIOD_S:g} s beside patterns of {PATTERN_PERIOD_S:g} s: longest gap",
        float(np.max(ours)),
        "s",
        at_most=2 * ION_PERIOD_S,
        peers={"a loop that waits for each pattern": float(np.max(loop))},
        remark=f"{len(ours) + 1} readings at {speed:g} times the real speed; median "
        f"{np.median(ours):.2f} s, 99 of 100 below {np.quantile(ours, 0.99):.2f} s",
    )


def _whole(target_c: float) -> Figure:
    """A ramp where nothing waits: what the plan itself takes."""
    ours, loop = (
        _run(plan, SimulatedHotStage(seed=1))
        for plan in (_ramp_to(target_c), _loop_to(target_c, patterns=False))
    )
    spent_s = np.ptp(ours["ions"])
    return Figure(
        "the plan and its simulated hot stage without waiting, a reading of ions",
        1e3 * spent_s / len(ours["ions"]),
        "ms",
        peers={"a bare loop without patterns": 1e3 * np.ptp(loop["ions"]) / len(loop["ions"])},
        remark=f"to {target_c:.0f} °C in {spent_s:.1f} s; events: "
        + ", ".join(f"{len(times)} of {stream}" for stream, times in ours.items()),
    )


def _ramp_to(target_c: float) -> Plan:
    def plan(stage: SimulatedHotStage) -> MsgGenerator[Any]:
        return heating_ramp(
            stage.furnace,
            [stage.diffractometer],
            [stage.rga],
            target_c=target_c,
            rate_c_per_min=RATE_C_PER_MIN,
            pattern_period_s=PATTERN_PERIOD_S,
            ion_period_s=ION_PERIOD_S,
        )

    return plan


def _loop_to(target_c: float, *, patterns: bool = True) -> Plan:
    """One thing after the other, as a plan of a few lines would do it."""

    def plan(stage: SimulatedHotStage) -> MsgGenerator[Any]:
        furnace = stage.furnace
        yield from bps.mv(
            *(furnace.ramp_rate, RATE_C_PER_MIN),
            *(furnace.heartbeat_timeout_s, 3600.0),
            *(furnace.heartbeat, 1),
            *(stage.rga.period_s, ION_PERIOD_S),
            *(furnace.period_s, ION_PERIOD_S),
            *(stage.diffractometer.exposure_s, PATTERN_PERIOD_S),
        )
        yield from bps.open_run()
        arrived = yield from bps.abs_set(furnace, target_c)
        beats = 1
        while not arrived.done:
            beats += 1
            yield from bps.mv(furnace.heartbeat, beats)
            yield from bps.trigger_and_read([stage.rga], "ions")
            yield from bps.trigger_and_read([furnace], "temperature")
            if patterns and beats % round(PATTERN_PERIOD_S / ION_PERIOD_S) == 0:
                yield from bps.trigger_and_read([stage.diffractometer], "primary")
        yield from bps.mv(furnace.heartbeat, 0)
        yield from bps.close_run()

    return plan


def _run(plan: Plan, stage: SimulatedHotStage) -> dict[str, Sequence[float]]:
    """Real times of a run's events, in s, by their stream."""
    streams: dict[str, str] = {}
    at_s: dict[str, list[float]] = {}

    def note(name: str, doc: Mapping[str, Any]) -> None:
        if name == "descriptor":
            streams[doc["uid"]] = doc["name"]
        elif name == "event":
            at_s.setdefault(streams[doc["descriptor"]], []).append(doc["time"])

    engine = RunEngine({}, context_managers=[])
    with ExitStack() as stack:
        stack.callback(engine.loop.call_soon_threadsafe, engine.loop.stop)
        engine(plan(stage), note)
    return at_s
