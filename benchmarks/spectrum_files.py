"""Files that measured fluorescence spectra lie in."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recorded:
    """Spectra of one exposure.

    Parameters
    ----------
    counts
        Shape `(detectors, channels)`.
    offset_ev, gain_ev
        Of each detector's channels, shape `(detectors,)`.
    """

    counts: Floats
    offset_ev: Floats
    gain_ev: Floats


def read_spe(path: Path, *, offset_ev: float, gain_ev: float) -> Recorded:
    """Read the one spectrum of a `.spe` file, which does not hold a calibration.

    Parameters
    ----------
    path
        The file.
    offset_ev, gain_ev
        Energy at channel 0, and width of a channel.
    """
    _, data = path.read_text(encoding="utf-8").split("$DATA:")
    first, last, *counts = data.split("$")[0].split()
    wanted = int(last) - int(first) + 1
    if len(counts) != wanted:
        raise ValueError(f"{path} holds {len(counts)} channels and says {wanted}: copy it again")
    return Recorded(
        np.array([counts], dtype=float), np.array([float(offset_ev)]), np.array([float(gain_ev)])
    )


def read_mca(path: Path) -> Recorded:
    """Read the spectra of an EPICS `.mca` file, one column a detector element."""
    header, data = path.read_text(encoding="utf-8").split("DATA:")
    fields = dict(line.split(":", 1) for line in header.splitlines() if ":" in line)
    kev = {key: np.array(fields[f"CAL_{key}"].split(), dtype=float) for key in ("OFFSET", "SLOPE")}
    counts = np.array([line.split() for line in data.split("\n") if line.strip()], dtype=float)
    return Recorded(counts.T, 1e3 * kev["OFFSET"], 1e3 * kev["SLOPE"])
