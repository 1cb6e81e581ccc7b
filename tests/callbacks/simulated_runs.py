"""Runs of the simulated beamline as documents."""

from bluesky import RunEngine

from cgnmc_bluesky.plans import xanes_scan
from cgnmc_bluesky.sim import SimulatedBeamline

REGIONS = [(-60, -15, 5), (-15, 40, 0.5), (40, 200, 4)]


def documents_of(**settings) -> list[tuple[str, dict]]:
    """The documents of a short scan on the simulated beamline."""
    beamline = SimulatedBeamline(**{"seed": 3, **settings})
    found: list[tuple[str, dict]] = []
    engine = RunEngine()
    engine.preprocessors.append(beamline.with_metadata)
    detectors = [beamline.i0, beamline.it, beamline.ir]
    try:
        engine(
            xanes_scan(detectors, beamline.mono, edge=beamline.edge, regions=REGIONS),
            lambda name, doc: found.append((name, doc)),
        )
    finally:
        if engine.state != "idle":
            engine.abort()
    return found
