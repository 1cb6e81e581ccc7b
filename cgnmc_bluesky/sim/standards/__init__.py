"""Standards as measured on the simulated beamline, shipped as XDI files beside this module.

Absorption in transmission with the metal foil behind, from 200 eV before to 800 eV after the edge,
little noise, on an axis that the foil has to calibrate. `python -m cgnmc_bluesky.sim.standards`
makes them again.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.beamline import DARK_A, STANDARDS, SimulatedBeamline
from cgnmc_bluesky.sim.spectra import ELEMENTS
from cgnmc_bluesky.sim.standards import text

FOLDER = Path(__file__).parent
ELEMENT_OF: Mapping[str, str] = {
    **{name: element for element, names in STANDARDS.items() for name, _ in names},
    **{element: element for element in STANDARDS},
}
"""The element of each standard, the metal foils among them."""
COLUMNS = {"energy": "eV", "mutrans": "", "murefer": ""}
"""Each with its unit."""
DWELL_S = 10.0
AXIS_OFFSET_EV = 0.2
GRID_EV = (
    (-200.0, -30.0, 5.0),
    (-30.0, -10.0, 1.0),
    (-10.0, 50.0, 0.25),
    (50.0, 100.0, 0.5),
    (100.0, 250.0, 2.0),
    (250.0, 800.1, 5.0),
)
"""Begin, end and step of each piece, relative to the edge."""


def measure(name: str) -> NDArray[np.float64]:
    """Measure a standard.

    Parameters
    ----------
    name
        One of `ELEMENT_OF`.

    Returns
    -------
    NDArray[np.float64]
        Energy in eV, absorption of the sample, absorption of the foil; shape `(n, 3)`.
    """
    element = ELEMENT_OF[name]
    beamline = SimulatedBeamline(
        name,
        edge=f"{element} K",
        seed=sum(name.encode()),
        energy_offset_ev=AXIS_OFFSET_EV,
        energy_drift_ev_per_h=0.0,
    )
    chambers = {"i0": beamline.i0, "it": beamline.it, "ir": beamline.ir}
    for chamber in chambers.values():
        chamber.dwell_s.put(DWELL_S)
    rows = []
    for energy_ev in _grid_ev(ELEMENTS[element].energy_ev):
        beamline.mono.set(energy_ev)
        for chamber in chambers.values():
            chamber.trigger()
        light = {key: chamber.reading.get() - DARK_A[key] for key, chamber in chambers.items()}
        sample, foil = np.log(light["i0"] / light["it"]), np.log(light["it"] / light["ir"])
        rows.append((beamline.mono.position, sample, foil))
    return np.array(rows)


def as_xdi(name: str, columns: NDArray[np.float64]) -> str:
    """Write a measured standard as XDI.

    Parameters
    ----------
    name
        Its name.
    columns
        As `measure` gives them, shape `(n, 3)`.

    Returns
    -------
    str
        The file's text.
    """
    element = ELEMENT_OF[name]
    facts = {
        "Beamline.name": "simulated beamline",
        "Element.edge": "K",
        "Element.symbol": element,
        "Mono.d_spacing": "3.1356",
        "Mono.name": "Si(111)",
        "Sample.formula": name,
        "Sample.name": name,
        "Sample.reference": f"{element} metal foil",
        "Sample.temperature": "300 K",
        "Scan.edge_energy": f"{ELEMENTS[element].energy_ev} eV",
    }
    lines = (f"{energy:10.3f} {mu:10.6f} {foil:10.6f}" for energy, mu, foil in columns)
    return text.as_xdi(COLUMNS, facts, SimulatedBeamline().clock.now_s(), lines)


def write(folder: Path = FOLDER) -> list[Path]:
    """Measure all standards and write them.

    Parameters
    ----------
    folder
        Where to.

    Returns
    -------
    list[Path]
        The files.
    """
    files = []
    for name in ELEMENT_OF:
        files.append(folder / f"{name}.xdi")
        files[-1].write_text(as_xdi(name, measure(name)), encoding="utf-8")
    return files


def _grid_ev(edge_ev: float) -> list[float]:
    relative_ev = np.concatenate([np.arange(*piece) for piece in GRID_EV])
    return [float(energy_ev) for energy_ev in edge_ev + relative_ev]
