"""Runs of the simulated microscope, and what the analysis says of them."""

import numpy as np
from bluesky import RunEngine

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.callbacks.imaging import XpeemAnalysis
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.plans.stack import xpeem_stack
from cgnmc_bluesky.results import ResultCollector
from cgnmc_bluesky.sim import SimulatedMicroscope

NICKEL_EV = [
    *np.arange(842.0, 851.0, 3.0).tolist(),
    *np.arange(851.0, 858.0, 0.4).tolist(),
    *np.arange(858.0, 882.0, 2.4).tolist(),
]


def microscope(**settings):
    """A microscope with images of 64 × 64 pixels."""
    return SimulatedMicroscope("conventional, 50 cycles", shape=(64, 64), seed=5, **settings)


def documents_of(instrument, *, energies_ev=NICKEL_EV, edge="Ni L3"):
    """Take a stack."""
    engine = RunEngine({}, context_managers=[])
    documents = []
    devices = [instrument.camera, instrument.mesh]
    plan = xpeem_stack(devices, instrument.pgm, edge=edge, energies_ev=list(energies_ev))
    try:
        engine(
            instrument.with_metadata(plan), lambda name, doc: documents.append((name, dict(doc)))
        )
    finally:
        engine.loop.call_soon_threadsafe(engine.loop.stop)
        engine._th.join()
        engine.loop.close()
    return documents


def results_of(documents, *, updates=False, beamline=None, folders=()):
    """Analyse documents; with updates in between as while the run goes on."""
    collector = ResultCollector()
    settings = Beamline.from_dict(beamline) if beamline else None
    pipeline = Pipeline([XpeemAnalysis], collector, beamline=settings, folders=folders, own=True)
    for name, doc in documents:
        pipeline(name, doc)
        if updates and name != "stop":
            pipeline.update()
    pipeline.close()
    return collector.results
