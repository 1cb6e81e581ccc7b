"""The sample as a physical truth, and simulated devices over it.

Examples
--------
>>> from cgnmc_bluesky.sim import Fault, SimulatedBeamline
>>> beamline = SimulatedBeamline("NiO", seed=1, faults=[Fault("nan", points=[7], channel="it")])
>>> beamline.roles()["xanes"]["energy_ev"]
'mono_energy'
"""

from cgnmc_bluesky.sim.beamline import SimulatedBeamline
from cgnmc_bluesky.sim.cell import CELLS, AgeingCell
from cgnmc_bluesky.sim.clock import Clock
from cgnmc_bluesky.sim.cycler import SimulatedCycler
from cgnmc_bluesky.sim.decomposition import CHARGED, ChargedCathode
from cgnmc_bluesky.sim.facility import SimulatedFacility
from cgnmc_bluesky.sim.faults import DetectorFailure, Fault
from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.sim.hotstage import SimulatedHotStage
from cgnmc_bluesky.sim.microscope import SimulatedMicroscope
from cgnmc_bluesky.sim.nanoprobe import SimulatedNanoprobe
from cgnmc_bluesky.sim.particle import PARTICLES, CoreShell
from cgnmc_bluesky.sim.ring import StorageRing
from cgnmc_bluesky.sim.sample import MATERIALS, Sample
from cgnmc_bluesky.sim.soft.beamline import SimulatedSoftBeamline
from cgnmc_bluesky.sim.soft.sample import MATERIALS as SOFT_MATERIALS
from cgnmc_bluesky.sim.soft.sample import SoftSample
from cgnmc_bluesky.sim.soft.yields import Geometry

__all__ = [
    "CELLS",
    "CHARGED",
    "MATERIALS",
    "PARTICLES",
    "SOFT_MATERIALS",
    "AgeingCell",
    "ChargedCathode",
    "Clock",
    "CoreShell",
    "DetectorElement",
    "DetectorFailure",
    "Fault",
    "Geometry",
    "Sample",
    "SimulatedBeamline",
    "SimulatedCycler",
    "SimulatedFacility",
    "SimulatedHotStage",
    "SimulatedMicroscope",
    "SimulatedNanoprobe",
    "SimulatedSoftBeamline",
    "SoftSample",
    "StorageRing",
]
