"""Live analyses: documents of anybody's RunEngine in, result documents out."""

from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.xanes import EdgePosition, Ni2Fraction
from cgnmc_bluesky.callbacks.xrf import MnNiRatio

__all__ = ["EdgePosition", "LiveAnalysis", "MnNiRatio", "Ni2Fraction"]
