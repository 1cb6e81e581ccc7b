"""Live analyses: documents of anybody's RunEngine in, result documents out."""

from cgnmc_bluesky.callbacks.heating import O2Onset
from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.xanes import EdgePosition, Ni2Fraction
from cgnmc_bluesky.callbacks.xrf import MnNiRatio

__all__ = ["EVERY", "EdgePosition", "LiveAnalysis", "MnNiRatio", "Ni2Fraction", "O2Onset"]

EVERY: tuple[type[LiveAnalysis], ...] = (EdgePosition, Ni2Fraction, MnNiRatio, O2Onset)
"""All of them: a run that one does not fit gives no result of it."""
