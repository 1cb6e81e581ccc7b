"""Soft X-ray yields drawn by laws of their own: neither the simulator's nor the analysis's.

Oxides are sums of Gaussian and Lorentzian lines on error-function steps. A sample is cut into
sheets: light is weakened from sheet to sheet by all that it passes, electrons leave by an escape
depth, fluorescence is absorbed on its way out. No closed formula of over-absorption stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from benchmarks.scans import Columns
from cgnmc_bluesky.beamline import Beamline

Floats = NDArray[np.float64]

EDGE_EV, L2_EV = 852.7, 870.0
COLUMNS = ("pgm_energy", "gold_mesh", "sample_current", "sdd_pfy", "reference_current")
LINES = {
    "NiO": ((853.05, 0.75, 6.4), (854.9, 1.1, 2.4), (870.4, 1.0, 1.8), (871.6, 1.2, 1.7)),
    "LiNiO2": ((853.4, 1.0, 2.6), (855.4, 1.3, 5.6), (870.9, 1.4, 1.3), (872.7, 1.6, 2.4)),
    "Ni": ((852.7, 1.5, 3.0), (858.5, 3.0, 0.5), (870.0, 1.9, 1.3)),
}
"""Energy and full width of each line, in eV, and its height over the step at both edges."""
GAUSSIAN = 0.6
"""Share of a line that is Gaussian."""
ESCAPE_NM, DEEPEST_NM, SHEETS = 3.0, 3000.0, 1500
STEP_PER_UM, REST_PER_UM, OUT_PER_UM = 1.3, 6.0, 5.5
"""What absorbs: the nickel of an oxide at its edges; all else; all for its emission on its way out
(taken at 45 degrees as light comes in)."""
SURFACE_PER_NM = 0.02
"""Electrons given for each absorbed photon by matter of one absorption, at the surface."""
COUNTS = 60_000.0


@dataclass(frozen=True)
class Drawn:
    """A scan and its truth.

    Parameters
    ----------
    columns
        Readings by data key.
    surface, bulk
        Share of NiO that each yield sees, the rest being LiNiO2.
    true_ev
        True energies, in eV.
    """

    columns: Columns
    surface: float
    bulk: float
    true_ev: Floats

    def yields(self) -> Mapping[str, Floats]:
        """Each yield over the mesh's current."""
        mesh = self.columns["gold_mesh"]
        return {
            "tey": self.columns["sample_current"] / mesh,
            "pfy": self.columns["sdd_pfy"] / mesh * float(np.mean(mesh)),
        }


def absorption(name: str, energy_ev: Floats) -> Floats:
    """Absorption of a substance, its steps at L3 and L2 together being one.

    Parameters
    ----------
    name
        "NiO", "LiNiO2" or "Ni".
    energy_ev
        Energies, shape `(n,)`, in eV.
    """
    total = np.zeros_like(energy_ev)
    for at_ev, width_ev, height in LINES[name]:
        away = (energy_ev - at_ev) / width_ev
        gauss, lorentz = np.exp(-4 * np.log(2) * away**2), 1 / (1 + 4 * away**2)
        total += height * (GAUSSIAN * gauss + (1 - GAUSSIAN) * lorentz)
    for share, at_ev in ((2 / 3, 856.5), (1 / 3, 873.8)):
        total += share * 0.5 * (1 + erf((energy_ev - at_ev) / 1.1))
    return total


