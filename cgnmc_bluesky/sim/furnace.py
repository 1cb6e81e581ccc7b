"""A furnace whose controller ramps and guards it, on the simulation's clock."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from ophyd import Component, Kind
from ophyd.status import DeviceStatus
from ophyd.utils import LimitError

from cgnmc_bluesky.sim.clock import Cancel, Clock
from cgnmc_bluesky.sim.faults import Faults
from cgnmc_bluesky.sim.oven import ROOM_C, STEP_S, Oven
from cgnmc_bluesky.sim.paced import Paced
from cgnmc_bluesky.sim.signals import Command, Reading

LIMITS_C = (0.0, 900.0)
NOISE_C = 0.1
DECIMALS = 1


class Furnace(Paced):
    """A furnace with a controller of its own, which goes on whoever asks.

    Data keys: `<name>_temperature`, `<name>_setpoint` (where it goes), `<name>_ramp` (where it
    should be now), `<name>_power` (in % of the full one), `<name>_heater` (1 or 0).

    The controller turns the heater off by itself above `over_temperature`, and
    `heartbeat_timeout_s` after the last change of `heartbeat`; 0 there says that none will come. A
    motion on its way fails then, and the next one is refused until `heater` is set to 1.

    Parameters
    ----------
    clock
        The simulation's clock. At an infinite speed `set` moves it to the arrival; while heartbeats
        are counted on, whoever sends them lets time pass.
    oven
        What it is.
    name
        The device's name.
    seed
        Of its thermocouple's noise; `None` for none.
    faults
        What goes wrong.
    """

    egu = "degC"
    limits = LIMITS_C

    temperature = Component(Reading, value=ROOM_C, units="degC", precision=1, kind=Kind.hinted)
    setpoint = Component(
        Command, value=ROOM_C, units="degC", precision=1, limits=LIMITS_C, kind=Kind.normal
    )
    ramp = Component(Reading, value=ROOM_C, units="degC", precision=1, kind=Kind.normal)
    power = Component(Reading, value=0.0, units="percent", precision=1, kind=Kind.normal)
    heater = Component(Command, value=1, units="", limits=(0, 1), kind=Kind.normal)
    ramp_rate = Component(
        Command, value=4.0, units="degC/min", precision=2, limits=(0.01, 600.0), kind=Kind.config
    )
    over_temperature = Component(
        Command, value=600.0, units="degC", precision=1, limits=(0.0, 1000.0), kind=Kind.config
    )
    heartbeat = Component(Command, value=0, units="", limits=(0, 2**31 - 1), kind=Kind.omitted)
    heartbeat_timeout_s = Component(
        Command, value=30.0, units="s", limits=(1.0, 3600.0), kind=Kind.config
    )

    def __init__(
        self,
        clock: Clock,
        oven: Oven,
        *,
        name: str = "furnace",
        seed: np.random.SeedSequence | None = None,
        faults: Faults | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(clock, name=name, faults=faults or Faults(), **kwargs)
        self.oven = oven
        self._random = None if seed is None else np.random.default_rng(seed)
        self._motion: DeviceStatus | None = None
        self._cancel: Cancel = lambda: None
        self._forget: Cancel = lambda: None
        self.setpoint.obey(self._commanded(oven.go))
        self.heater.obey(self._commanded(self._switch))
        self.heartbeat.obey(self._commanded(self._beat))
        for command, attribute in (
            (self.ramp_rate, "rate_c_per_min"),
            (self.over_temperature, "limit_c"),
            (self.heartbeat_timeout_s, "heartbeat_timeout_s"),
        ):
            command.obey(self._commanded(partial(setattr, oven, attribute)))
        now_s = clock.now_s()
        for command in (self.setpoint, self.heater):
            command.update(command.get(), now_s)
        self.refresh()

    @property
    def position(self) -> float:
        """Temperature now, in °C."""
        return round(self.oven.temperature_c(self._advance()), DECIMALS)

    @property
    def is_armed(self) -> bool:
        """Whether the controller counts on heartbeats."""
        return self.oven.is_armed

    def check_value(self, value: float) -> None:
        """Refuse a temperature outside the limits."""
        low_c, high_c = self.limits
        if not low_c <= value <= high_c:
            raise LimitError(
                f"{self.name} cannot go to {value} {self.egu}; "
                f"it reaches {low_c} to {high_c} {self.egu}"
            )

    def set(self, value: float) -> DeviceStatus:
        """Ramp to a temperature and hold it.

        Parameters
        ----------
        value
            Where to, in °C.

        Returns
        -------
        DeviceStatus
            Done when it is there, when it is sent elsewhere, or when the heater is turned off.

        Raises
        ------
        RuntimeError
            If the heater is off.
        """
        self.check_value(value)
        self._advance()
        if not self.oven.is_on:
            why = f" ({self.oven.tripped})" if self.oven.tripped else ""
            raise RuntimeError(f"{self.name} has its heater off{why}: set {self.heater.name} to 1")
        self._end(None)
        self.setpoint.put(value)
        self._motion = status = DeviceStatus(self)
        self._look(status)
        return status

    def stop(self, *, success: bool = False) -> None:
        """Hold where it is; a heater that is off stays off.

        Parameters
        ----------
        success
            Whether a motion that this ends counts as done.
        """
        here_c = self.position
        if self.oven.is_on:
            self.setpoint.put(here_c)
        stopped = RuntimeError(f"{self.name} was stopped at {here_c} {self.egu}")
        self._end(None if success else stopped)

    def refresh(self) -> None:
        """Measure now, whatever the period."""
        self._publish(*self._measured(self._clock.now_s()))

    def _measured(self, time_s: float) -> tuple[float, Mapping[Reading, float]]:
        self.oven.haste = self._haste()
        self._advance()
        noise_c = NOISE_C * self._random.standard_normal() if self._random is not None else 0.0
        return time_s, {
            self.temperature: round(self.oven.temperature_c(time_s) + noise_c, DECIMALS),
            self.ramp: round(self.oven.setpoint_c, 2),
            self.power: round(100.0 * self.oven.power, 1),
        }

    def _advance(self) -> float:
        """Let the controller go on until now, and take note of what it did by itself."""
        now_s = self._clock.now_s()
        self.oven.advance_to(now_s)
        if self.oven.tripped and self.heater.get():
            self.heater.update(0, now_s)
            self._end(RuntimeError(f"{self.name} turned its heater off: {self.oven.tripped}"))
        return now_s

    def _tell(self) -> None:
        """Make known what the controller did while nobody asked."""
        self._advance()

    def _commanded(self, act: Callable[[float], None]) -> Callable[[float], float]:
        def obey(value: float) -> float:
            self._answer()
            now_s = self._advance()
            act(value)
            return now_s

        return obey

    def _switch(self, on: float) -> None:
        if on:
            self.oven.turn_on()
        else:
            self.oven.turn_off()
            self._end(None)

    def _beat(self, beat: float) -> None:
        if not beat:
            self.oven.disarm()
        elif beat != self.heartbeat.get():
            now_s = self._clock.now_s()
            self.oven.beat(now_s)
            self._forget()
            missed_s = now_s + self.oven.heartbeat_timeout_s + 2 * STEP_S
            self._forget = self._clock.at(missed_s, self._tell)

    def _look(self, motion: DeviceStatus) -> None:
        """See whether a motion has come to its end, else look again when it should have."""
        if self._motion is not motion:
            return
        self._advance()
        if self.oven.has_arrived():
            self._end(None)
        elif self._motion is motion and (end_s := self.oven.end_s()) < math.inf:
            wait = self._clock.at if self.is_armed else self._clock.wait_until
            self._cancel = wait(end_s, lambda: self._look(motion))

    def _end(self, error: Exception | None) -> None:
        with self.oven.lock:
            motion, self._motion = self._motion, None
        if motion is None:
            return
        self._cancel()
        self.refresh()
        if error is None:
            motion.set_finished()
        else:
            motion.set_exception(error)

    def _haste(self) -> float:
        struck = self._faults.at(self._point, channel=self.name)
        haste = struck["rate"].size if "rate" in struck else 1.0
        return -haste if "backwards" in struck else 0.0 if "stall" in struck else haste
