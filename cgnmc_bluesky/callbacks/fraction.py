"""Valence fractions of energy scans, hard and soft, live."""

from cgnmc_bluesky.callbacks.live import LiveAnalysis
from cgnmc_bluesky.callbacks.soft import YieldFractionAnalysis
from cgnmc_bluesky.callbacks.xanes import FractionAnalysis


class Ni2Fraction(LiveAnalysis):
    """Valence fractions of every energy scan, by whatever references there are, while it is
    measured: of K edges in transmission and fluorescence, of L edges in both yields.

    Examples
    --------
    >>> RE.subscribe(Ni2Fraction(Beamline.load("beamline.toml")))  # doctest: +SKIP
    """

    kinds = (FractionAnalysis, YieldFractionAnalysis)
