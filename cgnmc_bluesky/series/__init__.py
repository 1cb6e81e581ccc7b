"""Results of several runs together: trends, kept gradients and the charge balance of a series."""

from cgnmc_bluesky.series.balances import PAPER_SURFACES, charge_balances
from cgnmc_bluesky.series.gradients import CORRECTED, contrast_of, kept_gradients
from cgnmc_bluesky.series.points import Against, SeriesPoint
from cgnmc_bluesky.series.result import SeriesResult
from cgnmc_bluesky.series.trends import QUANTITIES, trends

__all__ = [
    "CORRECTED",
    "PAPER_SURFACES",
    "QUANTITIES",
    "Against",
    "SeriesPoint",
    "SeriesResult",
    "charge_balances",
    "contrast_of",
    "kept_gradients",
    "trends",
]
