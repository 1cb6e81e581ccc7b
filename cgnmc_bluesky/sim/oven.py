"""A furnace as a body that heats up and cools down, and the controller that belongs to it."""

import copy
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

STEP_S = 0.5
STEPS_HEATED = 2
"""After how many steps what is in the oven takes note of its temperature."""
NEAR_C = 1.0
"""So near to its target it has arrived."""
PATIENCE_S = 86_400.0
ROOM_C = 25.0
ZERO_C_K = 273.15

Trip = Literal["", "over-temperature", "no heartbeat"]


@dataclass
class Body:
    """Heater and sample: power warms the one, which warms the other and loses heat.

    Parameters
    ----------
    heater_c
        Temperature of the heater, in °C.
    sample_c
        Temperature of the sample, and of the thermocouple in it, in °C.
    full_c_per_s
        How fast full power warms the heater when it loses nothing.
    lag_s
        How far the sample is behind the heater.
    convective_per_s
        Heat lost by convection and conduction: share of what the heater is above the room.
    radiative_c_per_s
        Heat lost by radiation at 500 °C, as the heater cools by it.
    """

    heater_c: float = ROOM_C
    sample_c: float = ROOM_C
    full_c_per_s: float = 0.9
    lag_s: float = 25.0
    convective_per_s: float = 3.5e-4
    radiative_c_per_s: float = 0.16

    def advance(self, power: float, duration_s: float) -> None:
        """Let heat flow for a time.

        Parameters
        ----------
        power
            Share of the full power.
        duration_s
            How long, in seconds; short beside `lag_s`.
        """
        radiated = _radiated(self.heater_c) - _radiated(ROOM_C)
        lost = self.convective_per_s * (self.heater_c - ROOM_C) + self.radiative_c_per_s * radiated
        warmed = (self.heater_c - self.sample_c) / self.lag_s
        self.heater_c += duration_s * (power * self.full_c_per_s - lost)
        self.sample_c += duration_s * warmed


class Oven:
    """A body with a controller that ramps, holds, and guards itself.

    The controller goes on in steps of its own, whenever it is asked: what comes of it does not
    depend on how often that is. It turns its heater off above its limit, and where no heartbeat has
    come for a while after there was one.

    Parameters
    ----------
    start_s
        When it is at room temperature, in seconds since the epoch.
    heats
        Given, second after second, the time in seconds since the epoch, the temperature in °C, and
        how long it took to get there: what is in it.

    Attributes
    ----------
    target_c, rate_c_per_min
        Where it goes, and how fast.
    limit_c
        Above this the heater is turned off.
    heartbeat_timeout_s
        So long after the last heartbeat the heater is turned off.
    haste
        How many times as fast as it should it ramps; 0 stands still, -1 goes back.
    setpoint_c
        Where it should be now.
    power
        Share of the full power.
    is_on
        Whether the heater may have power.
    tripped
        Why it turned the heater off by itself; empty where it did not.
    lock
        Held while it goes on; to be held by whoever looks at what it heats.
    """

    GAIN_PER_C = 0.02
    RESET_S = 150.0
    """Of the controller: power for each degree that is missing, and in which time it is added."""

    def __init__(
        self, start_s: float, heats: Callable[[float, float, float], None] = lambda *_: None
    ) -> None:
        self.body = Body()
        self.target_c = ROOM_C
        self.rate_c_per_min = 4.0
        self.limit_c = 600.0
        self.heartbeat_timeout_s = 30.0
        self.haste = 1.0
        self.setpoint_c = ROOM_C
        self.power = 0.0
        self.is_on = True
        self.tripped: Trip = ""
        self._heats = heats
        self._time_s = start_s
        self._n_steps = 0
        self._previous_c = ROOM_C
        self._integral = 0.0
        self._last_beat_s = math.inf
        self.lock = threading.RLock()

    @property
    def is_armed(self) -> bool:
        """Whether it counts on heartbeats."""
        return self._last_beat_s < math.inf

    def temperature_c(self, time_s: float) -> float:
        """Temperature of the sample at the time that it was advanced to."""
        before = (self._time_s - time_s) / STEP_S
        return self.body.sample_c + before * (self._previous_c - self.body.sample_c)

    def advance_to(self, time_s: float) -> None:
        """Let it go on until a time, in seconds since the epoch."""
        with self.lock:
            while self._time_s < time_s:
                self._step()

    def go(self, target_c: float) -> None:
        """Ramp to a temperature from where it is."""
        with self.lock:
            self.target_c = target_c
            self.setpoint_c = self.body.sample_c

    def turn_on(self) -> None:
        """Give the heater power again, from where it is; why it tripped is forgotten."""
        with self.lock:
            if not self.is_on:
                self.tripped, self.is_on, self._integral = "", True, 0.0
                self.setpoint_c = self.body.sample_c

    def turn_off(self, why: Trip = "") -> None:
        """Take the heater's power, and count on no more heartbeats."""
        with self.lock:
            self.tripped, self.is_on, self.power = why, False, 0.0
            self.disarm()

    def beat(self, time_s: float) -> None:
        """Take a heartbeat, and from now on count on more."""
        self._last_beat_s = time_s

    def disarm(self) -> None:
        """Count on no more heartbeats."""
        self._last_beat_s = math.inf

    def end_s(self) -> float:
        """When it will be at its target, or turn itself off, as things are; without heartbeats.

        In seconds since the epoch; infinite where that is not within a day.
        """
        with self.lock:
            ahead = copy.copy(self)
        ahead.body, ahead._heats = replace(self.body), lambda *_: None
        ahead.disarm()
        last_s = self._time_s + PATIENCE_S
        while ahead.is_on and not ahead.has_arrived():
            if ahead._time_s > last_s:
                return math.inf
            ahead._step()
        return ahead._time_s

    def has_arrived(self) -> bool:
        """Whether it is at its target, or as near as it can come."""
        target_c = max(self.target_c, ROOM_C)
        return self.setpoint_c == self.target_c and abs(self.body.sample_c - target_c) <= NEAR_C

    def _step(self) -> None:
        self._guard()
        self.power = self._controlled() if self.is_on else 0.0
        self._previous_c = self.body.sample_c
        self.body.advance(self.power, STEP_S)
        self._time_s += STEP_S
        self._n_steps += 1
        if self._n_steps % STEPS_HEATED == 0:
            self._heats(self._time_s, self.body.sample_c, STEPS_HEATED * STEP_S)

    def _guard(self) -> None:
        if not self.is_on:
            return
        if self.body.sample_c > self.limit_c:
            self.turn_off("over-temperature")
        elif self._time_s - self._last_beat_s > self.heartbeat_timeout_s:
            self.turn_off("no heartbeat")

    def _controlled(self) -> float:
        most_c = abs(self.haste) * self.rate_c_per_min / 60.0 * STEP_S
        target_c = self.target_c if self.haste >= 0 else ROOM_C
        self.setpoint_c += min(max(target_c - self.setpoint_c, -most_c), most_c)
        missing_c = self.setpoint_c - self.body.sample_c
        wanted = self.GAIN_PER_C * missing_c + self._integral
        saturates = wanted > 1.0 if missing_c > 0 else wanted < 0.0
        if not saturates:
            self._integral += self.GAIN_PER_C * missing_c * STEP_S / self.RESET_S
        return min(max(wanted, 0.0), 1.0)


def _radiated(temperature_c: float) -> float:
    return float(((temperature_c + ZERO_C_K) / (500.0 + ZERO_C_K)) ** 4)
