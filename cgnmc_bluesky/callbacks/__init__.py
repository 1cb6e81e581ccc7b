"""Live analyses: documents of anybody's RunEngine in, result documents out."""

from cgnmc_bluesky.callbacks.cycling import CyclingCapacity, StateOfCharge
from cgnmc_bluesky.callbacks.fraction import Ni2Fraction
from cgnmc_bluesky.callbacks.heating import O2Onset
from cgnmc_bluesky.callbacks.imaging import XpeemFraction
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.soft import SurfaceBulk
from cgnmc_bluesky.callbacks.xanes import EdgePosition
from cgnmc_bluesky.callbacks.xrf import MnNiRatio

__all__ = [
    "EVERY",
    "CyclingCapacity",
    "EdgePosition",
    "LiveAnalysis",
    "MnNiRatio",
    "Ni2Fraction",
    "O2Onset",
    "StateOfCharge",
    "SurfaceBulk",
    "XpeemFraction",
]

EVERY: tuple[type[LiveAnalysis], ...] = (
    EdgePosition,
    Ni2Fraction,
    MnNiRatio,
    O2Onset,
    SurfaceBulk,
    XpeemFraction,
    CyclingCapacity,
    StateOfCharge,
)
"""All of them: a run that one does not fit gives no result of it."""
