"""Ramps of a simulated hot stage that are over in seconds, and furnaces of other people."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from bluesky import Msg
from ophyd import Component, Device, Kind, Signal
from ophyd.sim import SynAxis, SynSignal
from ophyd.status import Status
from ophyd_async.core import (
    AsyncStatus,
    StandardReadable,
    StandardReadableFormat,
    soft_signal_r_and_setter,
    soft_signal_rw,
)

from cgnmc_bluesky.plans import heating_ramp
from cgnmc_bluesky.sim import SimulatedHotStage

SHORT: dict[str, Any] = {"target_c": 60.0, "rate_c_per_min": 20.0, "pattern_period_s": 30.0}
STREAMS = ("primary", "ions", "temperature")


def ramp(stage: SimulatedHotStage, **options: Any) -> Iterator[Msg]:
    """A ramp of two minutes."""
    arguments = {**SHORT, **options}
    return heating_ramp(stage.furnace, [stage.diffractometer], [stage.rga], **arguments)


def events(recorder: Any, stream: str) -> list[dict[str, Any]]:
    """Events of a stream, as they came."""
    uids = [doc["uid"] for doc in recorder.of("descriptor") if doc["name"] == stream]
    return [doc for doc in recorder.of("event") if doc["descriptor"] in uids]


def is_cooling(stage: SimulatedHotStage) -> bool:
    """Whether the heater is off, and stays so; the watchdog, where it must, has had its time."""
    stage.clock.advance(91.0)
    hot_c = stage.furnace.position
    stage.clock.advance(900.0)
    cooled_c = stage.furnace.position
    return not stage.furnace.heater.get() and (cooled_c < hot_c or cooled_c < 26.0)


class KelvinFurnace(Device):
    """Somebody else's furnace: at its set point at once, in K, with nothing else to it."""

    temperature = Component(SynSignal, kind=Kind.hinted)
    target = Component(Signal, value=300.0, kind=Kind.omitted)

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name)
        self.temperature.sim_set_func(self.target.get)
        self.sent: list[float] = []

    def describe(self) -> dict[str, Any]:
        return {key: {**given, "units": "K"} for key, given in super().describe().items()}

    def trigger(self) -> Status:
        return self.temperature.trigger()

    def set(self, value: float) -> Status:
        self.sent.append(value)
        return self.target.set(value)


class AsyncFurnace(StandardReadable):
    """A furnace of ophyd-async, whose controller ramps."""

    def __init__(self, name: str = "") -> None:
        with self.add_children_as_readables(StandardReadableFormat.HINTED_SIGNAL):
            self.temperature, self._show = soft_signal_r_and_setter(float, 25.0, units="degC")
        self.ramp_rate = soft_signal_rw(float, 0.0667, units="degC/s")
        self.setpoint = soft_signal_rw(float, 25.0, units="degC")
        self.heater = soft_signal_rw(int, 0)
        self.heartbeat = soft_signal_rw(int, 0)
        self.heartbeat_timeout_s = soft_signal_rw(float, 30.0)
        super().__init__(name=name)

    @AsyncStatus.wrap
    async def set(self, value: float) -> None:
        await self.setpoint.set(value)
        rate_c_per_s = await self.ramp_rate.get_value()
        begin_s = time.monotonic()
        while await self.heater.get_value() and await self.temperature.get_value() < value:
            await asyncio.sleep(0.02)
            self._show(min(25.0 + rate_c_per_s * (time.monotonic() - begin_s), value))


def plain_furnace() -> SynAxis:
    """A furnace that says no unit."""
    return SynAxis(name="oven", value=25.0)
