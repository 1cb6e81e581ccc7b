"""What people look at: a table, figures and files of plots, made from result documents alone."""

from cgnmc_bluesky.views.comparison import ComparisonFigure
from cgnmc_bluesky.views.nexus import write_nexus
from cgnmc_bluesky.views.run import RunFigure
from cgnmc_bluesky.views.table import ResultTable
from cgnmc_bluesky.views.trend import TrendFigure

__all__ = ["ComparisonFigure", "ResultTable", "RunFigure", "TrendFigure", "write_nexus"]
