"""Which of a source's runs are meant."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cgnmc_bluesky.catalogs import Run, Source, SourceError


@dataclass(frozen=True)
class Selection:
    """Runs by name, plan and date; without any of these, all raw runs.

    Parameters
    ----------
    names
        Uids (their beginnings do), scan ids, or places from the end such as "-1".
    plan
        Name of the plan.
    since_s
        Earliest start, in seconds since the epoch.
    since
        The same, as the user wrote it.
    """

    names: tuple[str, ...] = ()
    plan: str | None = None
    since_s: float = 0.0
    since: str | None = None

    @classmethod
    def of(cls, names: Iterable[str], plan: str | None, since: str | None) -> Self:
        """Read what the user wrote.

        Raises
        ------
        ValueError
            If the date is none.
        """
        return cls(tuple(names), plan, _seconds(since) if since else 0.0, since)

    def runs(self, source: Source) -> Iterator[Run]:
        """Give the raw runs of a source that are meant.

        Raises
        ------
        SourceError
            If there is none.
        """
        plans: set[str] = set()
        is_empty = True
        for run in self._named(source):
            plans.add(str(run.start.get("plan_name", "unnamed")))
            if self._fits(run):
                is_empty = False
                yield run
        if is_empty:
            raise SourceError(self._nothing(source, plans))

    def _named(self, source: Source) -> Iterator[Run]:
        if self.names:
            found = {run.uid: run for run in (source.find(name) for name in self.names)}
            return iter(found.values())
        return (run for run in source.runs() if not run.is_result)

    def _fits(self, run: Run) -> bool:
        return (self.plan is None or run.start.get("plan_name") == self.plan) and run.start.get(
            "time", 0.0
        ) >= self.since_s

    def _nothing(self, source: Source, plans: set[str]) -> str:
        if not plans:
            return f"{source.name} holds no runs; name another source"
        wanted = [f"of plan {self.plan!r}"] if self.plan else []
        wanted += [f"since {self.since}"] if self.since else []
        there = f"its plans are {', '.join(sorted(plans))}"
        return f"{source.name} has no run {' '.join(wanted)}; {there}"


def _seconds(date: str) -> float:
    try:
        return datetime.fromisoformat(date).timestamp()
    except ValueError as error:
        raise ValueError(
            f"--since {date!r} is no date; write it as 2026-03-01 or '2026-03-01 14:00'"
        ) from error
