"""What every simulated axis does: it goes to a place at its speed, and stops when told to."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ophyd import Device
from ophyd.status import DeviceStatus
from ophyd.utils import LimitError

from cgnmc_bluesky.sim.clock import Clock


class Axis(Device, ABC):
    """An axis on the simulation's clock.

    Parameters
    ----------
    clock
        The simulation's clock.
    limits
        Lowest and highest position, in its unit.
    speed
        How fast it moves, in its unit a second.
    **kwargs
        As for `ophyd.Device`.
    """

    egu: str

    def __init__(
        self,
        prefix: str = "",
        *,
        clock: Clock,
        limits: tuple[float, float],
        speed: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(prefix, **kwargs)
        self.limits = limits
        self.speed = speed
        self._clock = clock
        self._motion: Motion | None = None

    @property
    @abstractmethod
    def position(self) -> float:
        """The readback."""

    @property
    def moving(self) -> bool:
        """Whether it is on its way."""
        return self._motion is not None

    def check_value(self, value: float) -> None:
        """Refuse a position outside the limits."""
        low, high = self.limits
        if not low <= value <= high:
            raise LimitError(
                f"{self.name} cannot go to {value} {self.egu}; "
                f"it reaches {low} to {high} {self.egu}"
            )

    def set(self, value: float) -> DeviceStatus:
        """Go to a position.

        Parameters
        ----------
        value
            Where to, in its unit.

        Returns
        -------
        DeviceStatus
            Done when it is there and has settled.
        """
        return self._go(value, self.speed)

    def stop(self, *, success: bool = False) -> None:
        """Stay where it is.

        Parameters
        ----------
        success
            Whether a motion that this ends counts as done.
        """
        motion, self._motion = self._motion, None
        if motion is None:
            return
        motion.cancel()
        now_s = self._clock.now_s()
        self._rest_at(motion.position(now_s), now_s)
        if success:
            motion.status.set_finished()
        else:
            motion.status.set_exception(
                RuntimeError(f"{self.name} was stopped at {self.position} {self.egu}")
            )

    def _go(self, target: float, speed: float) -> DeviceStatus:
        self.check_value(target)
        self.stop()
        motion = Motion(self, self._clock.now_s(), float(target), speed)
        self._motion = motion
        motion.cancel = self._clock.wait_until(
            motion.arrival_s + self._settling_s(), lambda: self._arrived(motion)
        )
        return motion.status

    def _arrived(self, motion: "Motion") -> None:
        if self._motion is not motion:
            return
        self._motion = None
        self._rest_at(motion.target, motion.arrival_s)
        motion.status.set_finished()

    def _settling_s(self) -> float:
        return 0.0

    @abstractmethod
    def _rest_at(self, position: float, time_s: float) -> None:
        """Take note of where a motion ended."""


class Motion:
    """A motion on its way.

    Parameters
    ----------
    axis
        What moves.
    start_s
        Since when, in seconds since the epoch.
    target
        Where to, in the axis' unit.
    speed
        How fast, in the axis' unit a second.
    """

    def __init__(self, axis: Axis, start_s: float, target: float, speed: float) -> None:
        self._start_s, self._start = start_s, axis.position
        self.target = target
        self.arrival_s = start_s + abs(target - self._start) / speed
        self.status = DeviceStatus(axis)
        self.cancel: Callable[[], None] = lambda: None

    def position(self, time_s: float) -> float:
        """Where it is at a time."""
        length_s = self.arrival_s - self._start_s
        done = min((time_s - self._start_s) / length_s, 1.0) if length_s > 0 else 1.0
        return self._start + done * (self.target - self._start)
