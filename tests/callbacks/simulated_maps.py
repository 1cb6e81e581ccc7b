"""Maps of simulated particles, and what the analysis says of them."""

from collections.abc import Sequence

import numpy as np
from map_documents import MapRun, MeasuredMap, measured_map

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.xrf import MnNiRatioAnalysis
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.sim.fluorescence import DetectorElement
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.particle import PARTICLES, CoreShell

ELEMENTS = (
    DetectorElement(share=0.55, gain_ev=10.01, offset_ev=3.0),
    DetectorElement(share=0.45, gain_ev=9.995, offset_ev=-2.0),
)
CHANNELS = 1024
BEAMS: dict[str, Nanobeam] = {}


def map_of(
    particles: Sequence[CoreShell] = (PARTICLES["gradient"],),
    *,
    lines_um: Sequence[float] | None = None,
    pixels: int = 41,
    reach_um: float = 5.6,
    dwell_s: float = 0.03,
    elements: Sequence[DetectorElement] = ELEMENTS,
    seed: int = 0,
    self_absorption: bool = False,
) -> MeasuredMap:
    """Measure particles line by line, by default without self-absorption."""
    rng = np.random.default_rng(seed)
    beam = _beam_on(particles, self_absorption)
    along = np.linspace(-reach_um, reach_um, pixels)
    across = along if lines_um is None else np.asarray(lines_um)
    shape = (len(across), pixels, len(elements))
    counts = np.zeros((*shape, CHANNELS), np.uint32)
    dead_time = np.ones(shape)
    i0 = 1e5 * (1 + 0.1 * np.sin(np.arange(len(across) * pixels) / 300)).reshape(-1, pixels)
    for row, y_um in enumerate(across):
        seen = beam.emission(along, np.full(pixels, y_um), dwell_s).scaled(i0[row] / 1e5)
        for at, element in enumerate(elements):
            recorded = element.record(seen, dwell_s, rng)
            counts[row, :, at] = recorded.counts[:, :CHANNELS]
            dead_time[row, :, at] = recorded.dead_time_factor
    return measured_map(
        counts,
        x_um=np.tile(along, (len(across), 1)),
        y_um=np.repeat(across, pixels).reshape(-1, pixels),
        i0=i0,
        dead_time=dead_time,
    )


def _beam_on(particles: Sequence[CoreShell], self_absorption: bool) -> Nanobeam:
    """Integrate over the same particles once alone."""
    key = repr((particles, self_absorption))
    if key not in BEAMS:
        BEAMS[key] = Nanobeam(particles, self_absorption=self_absorption)
    return BEAMS[key]


def results_of(
    run: MapRun, *, updates: bool = False, documents: Sequence | None = None, **xrf
) -> list[Result]:
    """Analyse a run, with intermediate results or without."""
    collector = ResultCollector()
    settings = {"beam_fwhm_um": 0.1, **xrf}
    known = {name: value for name, value in settings.items() if value is not None}
    beamline = Beamline.from_dict(run.configuration(**known))
    pipeline = Pipeline((MnNiRatioAnalysis,), collector, beamline=beamline)
    for name, doc in run.documents if documents is None else documents:
        pipeline(name, doc)
        if updates:
            pipeline.update(curves=True)
    pipeline.close()
    return collector.results


def same_bits(some: Sequence[Result], others: Sequence[Result]) -> bool:
    """Whether results are the same to the last bit, curves included."""
    return [one.as_dict() for one in some] == [other.as_dict() for other in others] and all(
        values.tobytes() == other.curves[group][name].tobytes()
        for one, other in zip(some, others, strict=True)
        for group, curves in one.curves.items()
        for name, values in curves.items()
    )
