"""A diffractometer that records a pattern of what is in the furnace, exposure by exposure."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component, Device, Kind
from ophyd.status import DeviceStatus

from cgnmc_bluesky.sim.clock import Cancel, Clock
from cgnmc_bluesky.sim.decomposition import State
from cgnmc_bluesky.sim.faults import DetectorFailure, Faults, spoilt
from cgnmc_bluesky.sim.signals import Reading, Setting

Pattern = NDArray[np.float64]
MOMENTS = 4
"""So often in the course of an exposure the sample is looked at."""
SHORT_PATTERN = 0.8
"""Part that is there of a pattern that lacks its end."""


class Diffractometer(Device):
    """A detector that counts for an exposure; its reading's time is the end of that.

    Data keys: `xrd_intensity` in counts, `xrd_two_theta` in degrees, `xrd_exposure_s`.

    Parameters
    ----------
    clock
        The simulation's clock.
    look
        Gives what the beam sees now.
    two_theta_deg
        The axis.
    expose
        Gives the counts of an exposure that has seen this, and lasted so many seconds.
    is_driven
        Whether somebody else lets time pass now. Then an exposure waits for that, else it moves the
        clock to its end.
    faults
        What goes wrong with it, by its data keys or its name.
    name
        The device's name.
    """

    intensity = Component(Reading, value=np.zeros(1), units="counts", kind=Kind.normal)
    two_theta = Component(Reading, value=np.zeros(1), units="deg", kind=Kind.normal)
    exposed_s = Component(Reading, value=0.0, units="s", kind=Kind.normal)
    exposure_s = Component(Setting, value=60.0, units="s", limits=(0.01, 3600.0), kind=Kind.config)

    def __init__(
        self,
        clock: Clock,
        look: Callable[[], State],
        two_theta_deg: Pattern,
        *,
        expose: Callable[[Sequence[State], float], Pattern],
        is_driven: Callable[[], bool],
        faults: Faults | None = None,
        name: str = "diffractometer",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.intensity.name, self.two_theta.name = "xrd_intensity", "xrd_two_theta"
        self.exposed_s.name = "xrd_exposure_s"
        self.intensity.update(np.zeros_like(two_theta_deg), clock.now_s())
        self.two_theta.update(two_theta_deg, clock.now_s())
        self._clock = clock
        self._look = look
        self._expose = expose
        self._two_theta_deg = two_theta_deg
        self._is_driven = is_driven
        self._faults = faults or Faults()
        self._point = 0
        self._lock = threading.Lock()
        self._status: DeviceStatus | None = None
        self._cancel: Cancel = lambda: None

    def stage(self) -> list[object]:
        """Begin a run: its patterns are counted from 1."""
        self._point = 0
        staged: list[object] = super().stage()
        return staged

    def unstage(self) -> list[object]:
        """End the run, and an exposure on its way."""
        self.stop(success=True)
        unstaged: list[object] = super().unstage()
        return unstaged

    def trigger(self) -> DeviceStatus:
        """Expose.

        Returns
        -------
        DeviceStatus
            Done when the pattern is there.

        Raises
        ------
        DetectorFailure
            Where a fault asks for it.
        """
        self.stop(success=True)
        self._point += 1
        if self._faults.silence(self.name, self._point, [self.intensity.name]):
            raise DetectorFailure(f"{self.name} does not answer at exposure {self._point}")
        self._status = status = DeviceStatus(self)
        self._begin(status, self._clock.now_s(), float(self.exposure_s.get()))
        return status

    def stop(self, *, success: bool = False) -> None:
        """Break off an exposure on its way; it leaves nothing behind.

        Parameters
        ----------
        success
            Whether an exposure that this ends counts as done.
        """
        stopped = None if success else RuntimeError(f"{self.name} was stopped")
        if self._status is not None:
            self._end(self._status, stopped)

    def _begin(self, status: DeviceStatus, start_s: float, exposure_s: float) -> None:
        """Look at the sample now and then, and in the end publish what has been seen."""
        states: list[State] = []
        paced = partial(self._clock.wait_until, counting=True)
        wait = self._clock.at if self._is_driven() else paced

        def look() -> None:
            if self._status is not status:
                return
            if len(states) == MOMENTS:
                self._finish(status, states, start_s, exposure_s)
                return
            states.append(self._look())
            is_last = len(states) == MOMENTS
            passed = 1.0 if is_last else (len(states) + 0.5) / MOMENTS
            self._cancel = wait(start_s + passed * exposure_s, look)

        self._cancel = wait(start_s + 0.5 / MOMENTS * exposure_s, look)

    def _finish(
        self, status: DeviceStatus, states: Sequence[State], start_s: float, exposure_s: float
    ) -> None:
        try:
            self._publish(self._expose(states, exposure_s), start_s + exposure_s, exposure_s)
        except Exception as error:  # noqa: BLE001  (it is told to whoever waits for the pattern)
            self._end(status, error)
        else:
            self._end(status, None)

    def _publish(self, counts: Pattern, end_s: float, exposure_s: float) -> None:
        struck = self._faults.at(self._point, channel=self.name)
        end_s += struck["late"].size if "late" in struck else 0.0
        if "stale" not in struck:
            kept = int(SHORT_PATTERN * counts.size) if "short" in struck else counts.size
            self.intensity.update(self._spoilt(counts[:kept]), end_s)
            self.two_theta.update(self._two_theta_deg[:kept], end_s)
            self.exposed_s.update(exposure_s, end_s)

    def _end(self, status: DeviceStatus, error: Exception | None) -> None:
        """End an exposure, unless that has been done."""
        with self._lock:
            is_current = self._status is status
            self._status = None if is_current else self._status
        if not is_current:
            return
        self._cancel()
        if error is None:
            status.set_finished()
        else:
            status.set_exception(error)

    def _spoilt(self, counts: Pattern) -> Pattern:
        fault = self._faults.of(self.intensity.name, self._point)
        if fault is None:
            return counts
        last = self.intensity.get()
        if fault.kind == "stuck" and last.shape == counts.shape:
            return np.array(last)
        return np.array([spoilt(fault, value, value) for value in counts.tolist()])
