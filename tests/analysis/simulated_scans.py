"""Scans for the estimators: shapes of the simulator's, which the analysis does not know."""

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import Block

Floats = NDArray[np.float64]

KEYS = {"energy_ev": "mono_energy", "mutrans": "mu", "murefer": "mu_foil"}
GRID_EV = np.concatenate(
    [
        np.arange(8180.0, 8310, 5),
        np.arange(8310.0, 8380, 0.25),
        np.arange(8380.0, 8450, 1),
        np.arange(8450.0, 8780, 3),
    ]
)


def scan_grid(offset_ev: float = 0.0) -> Floats:
    """About 350 energies of a usual scan, shifted."""
    parts = [
        np.arange(8200.0, 8313, 5),
        np.arange(8313.0, 8370, 0.35),
        np.arange(8370.0, 8440, 1),
        np.arange(8440.0, 8760, 3),
    ]
    return np.concatenate(parts) + offset_ev


def block(columns: dict[str, Floats], stream: str = "primary") -> Block:
    """Columns as the rows of a stream, a second each."""
    n = len(next(iter(columns.values())))
    return Block(stream, np.arange(1, n + 1), np.arange(n, dtype=float), columns)
