"""Energy scans as a RunEngine would emit them, of simulated and of real spectra."""

from collections.abc import Mapping, Sequence
from typing import Any

import event_model
import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.beamline.edges import Edge
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.xanes import EdgePositionAnalysis, FractionAnalysis
from cgnmc_bluesky.plans.regions import Region, energy_grid_ev, usual_regions
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.sim import SimulatedBeamline
from cgnmc_bluesky.sim.beamline import DARK_A
from cgnmc_bluesky.sim.sample import Sample, foil
from cgnmc_bluesky.standards import Library

Floats = NDArray[np.float64]
Columns = Mapping[str, Floats]
Document = tuple[str, dict[str, Any]]

NI_K_EV = 8333.0
CURRENT_A = 5e-9
UNITS = {"mono_energy": "eV", "pgm_energy": "eV", "i0": "A", "it": "A", "ir": "A"}
PERIOD_S = 0.1
KINDS = (EdgePositionAnalysis, FractionAnalysis)


def grid_ev(n_points: int | None = None) -> Floats:
    """Energies of `xanes_scan` at the Ni K edge, in eV.

    Parameters
    ----------
    n_points
        About how many; left out, those of the plan's own regions.
    """
    regions = usual_regions(Edge("Ni", "K"))
    usual = energy_grid_ev(NI_K_EV, regions)
    if n_points is not None:
        finer = len(usual) / n_points
        regions = tuple(Region(one.start, one.stop, one.step * finer, one.unit) for one in regions)
        usual = energy_grid_ev(NI_K_EV, regions)
    return np.array(usual)


def nickel(ni2_fraction: float, edge_step: float = 0.8) -> Sample:
    """Give an NMC622 of that share of Ni2+ (the rest is Ni3+), as thick as the edge step takes."""
    atoms = {"Li": 1.0, "Ni": 0.6, "Mn": 0.2, "Co": 0.2, "O": 2.0}
    valences = {
        "Ni": {2: ni2_fraction, 3: 1 - ni2_fraction},
        "Mn": {4: 1.0},
        "Co": {3: 1.0},
    }
    return Sample("NMC622", atoms, valences).with_edge_step("Ni", edge_step)


def simulated_beamline() -> Beamline:
    """Give the simulated beamline's own configuration at the Ni K edge."""
    return Beamline.from_dict(SimulatedBeamline().roles())


def simulated(
    sample: Sample,
    random: np.random.Generator,
    *,
    signal_to_noise: float,
    axis_error_ev: float = 0.0,
    energy_ev: Floats | None = None,
) -> Columns:
    """Measure a sample in transmission with the nickel foil behind it.

    Parameters
    ----------
    sample
        The sample.
    random
        Gives the noise.
    signal_to_noise
        Edge step over the noise of a point, in the sample's absorption and in the foil's alike.
        The second chamber's noise is part of both, as at a real beamline.
    axis_error_ev
        True energy minus the recorded one.
    energy_ev
        Recorded energies; without them those of `xanes_scan`.

    Returns
    -------
    Mapping of str to array
        Readings by data key.
    """
    energy_ev = grid_ev() if energy_ev is None else energy_ev
    behind = foil("Ni")
    step, foil_step = sample.edge_step("Ni"), behind.edge_step("Ni")
    noise = step / signal_to_noise / np.sqrt(2)
    noises = (noise, noise, np.sqrt((foil_step / signal_to_noise) ** 2 - noise**2))
    true_ev = energy_ev + axis_error_ev
    absorbed = (np.zeros_like(true_ev), sample.absorption(true_ev), behind.absorption(true_ev))
    readings = {}
    total = np.zeros_like(true_ev)
    for key, one, sigma in zip(("i0", "it", "ir"), absorbed, noises, strict=True):
        total = total + one
        light_a = CURRENT_A * np.exp(-total) * np.exp(random.normal(0, sigma, len(true_ev)))
        readings[key] = light_a + DARK_A[key]
    return {"mono_energy": energy_ev, **readings}


def documents(columns: Columns, *, edge: str = "Ni K") -> list[Document]:
    """Compose a run's documents of columns, a row an event.

    Parameters
    ----------
    columns
        Readings by data key, each of shape `(n,)`.
    edge
        Edge that the run says it is of.
    """
    run = event_model.compose_run(metadata={"edge": edge, "scan_id": 1}, time=0.0, validate=False)
    keys = {
        key: {"source": "benchmark", "dtype": "number", "shape": [], "units": UNITS.get(key, "")}
        for key in columns
    }
    stream = run.compose_descriptor(name="primary", data_keys=keys, time=0.0, validate=False)
    composed: list[Document] = [("start", run.start_doc), ("descriptor", stream.descriptor_doc)]
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    for number, row in enumerate(rows, 1):
        time_s = number * PERIOD_S
        event = stream.compose_event(
            data=dict(zip(columns, row, strict=True)),
            timestamps=dict.fromkeys(columns, time_s),
            time=time_s,
            validate=False,
        )
        composed.append(("event", event))
    composed.append(("stop", run.compose_stop(time=len(composed) * PERIOD_S, validate=False)))
    return composed


class Analyst:
    """Both analyses over scans of one configuration.

    Parameters
    ----------
    beamline
        The configuration.
    """

    def __init__(self, beamline: Beamline) -> None:
        self._beamline = beamline
        self._library = Library()

    def results(self, scan: Columns, *, edge: str = "Ni K") -> list[Result]:
        """Analyse a whole scan.

        Parameters
        ----------
        scan
            Readings by data key.
        edge
            Edge that it is of.
        """
        collector = ResultCollector()
        pipeline = Pipeline(KINDS, collector, beamline=self._beamline, library=self._library)
        for name, doc in documents(scan, edge=edge):
            pipeline(name, doc)
        return collector.results

    def growing(self, scan: Columns, lengths: Sequence[int]) -> list[list[Result]]:
        """Analyse a scan while it grows: what is known at each of the lengths."""
        collector = ResultCollector()
        pipeline = Pipeline(KINDS, collector, beamline=self._beamline, library=self._library)
        known = []
        for at, (name, doc) in enumerate(documents(scan), -1):
            pipeline(name, doc)
            if at in lengths:
                pipeline.update()
                known.append([*collector.results, *collector.open])
        return known


def named(results: Sequence[Result], analysis: str) -> Result:
    """Give the result of one analysis, whose name begins so or ends so."""
    return next(one for one in results if analysis in one.analysis)
