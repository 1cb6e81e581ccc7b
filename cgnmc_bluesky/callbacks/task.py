"""One analysis of one run: what it reads, what it says, and what becomes of its faults."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, ClassVar

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.beamline import Beamline, ConfigurationError, Role
from cgnmc_bluesky.documents import RunReader
from cgnmc_bluesky.results import Curves, ResultWriter, Sink, Subject
from cgnmc_bluesky.standards import Library

logger = logging.getLogger(__name__)

_FAILED = "%s failed in run %s"


@dataclass(frozen=True)
class Run:
    """The run that an analysis works on.

    Parameters
    ----------
    start
        Its start document.
    beamline
        The configuration that holds for it.
    reader
        Reads its documents; knows what it has not found.
    roles
        What is read, by role.
    library
        Standards that other runs have read already.
    note
        What is wrong with the record of the run.
    """

    start: Mapping[str, Any]
    beamline: Beamline
    reader: RunReader
    roles: Mapping[str, Role]
    library: Library
    note: str = ""


class RunAnalysis(ABC):
    """One analysis of one run: rows in, estimates to a writer out.

    Parameters
    ----------
    run
        The run.
    emit
        Takes the result documents.
    """

    name: ClassVar[str]
    """What it is called where its run does not say it more precisely."""
    section: ClassVar[str]
    """Section of the configuration whose roles it reads."""
    version: ClassVar[str]
    growth: ClassVar[float] = 1.04
    """An intermediate result is due when the rows have grown by this factor: a long scan costs no
    more a point."""
    shows_late: ClassVar[bool] = False
    """Whether the first rows may hold nothing of what is looked for, so that a run that ended early
    has not failed for that."""

    def __init__(self, run: Run, emit: Sink) -> None:
        self.run = run
        self._emit = emit

    @abstractmethod
    def take(self, block: Block) -> None:
        """Take in rows."""

    @abstractmethod
    def lacks(self) -> list[str]:
        """Roles that the run does not hold, without which there is nothing to say; empty if it
        fits.
        """

    @abstractmethod
    def estimates(self, *, ended: bool) -> Iterable[tuple[Subject, Estimate]]:
        """What is known now, for each mode or particle."""

    @abstractmethod
    def nothing(self) -> tuple[Subject, Mapping[str, str]]:
        """What a result is of, and the units of its values, where no estimate can be made."""


class Task:
    """One analysis of one run at work: where it fails, the others go on.

    Parameters
    ----------
    kind
        The analysis.
    emit
        Takes the result documents.
    """

    def __init__(self, kind: RunAnalysis, emit: Sink) -> None:
        self.kind = kind
        self.section = kind.section
        self._emit = emit
        self._writers: dict[tuple[str, str | None, int | None], ResultWriter] = {}
        self._fault = ""
        self.configuration_fault: ConfigurationError | None = None
        self._rows = 0
        self._said_at = 0.0
        self._time_s = float(kind.run.start.get("time") or 0.0)

    def take(self, block: Block) -> None:
        """Take in rows."""
        self._rows += len(block)
        if len(block):
            self._time_s = max(self._time_s, float(block.time_s[-1]))
        self._guarded(lambda: self.kind.take(block))

    def fail(self, why: str) -> None:
        """Give up, for a reason that closes the result."""
        self._fault = self._fault or why

    def update(self, *, curves: bool) -> None:
        """Say what is known if there is enough that is new."""
        if self._fault or self._rows < max(self._said_at + 1, self.kind.growth * self._said_at):
            return
        self._said_at = self._rows
        shown: Curves = "preview" if curves else "none"
        try:
            self._say(ended=False, curves=shown)
        except ConfigurationError as fault:
            self._misconfigured(fault)
        except Exception:
            # what the whole run says does not hang on what half of it cannot
            logger.exception(_FAILED, self.kind.name, self.kind.run.start.get("uid"))
            self._said_at = inf

    def finish(self, stop: Mapping[str, Any], *, ended: bool) -> None:
        """Say the last word: also that of a run that has failed, or that nobody ended."""
        if self.kind.lacks():
            return
        remarks = [*self.kind.run.reader.notes, *_remarks(stop, ended, self.kind.run.note)]
        spared = self.kind.shows_late and ended and _ended_early(stop)
        if not self._fault:
            self._guarded(
                lambda: self._say(ended=ended, curves="stored", remarks=remarks, spared=spared)
            )
        if self._fault:
            self._say_failed()
        for writer in self._writers.values():
            writer.close("fail" if self._fault else "success", self._fault)

    def _say(
        self, *, ended: bool, curves: Curves, remarks: Sequence[str] = (), spared: bool = False
    ) -> None:
        for subject, estimate in self.kind.estimates(ended=ended):
            reason = "; ".join(dict.fromkeys(part for part in (estimate.reason, *remarks) if part))
            status = estimate.status
            if spared and status is Status.FAILED:
                status = Status.WAITING
            told = replace(estimate, reason=reason, status=status)
            self._writer(subject).update(told, self._time_s, curves=curves)

    def _say_failed(self) -> None:
        for writer in self._writers.values():
            writer.fail(self._fault, self._time_s)
        if not self._writers:
            subject, units = self.kind.nothing()
            told = Estimate(Status.FAILED, self._fault, units, n_points=self._rows)
            self._writer(subject).update(told, self._time_s)

    def _writer(self, subject: Subject) -> ResultWriter:
        key = (subject.analysis, subject.mode, subject.particle)
        if key not in self._writers:
            self._writers[key] = ResultWriter(subject, self._emit)
        return self._writers[key]

    def _guarded(self, work: Callable[[], None]) -> None:
        if self._fault:
            return
        try:
            work()
        except ConfigurationError as fault:
            self._misconfigured(fault)
        except Exception as fault:
            logger.exception(_FAILED, self.kind.name, self.kind.run.start.get("uid"))
            self.fail(f"{type(fault).__name__}: {fault}")

    def _misconfigured(self, fault: ConfigurationError) -> None:
        self.configuration_fault = fault
        self.fail(str(fault))


def say_failed(kind: type[RunAnalysis], start: Mapping[str, Any], why: str, emit: Sink) -> None:
    """Emit the result of an analysis that could not even begin, or was lost.

    Parameters
    ----------
    kind
        The analysis.
    start
        The run's start document.
    why
        What failed, in words.
    emit
        Takes the result documents.
    """
    writer = ResultWriter(Subject.of(start, kind.name, kind.version), emit)
    writer.update(Estimate(Status.FAILED, why, {}), float(start.get("time") or 0.0))
    writer.close("fail", why)


def _remarks(stop: Mapping[str, Any], ended: bool, note: str) -> list[str]:
    """What the end of a run has to say."""
    remarks = [note] if note else []
    if not ended:
        remarks.append("the run has no stop document")
    elif _ended_early(stop):
        why = f": {stop['reason']}" if stop.get("reason") else ""
        remarks.append(f"the run ended early ({stop['exit_status']}{why})")
    return remarks


def _ended_early(stop: Mapping[str, Any]) -> bool:
    return bool(stop.get("exit_status", "success") != "success")
