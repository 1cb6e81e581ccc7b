"""The ramp itself: a furnace heats while detectors are read side by side, and cools at its end."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bluesky import Msg
from bluesky.protocols import Movable
from bluesky.utils import MsgGenerator, RunEngineControlException

from cgnmc_bluesky.devices.ramping import Ramp
from cgnmc_bluesky.plans.furnace import FurnaceState
from cgnmc_bluesky.plans.messages import tell
from cgnmc_bluesky.plans.polling import Channel, Elapsed, first_of
from cgnmc_bluesky.plans.watching import RampWatch

SILENCE_S = 30.0
"""A furnace that is silent for so long, or for ten of its periods, is not heated further."""
HANGS_S = 120.0
"""A detector that takes so long, or three of its periods, hangs; the others go on."""
COMMAND_S = 30.0
LONGEST_WAIT_S = 1.0
BEAT = "heartbeat"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setting:
    """What a part of a device is set to for the ramp, and what it was before."""

    part: Movable[Any]
    value: Any
    before: Any


@dataclass
class Heating:
    """A ramp that is going on.

    Parameters
    ----------
    ramp
        What is sent to the target.
    watch
        Looks at the temperatures.
    state
        The furnace as it was before.
    settings
        What is set before, and put back after.
    patterns, ions, temperatures
        What is read.
    """

    ramp: Ramp
    watch: RampWatch
    state: FurnaceState
    settings: Sequence[Setting]
    patterns: Channel
    ions: Channel
    temperatures: Channel

    def __post_init__(self) -> None:
        self.elapsed = Elapsed()
        self.elapsed.stamp(self.state.key, self.state.stamp_s, self.temperatures.period_s)
        self._seen = 0
        self._beat_s = -math.inf
        self._line = (0.0, self.state.start_c)
        self._told: set[str] = set()

    @property
    def channels(self) -> list[Channel]:
        """What is read; patterns first, as they take longest."""
        return [c for c in (self.patterns, self.temperatures, self.ions) if c.devices]

    def heat(self) -> MsgGenerator[None]:
        """Heat to the target, and read everything until it is there."""
        for setting in self.settings:
            yield from _set(setting.part, setting.value)
        yield from self._beat()
        if self.state.controls.heater is not None:
            yield from _set(self.state.controls.heater, 1)
        yield from self._send()
        while not self._is_over():
            yield Msg("checkpoint")
            yield from self._look_after()
            for channel in self.channels:
                if channel.began_s is None and channel.due_s <= self.elapsed.now_s():
                    yield from self._trigger(channel)
            if not any(channel.is_done for channel in self.channels):
                yield from first_of(self.channels, self._time_left_s())
            for channel in self.channels:
                if channel.is_done:
                    yield from self._record(channel)
            if math.isnan(self.state.start_c):
                return

    def cool(self) -> MsgGenerator[None]:
        """End the heating, and put back what was set; whatever fails, the rest is done."""
        failed: list[str] = []
        control: Exception | None = None
        for _ in range(2):
            # What failed before may be thrown at this message.
            try:
                tasks = yield Msg("wait_for", None, [self.ramp.cool])
                failed = tasks[0].result() if tasks else []
                break
            except Exception as error:
                log.exception("cooling was interrupted")
                control = error if isinstance(error, RunEngineControlException) else control
        for setting in reversed(self.settings):
            try:
                yield from _set(setting.part, setting.before)
            except Exception as error:
                log.exception("a setting could not be put back")
                name = getattr(setting.part, "name", "a part")
                failed.append(f"{name} was not put back to {setting.before} ({error})")
        if failed:
            guarded = math.isfinite(self.state.timeout_s)
            guard = f" or wait {self.state.timeout_s:g} s for its watchdog" if guarded else ""
            yield from tell(f"{'; '.join(failed)}. Look after {self.state.name}{guard}.")
        if control is not None:
            raise control

    def how_far(self) -> str:
        """Say how far it came."""
        return (
            f"{self.state.name} came to {self.watch.latest_c:.1f} of {self.watch.target_c:g} degC"
        )

    def _is_over(self) -> bool:
        if not self.watch.has_arrived:
            return False
        return self.patterns.began_s is None or self._hangs(self.patterns)

    def _look_after(self) -> MsgGenerator[None]:
        """Send a heartbeat, go on after a pause, and find what is silent."""
        now_s, ramp = self.elapsed.now_s(), self.ramp
        if ramp.fault is not None:
            raise RuntimeError(f"{self.state.name} heats no more: {ramp.fault}") from ramp.fault
        if ramp.interruptions != self._seen:
            self._seen = ramp.interruptions
            self._line = (now_s, self.watch.latest_c)
            self.watch.restart()
            for channel in self.channels:
                channel.spoil(now_s)
        if now_s - self._beat_s >= ramp.beat_s:
            yield from self._beat()
        silent_s = self.temperatures.waits_s(now_s)
        if silent_s > max(SILENCE_S, 10 * self.temperatures.period_s):
            raise RuntimeError(f"{self.state.name} has not answered for {silent_s:.0f} s")
        for channel in self.channels:
            if self._hangs(channel) and channel.stream not in self._told:
                self._told.add(channel.stream)
                names = ", ".join(device.name for device in channel.devices)
                yield from tell(f"{names}: no answer for {channel.waits_s(now_s):.0f} s; going on")

    def _hangs(self, channel: Channel) -> bool:
        waits_s = channel.waits_s(self.elapsed.now_s())
        return waits_s > max(HANGS_S, 3 * channel.period_s)

    def _trigger(self, channel: Channel) -> MsgGenerator[None]:
        if channel is self.patterns and self.watch.has_arrived:
            return
        yield from channel.trigger(self.elapsed.now_s())

    def _record(self, channel: Channel) -> MsgGenerator[None]:
        readings = yield from channel.record()
        if channel.is_paced and channel is not self.patterns:
            for key, reading in readings.items():
                self.elapsed.stamp(key, reading["timestamp"], channel.period_s)
        if channel is not self.temperatures or not readings:
            return
        reading = readings[self.state.key]
        self.ramp.measured = reading["value"]
        self.watch.add(self.elapsed.now_s(), self.state.scale.celsius(reading["value"]))
        yield from self._check_heater()
        if self.state.controls.ramp_rate is None:
            yield from self._send()

    def _check_heater(self) -> MsgGenerator[None]:
        heater = self.state.controls.heater
        if heater is None:
            return
        reading = yield Msg("read", heater)
        values = [entry["value"] for entry in (reading or {}).values()]
        if values and values[0] in {0, "0", "off", "Off", "OFF"} and self.ramp.fault is None:
            raise RuntimeError(
                f"{self.state.name} was turned off by its controller (over-temperature, or "
                "no heartbeat) or by hand"
            )

    def _send(self) -> MsgGenerator[None]:
        """Send the furnace to its target, or as far on the way as it should be now."""
        to_c = self.watch.target_c
        if self.state.controls.ramp_rate is None:
            begin_s, begin_c = self._line
            gained_c = self.watch.rate_c_per_min * (self.elapsed.now_s() - begin_s) / 60.0
            to_c = min(begin_c + gained_c, to_c)
        yield Msg("set", self.ramp, self.state.scale.own(to_c), group="ramp")
        yield Msg("wait", group="ramp")

    def _beat(self) -> MsgGenerator[None]:
        heartbeat = self.state.controls.heartbeat
        self._beat_s = self.elapsed.now_s()
        if heartbeat is None:
            return
        taken = yield Msg("wait", group=BEAT, error_on_timeout=False, timeout=0.01)
        if taken is False:
            raise RuntimeError(f"{self.state.name} takes no heartbeats: is its server there?")
        yield Msg("set", heartbeat, self.ramp.next_beat(), group=BEAT)

    def _time_left_s(self) -> float:
        now_s = self.elapsed.now_s()
        due_s = [channel.due_s for channel in self.channels if channel.began_s is None]
        return min(max(min(due_s, default=math.inf) - now_s, 0.0), LONGEST_WAIT_S)


def _set(part: Movable[Any], value: Any) -> MsgGenerator[None]:
    yield Msg("set", part, value, group="settings")
    yield Msg("wait", group="settings", timeout=COMMAND_S)
