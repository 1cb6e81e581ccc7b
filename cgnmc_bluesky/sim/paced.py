"""Devices that measure at times of their own, at the multiples of a period."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from ophyd import Component, Device, Kind
from ophyd.status import DeviceStatus

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.faults import DetectorFailure, Faults, spoilt
from cgnmc_bluesky.sim.signals import Reading, Setting


class Paced(Device, ABC):
    """A device that measures once a period; who triggers it waits until then.

    Devices of one period measure at the same times, whichever is triggered first.

    Parameters
    ----------
    clock
        The simulation's clock; a measurement is a count of its pace.
    name
        The device's name.
    faults
        What goes wrong with its channels, by their data keys, or with it, by its name.
    is_driven
        Whether somebody else lets time pass now. Then a measurement waits for that, else it moves
        the clock to its time.
    **kwargs
        As for `ophyd.Device`.
    """

    period_s = Component(Setting, value=3.0, units="s", limits=(0.1, 3600.0), kind=Kind.config)

    def __init__(
        self,
        clock: Clock,
        *,
        name: str,
        faults: Faults,
        is_driven: Callable[[], bool] = lambda: False,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._clock = clock
        self._faults = faults
        self._is_driven = is_driven
        self._point = 0
        self._last_s = 0.0

    def stage(self) -> list[object]:
        """Begin a run: its readings are counted from 1."""
        self._point = 0
        staged: list[object] = super().stage()
        return staged

    def trigger(self) -> DeviceStatus:
        """Measure at the next multiple of the period.

        Returns
        -------
        DeviceStatus
            Done when the readings are there.

        Raises
        ------
        DetectorFailure
            Where a fault asks for it.
        """
        self._point += 1
        self._answer()
        time_s = self._last_s = self._next_s()
        status = DeviceStatus(self)

        def finish() -> None:
            measured_s, values = self._measured(time_s)
            if "stale" not in self._faults.at(self._point, channel=self.name):
                self._publish(measured_s, values)
            status.set_finished()

        if self._is_driven():
            self._clock.at(time_s, finish)
        else:
            self._clock.wait_until(time_s, finish, counting=True)
        return status

    def _next_s(self) -> float:
        period_s = float(self.period_s.get())
        number = math.ceil(self._clock.now_s() / period_s - 1e-4)
        return period_s * max(number, math.floor(self._last_s / period_s + 1e-4) + 1)

    def _answer(self) -> None:
        """Raise where it does not."""
        if self._faults.silence(self.name, self._point, self._channels):
            raise DetectorFailure(f"{self.name} does not answer at reading {self._point}")

    @cached_property
    def _channels(self) -> tuple[str, ...]:
        """Its data keys, by which faults name them."""
        return tuple(getattr(self, attribute).name for attribute in self.read_attrs)

    def _publish(self, time_s: float, values: Mapping[Reading, float]) -> None:
        late = self._faults.at(self._point, channel=self.name).get("late")
        stamp_s = time_s + (late.size if late else 0.0)
        for reading, value in values.items():
            fault = self._faults.of(reading.name, self._point)
            reading.update(spoilt(fault, value, float(reading.get())), stamp_s)

    @abstractmethod
    def _measured(self, time_s: float) -> tuple[float, Mapping[Reading, float]]:
        """Measure at a time; give the time that the readings say, and the readings."""
