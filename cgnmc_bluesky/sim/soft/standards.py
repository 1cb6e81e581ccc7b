"""Standards of L edges as measured on the simulated beamline, shipped as XDI files.

Currents of the gold mesh, of the sample and of the reference sample, dark currents subtracted, and
counts of the emission, dead time corrected: from 25 eV before L3 to 40 eV after L2, little noise,
on an axis that the reference sample has to calibrate. `python -m cgnmc_bluesky.sim.standards` makes
them again.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.sim.soft.beamline import DARK_A, STANDARDS, SimulatedSoftBeamline
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS
from cgnmc_bluesky.sim.standards import text

FOLDER = Path(__file__).parents[1] / "standards"
ELEMENT_OF = {
    **{name: element for element, names in STANDARDS.items() for name, _ in names},
    **{element: element for element in STANDARDS},
}
"""The element of each standard, the metals among them."""
DWELL_S = 20.0
AXIS_OFFSET_EV = 0.15
COLUMNS = {"energy": "eV", "i0": "A", "tey": "A", "pfy": "counts", "irefer": "A"}
"""Each with its unit."""
GRID_EV = ((-25.0, -5.0, 1.0), (-5.0, 9.0, 0.1), (9.0, 12.0, 0.25))
"""Begin, end and step of each piece before L2, relative to L3."""
GRID_L2_EV = ((-4.0, 8.0, 0.2), (8.0, 40.1, 1.0))
"""The same from there on, relative to L2."""


def measure(name: str) -> NDArray[np.float64]:
    """Measure a standard.

    Parameters
    ----------
    name
        One of `ELEMENT_OF`.

    Returns
    -------
    NDArray[np.float64]
        What `COLUMNS` name, shape `(n, 5)`: energy in eV, currents in A, counts.
    """
    element = ELEMENT_OF[name]
    beamline = SimulatedSoftBeamline(
        name, edge=f"{element} L3", seed=sum(name.encode()), energy_offset_ev=AXIS_OFFSET_EV
    )
    meters = (beamline.gold_mesh, beamline.tey, beamline.reference)
    for device in (*meters, beamline.sdd):
        device.dwell_s.put(DWELL_S)
    rows = []
    for energy_ev in grid_ev(element):
        beamline.pgm.set(energy_ev)
        for device in (*meters, beamline.sdd):
            device.trigger()
        i0, tey, irefer = (meter.reading.get() - DARK_A[meter.reading.name] for meter in meters)
        pfy = beamline.sdd.pfy.get() * beamline.sdd.dead_time_factor.get()
        rows.append((beamline.pgm.position, i0, tey, pfy, irefer))
    return np.array(rows)


def as_xdi(name: str, columns: NDArray[np.float64]) -> str:
    """Write a measured standard as XDI.

    Parameters
    ----------
    name
        Its name.
    columns
        As `measure` gives them, shape `(n, 5)`.

    Returns
    -------
    str
        The file's text.
    """
    element = ELEMENT_OF[name]
    facts = {
        "Beamline.name": "simulated soft X-ray beamline",
        "Element.edge": "L3",
        "Element.symbol": element,
        "Mono.name": "plane grating",
        "Sample.formula": name,
        "Sample.name": name,
        "Sample.reference": f"metals {', '.join(STANDARDS)}",
        "Scan.edge_energy": f"{L_SHELLS[element].energy_ev} eV",
    }
    lines = (
        f"{energy:9.3f} {i0:.5e} {tey:.5e} {pfy:9.0f} {irefer:.5e}"
        for energy, i0, tey, pfy, irefer in columns
    )
    return text.as_xdi(COLUMNS, facts, SimulatedSoftBeamline().clock.now_s(), lines)


def write(folder: Path = FOLDER) -> list[Path]:
    """Measure all standards and write them, as `<name>_L.xdi`.

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
        files.append(folder / f"{name}_L.xdi")
        files[-1].write_text(as_xdi(name, measure(name)), encoding="utf-8")
    return files


def grid_ev(element: str) -> list[float]:
    """Energies at which a standard of an element is measured."""
    shell = L_SHELLS[element]
    first = np.concatenate([shell.energy_ev + np.arange(*piece) for piece in GRID_EV])
    second = np.concatenate([shell.l2_ev + np.arange(*piece) for piece in GRID_L2_EV])
    return [float(energy_ev) for energy_ev in (*first[first < second[0]], *second)]
