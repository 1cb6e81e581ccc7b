"""What people look at: a table and figures, drawn from result documents alone."""

from cgnmc_bluesky.views.run import RunFigure
from cgnmc_bluesky.views.table import ResultTable
from cgnmc_bluesky.views.trend import TrendFigure

__all__ = ["ResultTable", "RunFigure", "TrendFigure"]