def draw(
    random: np.random.Generator,
    *,
    signal_to_noise: float,
    counts: bool = False,
    axis_error_ev: float = 0.0,
    energy_ev: Floats | None = None,
) -> Drawn:
    """Draw a scan.

    Parameters
    ----------
    random
        Gives the truth and the noise.
    signal_to_noise
        White line over the noise of a point, in either yield.
    counts
        Whether the fluorescence has the noise of counts, which are so many then that the white
        line's is that; else it is the same all over the scan.
    axis_error_ev
        True energies less the recorded ones.
    energy_ev
        Recorded energies; those of `xanes_scan` over both edges without.
    """
    recorded_ev = usual_ev() if energy_ev is None else energy_ev
    true_ev = recorded_ev + axis_error_ev
    surface, bulk = random.uniform(0.1, 0.9, 2)
    step_per_um = STEP_PER_UM * random.uniform(0.6, 1.2)
    electrons = _electrons(_mixed(surface, true_ev), step_per_um, true_ev)
    photons = _photons(_mixed(bulk, true_ev), step_per_um, true_ev)
    noise = random.normal(size=(3, len(true_ev))) / signal_to_noise
    tey = electrons + np.ptp(electrons) * noise[0]
    if counts:
        scale = signal_to_noise**2 * float(np.max(photons)) / float(np.ptp(photons)) ** 2
        pfy = random.poisson(scale * photons).astype(float)
    else:
        pfy = COUNTS / float(np.max(photons)) * (photons + np.ptp(photons) * noise[1])
    metal = 0.02 + 0.03 * absorption("Ni", true_ev)
    # the mesh sees the beam, its own noise comes into every yield alike
    beam = 1 + 0.03 * np.sin(true_ev / 9 + random.uniform(0, 6)) + 4e-4 * (true_ev - EDGE_EV)
    wavering = beam * (1 + random.normal(0, 1e-4, len(true_ev)))
    values = (
        recorded_ev,
        1e-9 * wavering,
        1e-10 * tey * beam,
        pfy * beam,
        1e-10 * (metal + 3 * np.ptp(metal) * noise[2]) * beam,
    )
    return Drawn(dict(zip(COLUMNS, values, strict=True)), float(surface), float(bulk), true_ev)


def usual_ev() -> Floats:
    """Energies of a scan over both edges, in eV."""
    parts = ((832.7, 848.7, 1.0), (848.7, 866.0, 0.1), (866.0, 882.0, 0.2), (882.0, 897.0, 1.0))
    return np.concatenate([np.arange(*part) for part in parts])


def configuration() -> Beamline:
    """The configuration of such a beamline: both oxides as their electrons show them, and metal."""
    energy_ev = np.arange(825.0, 905.0, 0.1)
    references = [
        {
            "name": name,
            "edge": "Ni L3",
            "valence": valence,
            "mode": "tey",
            "energy_ev": energy_ev.tolist(),
            "mu": absorption(name, energy_ev).tolist(),
            "murefer": absorption("Ni", energy_ev).tolist(),
        }
        for name, valence in (("NiO", 2.0), ("LiNiO2", 3.0))
    ]
    energy, mesh, current, counts, metal = COLUMNS
    roles = {
        "energy_ev": energy,
        "i0": mesh,
        "yields": {"tey": current, "pfy": counts},
        "reference": metal,
    }
    return Beamline.from_dict({"soft_xanes": roles, "reference": references})


def _mixed(share: float, energy_ev: Floats) -> Floats:
    return share * absorption("NiO", energy_ev) + (1 - share) * absorption("LiNiO2", energy_ev)


def _electrons(mixed: Floats, step_per_um: float, true_ev: Floats) -> Floats:
    """Electrons of the first nanometres, by sheets; light elements' fall with the energy."""
    depth_nm = np.linspace(0, 12 * ESCAPE_NM, 240)
    absorbed = step_per_um * mixed + 0.25 * step_per_um * (EDGE_EV / true_ev) ** 2
    left = np.exp(-np.outer(absorbed + REST_PER_UM, depth_nm) * 1e-3)
    given: Floats = absorbed * np.sum(left * np.exp(-depth_nm / ESCAPE_NM), axis=1)
    return given


def _photons(mixed: Floats, step_per_um: float, true_ev: Floats) -> Floats:
    """Fluorescence that gets out, by sheets, on what scatters."""
    depth_um = np.linspace(0, DEEPEST_NM * 1e-3, SHEETS)
    passed = step_per_um * mixed + REST_PER_UM * (EDGE_EV / true_ev) ** 2.7
    left = np.exp(-np.outer(passed + OUT_PER_UM, depth_um))
    photons = step_per_um * mixed * np.trapezoid(left, depth_um, axis=1)
    return photons + 0.03 * float(np.max(photons))
