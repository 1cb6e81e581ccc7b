"""A scanning stage: two axes that hold the sample, each of which can be swept at constant speed."""

from typing import Any

from ophyd import Component, Device, Kind
from ophyd.device import create_device_from_components
from ophyd.status import DeviceStatus

from cgnmc_bluesky.sim.axis import Axis
from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.signals import Reading

ENCODER_STEP_UM = 0.001
LIMITS_UM = (-100.0, 100.0)


class StageAxis(Axis):
    """One axis of a stage; its readback is its encoder and has its name.

    Parameters
    ----------
    lag_s
        How far it is behind when it is swept, as a time.
    **kwargs
        As for `Axis`.
    """

    egu = "um"
    readback = Component(Reading, value=0.0, units="um", precision=3, kind=Kind.hinted)

    def __init__(self, prefix: str = "", *, lag_s: float = 0.0, **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.lag_s = lag_s
        self.readback.name = self.name
        self.readback.update(0.0, self._clock.now_s())

    @property
    def position(self) -> float:
        """The readback, in µm."""
        return float(self.readback.get())

    def sweep(self, stop_um: float, speed_um_s: float) -> DeviceStatus:
        """Go on to a position at a constant speed.

        Parameters
        ----------
        stop_um
            Where to, in µm.
        speed_um_s
            How fast, in µm a second.

        Returns
        -------
        DeviceStatus
            Done when it is there.
        """
        return self._go(stop_um, speed_um_s)

    def _rest_at(self, position: float, time_s: float) -> None:
        self.readback.update(round(position / ENCODER_STEP_UM) * ENCODER_STEP_UM, time_s)


class Stage(Device):
    """Axes `x` and `y`, in µm."""


def make_stage(
    clock: Clock, *, name: str = "stage", speed_um_s: float = 500.0, lag_s: float = 0.004
) -> Stage:
    """Give a stage.

    Parameters
    ----------
    clock
        The simulation's clock.
    name
        Its name; those of its axes, which are their data keys too, are this with `_x` and `_y`.
    speed_um_s
        How fast its axes move where they are not swept.
    lag_s
        How far they are behind when they are swept, as a time.
    """
    options = {"clock": clock, "limits": LIMITS_UM, "speed": speed_um_s, "lag_s": lag_s}
    axes = {axis: Component(StageAxis, kind=Kind.hinted, **options) for axis in ("x", "y")}
    made = create_device_from_components("Stage", base_class=Stage, **axes)
    stage: Stage = made(name=name)
    return stage
