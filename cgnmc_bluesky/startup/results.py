"""Results of a session, at hand as soon as their runs have ended."""

import time
from collections.abc import Sequence
from typing import overload

from rich.console import Console

from cgnmc_bluesky.callbacks import LiveAnalysis
from cgnmc_bluesky.results import Result, ResultCollector

TIMEOUT_S = 60.0
PATIENCE_S = 0.5


class Results(Sequence[Result]):
    """Results in the order in which they came; looking at them waits for runs that have stopped.

    Parameters
    ----------
    callbacks
        The live analyses that the results are of.
    console
        Where to say that it waits.
    timeout_s
        How long to wait at most, in seconds.
    """

    def __init__(
        self,
        callbacks: Sequence[LiveAnalysis],
        console: Console,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._callbacks = tuple(callbacks)
        self._console = console
        self._timeout_s = timeout_s
        self._collector = ResultCollector()
        for callback in self._callbacks:
            callback.subscribe(self._collector)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until every run that has stopped has its results, and say so if it takes a while.

        Parameters
        ----------
        timeout_s
            How long at most, in seconds.

        Returns
        -------
        bool
            Whether all are there.
        """
        bound_s = self._timeout_s if timeout_s is None else timeout_s
        if self._are_done(min(PATIENCE_S, bound_s)):
            return True
        self._console.print(f"waiting for results, {bound_s:g} s at most")
        if self._are_done(bound_s):
            return True
        self._console.print(f"results are still not there after {bound_s:g} s: look again later")
        return False

    def close(self) -> None:
        """End the live analyses."""
        for callback in self._callbacks:
            callback.close()

    def _are_done(self, timeout_s: float) -> bool:
        deadline_s = time.monotonic() + timeout_s
        return all(
            callback.wait(max(0.0, deadline_s - time.monotonic())) for callback in self._callbacks
        )

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> list[Result]: ...
    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        """Give one result, or several, after waiting."""
        self.wait()
        return self._collector.results[index]

    def __len__(self) -> int:
        """Number of results, after waiting."""
        self.wait()
        return len(self._collector.results)

    def __repr__(self) -> str:
        self.wait()
        return "\n".join(map(_line, self._collector.results)) or "no results yet"


def _line(result: Result) -> str:
    given = {name: value for name, value in result.values.items() if value is not None}
    name = result.analysis if result.analysis in given else next(iter(given), "")
    number = (
        f"{name} = {given[name]:.6g} ± {result.sigmas[name] or 0:.2g}" if name else result.reason
    )
    return f"{result.scan_id}  {result.sample}  {result.analysis}: {result.status}, {number}"
