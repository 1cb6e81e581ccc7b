"""What was found, looked up by what it was measured on."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.demo.paper.statements import Number, difference
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.series import SeriesResult, charge_balances, kept_gradients, trends


class Findings:
    """The results so far.

    Parameters
    ----------
    results
        Of all runs.
    """

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results

    def result(
        self,
        analysis: str,
        material: str,
        cycles: int | None = None,
        *,
        mode: str | None = None,
        edge: str | None = None,
    ) -> Result | None:
        """Return the result of an analysis that can be believed, the first of several.

        Parameters
        ----------
        analysis, mode
            Which analysis, of which signal; any without one.
        material, cycles
            Of which sample; whatever its cycles without them.
        edge
            At which edge, for edge positions.
        """
        return next(
            (
                each
                for each in self.results
                if each.analysis == analysis
                and each.conditions.get("material") == material
                and each.status in (Status.FINAL, Status.PROVISIONAL)
                and (cycles is None or each.conditions.get("cycles") == cycles)
                and (mode is None or each.mode == mode)
                and (edge is None or _edge(each) == edge)
                and each.particle in (None, 1)
            ),
            None,
        )

    def number(
        self, value: str, analysis: str, material: str, cycles: int | None = None, **which: Any
    ) -> Number | None:
        """Return a value with its sigma, `None` where there is none.

        Parameters
        ----------
        value
            Its name.
        analysis, material, cycles, **which
            As for `result`.
        """
        result = self.result(analysis, material, cycles, **which)
        if result is None:
            return None
        number, sigma = result.values.get(value), result.sigmas.get(value)
        return None if number is None or sigma is None else (number, sigma)

    def change(
        self, value: str, analysis: str, material: str, *, last: int = 100, **which: Any
    ) -> Number | None:
        """Return how a value of a cycled sample differs from that of the pristine one."""
        after = self.number(value, analysis, material, last, **which)
        return difference(after, self.number(value, analysis, material, 0, **which))

    def curves(
        self, group: str, analysis: str, material: str, cycles: int | None = None, **which: Any
    ) -> dict[str, NDArray[np.float64]] | None:
        """Return the arrays of a result, `None` where there are none."""
        result = self.result(analysis, material, cycles, **which)
        found = result.curves.get(group) if result else None
        return None if found is None else dict(found)

    @cached_property
    def trends(self) -> list[SeriesResult]:
        """Trends over the cycles."""
        return trends(self.results)

    def trend(self, analysis: str, mode: str, material: str) -> SeriesResult | None:
        """Return one trend, `None` where there is none."""
        return next(
            (
                each
                for each in self.trends
                if (each.analysis, each.mode, each.material) == (analysis, mode, material)
            ),
            None,
        )

    @cached_property
    def balances(self) -> list[SeriesResult]:
        """Charge balances of the surfaces."""
        return charge_balances(self.results)

    @cached_property
    def gradients(self) -> list[SeriesResult]:
        """What became of gradients."""
        return kept_gradients(self.results)


def of_series(found: SeriesResult | None, value: str) -> Number | None:
    """Return a value of a series with its sigma; without a sigma where it is exact.

    Parameters
    ----------
    found
        The series' result.
    value
        The value's name.
    """
    number = found.values.get(value) if found else None
    if found is None or number is None:
        return None
    return number, found.sigmas.get(value) or 0.0


def _edge(result: Result) -> str | None:
    parameters = result.about.get("analysis", {}).get("parameters", {})
    edge: str | None = parameters.get("edge")
    return edge
