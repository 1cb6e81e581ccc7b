"""ophyd devices for real hardware behind EPICS; every prefix comes from whoever makes them.

ophyd speaks Channel Access through caproto, which is installed with this package; where pyepics is
installed too, ophyd prefers it. `OPHYD_CONTROL_LAYER` decides otherwise.
"""

from cgnmc_bluesky.devices.chambers import IonChambers, ion_chambers, soft_yields
from cgnmc_bluesky.devices.energy import EnergyAxis, EnergyAxisWithDone
from cgnmc_bluesky.devices.furnace import (
    EpicsFurnace,
    EpicsSpectrometer,
    epics_furnace,
    epics_spectrometer,
)

__all__ = [
    "EnergyAxis",
    "EnergyAxisWithDone",
    "EpicsFurnace",
    "EpicsSpectrometer",
    "IonChambers",
    "epics_furnace",
    "epics_spectrometer",
    "ion_chambers",
    "soft_yields",
]
