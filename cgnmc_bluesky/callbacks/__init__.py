"""Live analyses: documents of anybody's RunEngine in, result documents out."""

from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.xanes import EdgePosition, Ni2Fraction

__all__ = ["EdgePosition", "LiveAnalysis", "Ni2Fraction"]
