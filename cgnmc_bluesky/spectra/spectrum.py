"""One measured spectrum."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, int | str]
"""Column of each XDI name or role: its number, from 1, or its name in the header."""

Keys = Mapping[str, str]
"""Data key of each role (`"energy_ev"`, `"i0"`), as a beamline names its detectors."""


class SpectrumError(ValueError):
    """A file that cannot be read as a measured spectrum."""


@dataclass(frozen=True)
class MeasuredSpectrum:
    """One measured spectrum, by columns.

    Parameters
    ----------
    name
        Stem of the file's name, or the label of a group in an Athena project.
    columns
        Arrays of one length `(n,)` by their XDI names or the header's; the energy in eV.
    units
        Unit of each column as the file gives it, empty where it does not.
    metadata
        XDI metadata, nested: `{"Element": {"symbol": "Ni", "edge": "K"}, "Sample": {...}}`.
    content_hash
        SHA-256 of the uncompressed content (and the group's label).
    notes
        What was left out, in words.
    """

    name: str
    columns: Mapping[str, NDArray[np.float64]]
    units: Mapping[str, str]
    metadata: Mapping[str, Any]
    content_hash: str
    notes: tuple[str, ...] = field(default=())
