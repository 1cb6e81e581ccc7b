"""A monochromator that is never quite where it says."""

import math
from collections.abc import Callable
from typing import Any

from ophyd import Component, Kind

from cgnmc_bluesky.sim.axis import Axis
from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.signals import Reading, Setting

ENCODER_STEP_EV = 0.001


class Monochromator(Axis):
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

    egu = "eV"
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
        super().__init__(clock=clock, name=name, limits=limits_ev, speed=speed_ev_s, **kwargs)
        self.offset_ev = offset_ev
        self.drift_ev_per_h = drift_ev_per_h
        self.backlash_ev = backlash_ev
        self._start_s = clock.now_s()
        self.moved: Callable[[], None] | None = None
        self.energy.update(start_ev, self._start_s)
        self._crystal_ev = start_ev
        self._swing = (self._start_s, 0.0)

    @property
    def position(self) -> float:
        """The readback, in eV."""
        return float(self.energy.get())

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

    def _settling_s(self) -> float:
        return float(self.settle_time_s.get())

    def _rest_at(self, position: float, time_s: float) -> None:
        step_ev = position - self.position
        readback_ev = round(position / ENCODER_STEP_EV) * ENCODER_STEP_EV
        low_ev, high_ev = readback_ev, readback_ev + self.backlash_ev
        self._crystal_ev = min(max(self._crystal_ev, low_ev), high_ev)
        self._swing = time_s, 0.01 * step_ev
        self.energy.update(round(readback_ev, 3), time_s)
        if self.moved is not None:
            self.moved()
