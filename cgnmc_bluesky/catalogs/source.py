"""What every source of runs can do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

Document = tuple[str, dict[str, Any]]

MAX_NAMED = 5
"""How many runs a message names."""


class SourceError(ValueError):
    """A source, or a run in it, that cannot be used."""


@dataclass(frozen=True)
class Run:
    """One run, raw or of an analysis.

    Parameters
    ----------
    start
        The run's start document.
    documents
        Gives all of the run's documents as `(name, document)`, each time it is called.
    folders
        Where files that the documents refer to may lie, beside those the configuration names.
    note
        What is wrong with the record of this run, in words; empty where nothing is, and where it is
        only that the stop document is missing, which the documents tell.
    own
        Whether whoever asks has handed over the documents, so that they may say where their files
        are.
    stop
        The run's stop document, where it is at hand without the others.
    """

    start: Mapping[str, Any]
    documents: Callable[[], Iterator[Document]] = field(repr=False)
    folders: tuple[Path, ...] = ()
    note: str = ""
    own: bool = False
    stop: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def uid(self) -> str:
        """The run's uid."""
        return str(self.start.get("uid", ""))

    @property
    def is_result(self) -> bool:
        """Whether an analysis made it."""
        return self.start.get("purpose") == "analysis"


Writer = Callable[[str, Mapping[str, Any]], None]


class Source(ABC):
    """Runs in a catalog, a file or a folder.

    A source is a context manager; what it opened is closed at the end.

    Parameters
    ----------
    name
        What the user called it.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027
        """Let go of whatever the source holds open; most hold nothing."""

    @abstractmethod
    def runs(self) -> Iterator[Run]:
        """Give every run, of scans and of analyses, in the order of their time."""

    @abstractmethod
    def latest(self, n_back: int) -> Run:
        """Give the raw run that is `n_back`-th from the end, 1 being the last."""

    @abstractmethod
    def with_scan_id(self, scan_id: int) -> list[Run]:
        """Give the runs with one scan id, in the order of their time."""

    @abstractmethod
    def with_uid(self, beginning: str) -> list[Run]:
        """Give the runs whose uid begins so."""

    @abstractmethod
    def results_of(self, run_uid: str) -> list[Run]:
        """Give the stored results of a raw run, in the order of their time."""

    def of_series(self, series: str) -> list[Run]:
        """Give the raw runs that name one series, in the order of their time."""
        runs = [run for run in self.runs() if run.start.get("series") == series]
        return [run for run in runs if not run.is_result]

    def writer(self) -> Writer | None:
        """Give what stores documents beside the runs, None where nothing can be stored."""
        return None

    def find(self, which: int | str) -> Run:
        """Find one raw run.

        Parameters
        ----------
        which
            -1 for the last run, -2 for the one before; a scan id (the latest run that has it); or a
            uid, of which the beginning is enough. A result's uid finds the run it is of.

        Raises
        ------
        SourceError
            Where no run, or more than one, is meant.
        """
        number = _integer(which)
        if number is not None and number < 0:
            return self.latest(-number)
        if number is not None and (found := self.with_scan_id(number)):
            raw = [run for run in found if not run.is_result]
            return raw[-1] if raw else self._parent_of(found[-1])
        if isinstance(which, str) and which:
            return self._with_one_uid(which)
        raise SourceError(f"{self.name} has no run {which}; {self._there_are()}")

    def _with_one_uid(self, beginning: str) -> Run:
        found = {run.uid: run for run in self.with_uid(beginning)}
        run = found.get(beginning)
        if run is None and len(found) > 1:
            raise SourceError(
                f"{beginning!r} begins more than one uid in {self.name}: "
                + ", ".join(sorted(found)[:MAX_NAMED])
                + "; give more characters"
            )
        if run is None and not found:
            raise SourceError(f"{self.name} has no run {beginning!r}; {self._there_are()}")
        run = run or next(iter(found.values()))
        return self._parent_of(run) if run.is_result else run

    def _parent_of(self, result: Run) -> Run:
        parent_uid = str(result.start.get("parent_uid", ""))
        parents = [run for run in self.with_uid(parent_uid) if run.uid == parent_uid]
        if not parent_uid or not parents:
            raise SourceError(
                f"the run {parent_uid!r} that the result {result.uid} is of is not in {self.name}"
            )
        return parents[0]

    def _there_are(self) -> str:
        raw = [run for run in self.runs() if not run.is_result]
        if not raw:
            return "it holds no runs"
        last = [f"{run.start.get('scan_id', '?')} ({run.uid[:8]})" for run in raw[-MAX_NAMED:]]
        return f"its last are {', '.join(last)}"


class ListedSource(Source):
    """Runs that are all at hand.

    Parameters
    ----------
    name
        What the user called it.
    runs
        The runs in the order of their time.
    """

    def __init__(self, name: str, runs: Sequence[Run]) -> None:
        super().__init__(name)
        self._runs = list(runs)

    def runs(self) -> Iterator[Run]:
        """Give every run, of scans and of analyses, in the order of their time."""
        return iter(self._runs)

    def latest(self, n_back: int) -> Run:
        """Give the raw run that is `n_back`-th from the end, 1 being the last."""
        raw = [run for run in self._runs if not run.is_result]
        if n_back > len(raw):
            raise SourceError(f"{self.name} has no run -{n_back}; it holds {len(raw)}")
        return raw[-n_back]

    def with_scan_id(self, scan_id: int) -> list[Run]:
        """Give the runs with one scan id, in the order of their time."""
        return [run for run in self._runs if run.start.get("scan_id") == scan_id]

    def with_uid(self, beginning: str) -> list[Run]:
        """Give the runs whose uid begins so."""
        return [run for run in self._runs if run.uid.startswith(beginning)]

    def results_of(self, run_uid: str) -> list[Run]:
        """Give the stored results of a raw run, in the order of their time."""
        return [
            run for run in self._runs if run.is_result and run.start.get("parent_uid") == run_uid
        ]


def _integer(which: int | str) -> int | None:
    try:
        return int(which)
    except ValueError:
        return None
