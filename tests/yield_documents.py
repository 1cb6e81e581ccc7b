"""Soft X-ray scans of nickel by laws of their own, put together as documents by hand.

The sample's oxides are sums of Lorentzian lines on two arctangents; the fluorescence is flattened
by what the sample absorbs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from run_documents import TIME_S, Document, RunDocuments, data_key

from cgnmc_bluesky import Beamline

Floats = NDArray[np.float64]
Change = Callable[[int, dict[str, Any]], None]

KEYS = ("pgm_energy", "gold_mesh", "sample_current", "sdd_ni_l", "reference_current")
ENERGY_EV = np.concatenate(
    [
        np.arange(842, 850, 0.5),
        np.arange(850, 860, 0.1),
        np.arange(860, 868, 0.4),
        np.arange(868, 878, 0.2),
        np.arange(878, 892, 0.5),
    ]
)
LINES = {
    "NiO": [(853.1, 0.9, 7.0), (855.0, 1.2, 2.2), (870.6, 1.2, 2.0), (871.8, 1.2, 1.6)],
    "LiNiO2": [(853.6, 1.1, 3.0), (855.6, 1.2, 6.0), (871.0, 1.5, 1.6), (873.0, 1.5, 2.6)],
    "Ni": [(852.7, 1.6, 4.0), (870.0, 2.0, 1.6)],
}
"""Energy, width at half height (both in eV) and height of each line."""


def absorption(name: str, energy_ev: Floats) -> Floats:
    """Absorption of a substance, its edge step over L3 and L2 being one."""
    lines = sum(
        height * (width_ev / 2) ** 2 / ((energy_ev - at_ev) ** 2 + (width_ev / 2) ** 2)
        for at_ev, width_ev, height in LINES[name]
    )
    steps = sum(
        share * (0.5 + np.arctan((energy_ev - at_ev) / 0.6) / np.pi)
        for share, at_ev in ((2 / 3, 856.7), (1 / 3, 874.0))
    )
    return lines + steps


@dataclass(frozen=True)
class YieldScan:
    """One run, whose truth is what it says.

    Parameters
    ----------
    surface, bulk
        Fraction of NiO in each, the rest being LiNiO2.
    over_absorption
        Edge step of the sample's absorption over all else that weakens its fluorescence.
    offset_ev
        Energies as recorded less the true ones.
    signal_to_noise
        Height of a yield over its noise.
    sweeps
        How often the energies are scanned.
    growth
        By how much the surface's fraction grows with each sweep.
    counts
        Whether the fluorescence is of counts, by Poisson.
    """

    surface: float = 0.4
    bulk: float = 0.3
    over_absorption: float = 0.15
    offset_ev: float = 0.0
    signal_to_noise: float = 300.0
    sweeps: int = 1
    growth: float = 0.0
    counts: bool = False
    seed: int = 0

    def readings(self) -> dict[str, Floats]:
        """What is recorded, by data key."""
        rng = np.random.default_rng(self.seed)
        sweep = np.repeat(np.arange(self.sweeps), len(ENERGY_EV))
        recorded_ev = np.tile(ENERGY_EV, self.sweeps)
        true_ev = recorded_ev - self.offset_ev
        oxides = [absorption(name, true_ev) for name in ("NiO", "LiNiO2")]
        surface = self.surface + self.growth * sweep
        electrons = surface * oxides[0] + (1 - surface) * oxides[1]
        below = self.bulk * oxides[0] + (1 - self.bulk) * oxides[1]
        photons = 3000 * below / (1 + self.over_absorption * below) + 150
        mesh = 1e-9 * (1 + 5e-4 * (recorded_ev - 850)) * (1 + 0.02 * np.sin(recorded_ev / 7))
        noise = rng.normal(size=(3, len(true_ev))) / self.signal_to_noise
        tey = 0.05 * electrons + 0.02 + 2e-4 * (recorded_ev - 850) + 0.35 * noise[0]
        pfy = rng.poisson(30 * photons) / 30 if self.counts else photons + 8000 * noise[1]
        metal = 0.03 * absorption("Ni", true_ev) + 0.02
        return {
            "pgm_energy": recorded_ev,
            "gold_mesh": mesh,
            "sample_current": tey * mesh,
            "sdd_ni_l": pfy * mesh / 1e-9,
            "reference_current": metal * (1 + noise[2] / 3) * mesh,
        }

    def documents(
        self, change: Change | None = None, *, apart_ev: float | None = None, **metadata: Any
    ) -> list[Document]:
        """Its documents.

        Parameters
        ----------
        change
            Changes the data of each event, which is given with its number from 0.
        apart_ev
            The mesh is read in a stream of its own, at energies that are so much higher.
        metadata
            What the start document says beside the edge.
        """
        run = RunDocuments({"plan_name": "sxas_scan", "edge": "Ni L3", "sample": "s", **metadata})
        units = {"pgm_energy": "eV", "gold_mesh": "A"}
        keys = {key: data_key([], units.get(key, "")) for key in KEYS}
        readings = self.readings()
        apart = apart_ev is not None
        own = {key: keys[key] for key in keys if not (apart and key == "gold_mesh")}
        bundle = run.describe(own)
        mesh_keys = ("pgm_energy", "gold_mesh")
        mesh = run.describe({key: keys[key] for key in mesh_keys}, "mesh") if apart else None
        for row in range(len(readings["pgm_energy"])):
            data = {key: float(values[row]) for key, values in readings.items()}
            if mesh is not None:
                energy_ev = data["pgm_energy"] + (apart_ev or 0.0)
                run.event(mesh, row + 1, {"pgm_energy": energy_ev, "gold_mesh": data["gold_mesh"]})
                del data["gold_mesh"]
            if change is not None:
                change(row, data)
            run.event(bundle, row + 1, data, time_s=TIME_S + row)
        return run.stop()


def beamline(
    *, names: tuple[str, ...] = ("NiO", "LiNiO2"), foil: bool = True, **soft: Any
) -> Beamline:
    """A configuration with these standards, exactly known."""
    energy_ev = np.arange(835.0, 900.0, 0.1)
    valences = {"NiO": 2.0, "LiNiO2": 3.0}
    references = [
        {
            "name": name,
            "edge": "Ni L3",
            "valence": valences[name],
            "mode": "tey",
            "energy_ev": energy_ev.tolist(),
            "mu": absorption(name, energy_ev).tolist(),
            "murefer": absorption("Ni", energy_ev).tolist() if foil else [],
        }
        for name in names
    ]
    roles = {
        "energy_ev": "pgm_energy",
        "i0": "gold_mesh",
        "yields": {"tey": "sample_current", "pfy": "sdd_ni_l"},
        "reference": "reference_current",
        **soft,
    }
    return Beamline.from_dict(
        {
            "soft_xanes": {key: value for key, value in roles.items() if value is not None},
            "reference": references,
        }
    )
