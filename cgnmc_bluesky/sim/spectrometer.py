"""A mass spectrometer that watches the gases from a furnace."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ophyd import Component, Kind
from ophyd.device import create_device_from_components

from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.faults import Faults
from cgnmc_bluesky.sim.gases import Reading as Currents
from cgnmc_bluesky.sim.gauge import MASSES
from cgnmc_bluesky.sim.paced import Paced
from cgnmc_bluesky.sim.signals import Reading


class Spectrometer(Paced):
    """A residual gas analyser: an ion current in A at each mass over charge, once a period.

    Made by `make_spectrometer`. Data keys: `<name>_mz18` and so on.

    Parameters
    ----------
    clock
        The simulation's clock.
    read
        Gives the currents at a time in seconds since the epoch.
    name
        The device's name.
    faults
        What goes wrong.
    """

    def __init__(
        self,
        clock: Clock,
        read: Callable[[float], Currents],
        *,
        name: str,
        faults: Faults,
        **kwargs: Any,
    ) -> None:
        super().__init__(clock, name=name, faults=faults, **kwargs)
        self._read = read

    def _measured(self, time_s: float) -> tuple[float, Mapping[Reading, float]]:
        taken_s, currents_a = self._read(time_s)
        recorded = {f"mz{mass}": current_a for mass, current_a in currents_a.items()}
        return taken_s, {getattr(self, name): recorded[name] for name in self.read_attrs}


def make_spectrometer(
    clock: Clock,
    read: Callable[[float], Currents],
    *,
    name: str = "rga",
    masses: Sequence[int] = MASSES,
    faults: Faults | None = None,
    **kwargs: Any,
) -> Spectrometer:
    """Give a mass spectrometer.

    Parameters
    ----------
    clock
        The simulation's clock.
    read
        Gives the currents at a time in seconds since the epoch.
    name
        Its name, with which its data keys begin.
    masses
        What it records.
    faults
        What goes wrong.
    **kwargs
        As for `Paced`.
    """
    options = {"value": 0.0, "units": "A", "precision": 13, "kind": Kind.hinted}
    components = {f"mz{mass}": Component(Reading, **options) for mass in masses}
    made = create_device_from_components("Spectrometer", base_class=Spectrometer, **components)
    spectrometer: Spectrometer = made(clock, read, name=name, faults=faults or Faults(), **kwargs)
    return spectrometer
