"""A monochromator that is never quite where it says."""

import math
from collections.abc import Callable
from typing import Any

from ophyd import Component, Device, Kind
from ophyd.status import DeviceStatus
from ophyd.utils import LimitError

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.signals import Reading, Setting

ENCODER_STEP_EV = 0.001


class Monochromator(Device):
    """Energy axis with backlash, settling, and an error that drifts.

    The readback is the motor's encoder. The crystal follows with a dead zone: it is where the
    encoder says after a motion upwards, and `backlash_ev` above after one downwards. After a step
    it still swings by a hundredth of the step, dying away with the settling time. The true energy
    is the crystal's plus a fixed offset plus a drift.

    Parameters
    ----------
    clock
        The simulation's clock.
    limits_ev
        Lowest and highest energy.
    offset_ev
        True energy minus the readback at the clock's start.
    drift_ev_per_h
        Growth of that with time.
    backlash_ev
        Width of the dead zone.
    speed_ev_s
        How fast it moves, in eV a second.
    start_ev
        Where it stands at first.
    name
        Its name; its readback's is this with `_energy`.

    Attributes
    ----------
    moved
        Called after each motion, where it is not `None`.

    Examples
    --------
    >>> from cgnmc_bluesky.sim.clock import Clock
    >>> mono = Monochromator(Clock(), offset_ev=0.3, start_ev=8339.0)
    >>> _ = mono.set(8340.0)
    >>> mono.position, round(mono.true_energy_ev() - mono.position, 3)
    (8340.0, 0.3)
    """

    energy = Component(Reading, value=8000.0, units="eV", precision=3, kind=Kind.hinted)
    settle_time_s = Component(Setting, value=0.1, units="s", limits=(0.0, 60.0), kind=Kind.config)

    def __init__(
        self,
        clock: Clock,
        *,
        name: str = "mono",
        limits_ev: tuple[float, float] = (4500.0, 14000.0),
        offset_ev: float = 0.0,
        drift_ev_per_h: float = 0.0,
        backlash_ev: float = 0.05,
        speed_ev_s: float = 100.0,
        start_ev: float = 8000.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.limits = limits_ev
        self.offset_ev = offset_ev
        self.drift_ev_per_h = drift_ev_per_h
        self.backlash_ev = backlash_ev
        self.speed_ev_s = speed_ev_s
        self._clock = clock
        self._start_s = clock.now_s()
        self.moved: Callable[[], None] | None = None
        self.energy.update(start_ev, self._start_s)
        self._crystal_ev = start_ev
        self._swing = (self._start_s, 0.0)
        self._motion: _Motion | None = None

    @property
    def position(self) -> float:
        """The readback, in eV."""
        return float(self.energy.get())

    @property
    def moving(self) -> bool:
        """Whether it is on its way."""
        return self._motion is not None

    def error_ev(self) -> float:
        """Axis error now: what has to be added to the readback of a settled axis."""
        hours = (self._clock.now_s() - self._start_s) / 3600.0
        return self.offset_ev + self.drift_ev_per_h * hours

    def true_energy_ev(self) -> float:
        """Energy of the photons that leave it."""
        time_s, swing_ev = self._swing
        settling_s = max(float(self.settle_time_s.get()), 1e-3) / 5
        swing_ev *= math.exp(-(self._clock.now_s() - time_s) / settling_s)
        return self._crystal_ev + swing_ev + self.error_ev()

    def check_value(self, value: float) -> None:
        """Refuse an energy outside the limits, in eV."""
        low_ev, high_ev = self.limits
        if not low_ev <= value <= high_ev:
            raise LimitError(
                f"{self.name} cannot go to {value} eV; it reaches {low_ev} to {high_ev} eV"
            )

    def set(self, value: float) -> DeviceStatus:
        """Go to an energy, in eV.

        Parameters
        ----------
        value
            Where to, in eV of the readback.

        Returns
        -------
        DeviceStatus
            Done when it is there and has settled.
        """
        self.check_value(value)
        self.stop()
        motion = _Motion(self, self._clock.now_s(), self.position, float(value))
        self._motion = motion
        motion.cancel = self._clock.wait_until(
            motion.arrival_s + float(self.settle_time_s.get()), motion.arrive
        )
        return motion.status

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
        self._rest_at(motion.energy_ev(self._clock.now_s()), self._clock.now_s())
        if success:
            motion.status.set_finished()
        else:
            motion.status.set_exception(
                RuntimeError(f"{self.name} was stopped at {self.position} eV")
            )

    def _rest_at(self, energy_ev: float, time_s: float) -> None:
        step_ev = energy_ev - self.position
        readback_ev = round(energy_ev / ENCODER_STEP_EV) * ENCODER_STEP_EV
        low_ev, high_ev = readback_ev, readback_ev + self.backlash_ev
        self._crystal_ev = min(max(self._crystal_ev, low_ev), high_ev)
        self._swing = time_s, 0.01 * step_ev
        self.energy.update(round(readback_ev, 3), time_s)
        if self.moved is not None:
            self.moved()

    def _arrived(self, motion: "_Motion") -> None:
        if self._motion is not motion:
            return
        self._motion = None
        self._rest_at(motion.target_ev, motion.arrival_s)
        motion.status.set_finished()


class _Motion:
    """A motion on its way."""

    def __init__(
        self, mono: Monochromator, start_s: float, start_ev: float, target_ev: float
    ) -> None:
        self._mono = mono
        self._start_s, self._start_ev = start_s, start_ev
        self.target_ev = target_ev
        self.arrival_s = start_s + abs(target_ev - start_ev) / mono.speed_ev_s
        self.status = DeviceStatus(mono)
        self.cancel: Callable[[], None] = lambda: None

    def energy_ev(self, time_s: float) -> float:
        """Where it is at a time."""
        length_s = self.arrival_s - self._start_s
        done = min((time_s - self._start_s) / length_s, 1.0) if length_s > 0 else 1.0
        return self._start_ev + done * (self.target_ev - self._start_ev)

    def arrive(self) -> None:
        """Be there."""
        self._mono._arrived(self)
