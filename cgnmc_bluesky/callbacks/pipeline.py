"""One run's documents in, result documents out: the same for a scan, a catalog and a file."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.beamline import Beamline, ConfigurationError, Role
from cgnmc_bluesky.documents import ReadingError, RunReader
from cgnmc_bluesky.results import PREVIEW, ResultWriter, Sink, Subject
from cgnmc_bluesky.standards import Library

logger = logging.getLogger(__name__)

GROWTH = 1.005
"""An intermediate result is due when the rows have grown by this factor: a long scan costs no more
a point."""


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
    def subject(self) -> Subject:
        """What a result is of where not even an estimate can be made."""


class Pipeline:
    """Runs some analyses over one run.

    Parameters
    ----------
    kinds
        The analyses.
    emit
        Takes the result documents.
    beamline
        The configuration; without it, the run's own or the one that is found.
    folders
        Where external files may be read beside those that the configuration names.
    note
        What is wrong with the record of the run.
    library
        Standards that other runs have read already.
    resolve
        Puts spectra in the place of the runs that a configuration names.
    """

    def __init__(
        self,
        kinds: Sequence[type[RunAnalysis]],
        emit: Sink,
        *,
        beamline: Beamline | None = None,
        folders: Sequence[Path] = (),
        note: str = "",
        library: Library | None = None,
        resolve: Callable[[Beamline], Beamline] = lambda beamline: beamline,
    ) -> None:
        self._library = library or Library()
        self._resolve = resolve
        self._kinds = kinds
        self._emit = emit
        self._beamline = beamline
        self._folders = tuple(folders)
        self._note = note
        self._readers: dict[str, RunReader] = {}
        self._tasks: list[_Task] = []
        self._ended = False

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take in a document.

        Raises
        ------
        ConfigurationError
            From a start document: if there is no configuration, or a wrong one.
        """
        if name == "start":
            self._begin(doc)
        for section, reader in self._readers.items():
            tasks = [task for task in self._tasks if task.section == section]
            self._read(reader, tasks, name, doc)
        if name == "stop" and not self._ended:
            self._ended = bool(doc)
            self.close()

    def update(self, *, curves: bool = False) -> None:
        """Emit intermediate results where there is enough that is new.

        Parameters
        ----------
        curves
            Whether curves are emitted along.
        """
        for task in self._tasks:
            task.update(curves=curves)

    def close(self) -> None:
        """Emit the closing results: of a run that ended, or whose documents ended without its
        stop.
        """
        for section, reader in self._readers.items():
            tasks = [task for task in self._tasks if task.section == section]
            stop = reader.stop or {}
            if not stop:
                self._read(reader, tasks, "stop", {})
            for task in tasks:
                task.finish(stop, ended=self._ended)
        self._readers = {}

    def lacking(self) -> list[tuple[str, list[str], RunReader]]:
        """Analyses that did not fit the run: name, missing data keys, the reader that looked for
        them.
        """
        return [
            (task.kind.name, lacks, task.kind.run.reader)
            for task in self._tasks
            if (lacks := task.kind.lacks())
        ]

    def _read(
        self, reader: RunReader, tasks: Sequence["_Task"], name: str, doc: Mapping[str, Any]
    ) -> None:
        try:
            for block in reader.blocks(name, doc):
                for task in tasks:
                    task.take(block)
        except ReadingError as fault:
            for task in tasks:
                task.fail(str(fault))

    def _begin(self, start: Mapping[str, Any]) -> None:
        beamline = self._resolve(Beamline.for_run(start, self._beamline))
        readable = (*self._folders, *beamline.data.readable)
        for kind in self._kinds:
            roles = roles_of(beamline, kind.section, start)
            if not roles:
                continue
            reader = self._readers.setdefault(kind.section, RunReader(roles, readable))
            run = Run(start, beamline, reader, roles, self._library, self._note)
            self._tasks.append(_Task(kind(run, self._emit), self._emit))


def roles_of(beamline: Beamline, section: str, start: Mapping[str, Any]) -> dict[str, Role]:
    """What plays which role in a run: as the configuration says, and in a measured file as its
    columns are named.

    Parameters
    ----------
    beamline
        The configuration.
    section
        The technique's section.
    start
        The run's start document; that of a measured file names its columns.
    """
    roles = beamline.roles(section)
    columns = start.get("columns")
    if section != "xanes" or not isinstance(columns, Mapping):
        return roles
    by_name = {name: column for column, name in columns.items() if name}
    own = {"energy_ev": Role(by_name["energy"], "eV")} if "energy" in by_name else {}
    own |= {name: Role(column, "") for name, column in by_name.items() if name != "energy"}
    return own | {role: found for role, found in roles.items() if found.key in columns}


class _Task:
    """One analysis of one run at work: where it fails, the others go on."""

    def __init__(self, kind: RunAnalysis, emit: Sink) -> None:
        self.kind = kind
        self.section = kind.section
        self._emit = emit
        self._writers: dict[tuple[str, str | None, int | None], ResultWriter] = {}
        self._fault = ""
        self._rows = 0
        self._said_at = 0
        self._time_s = float(kind.run.start.get("time") or 0.0)

    def take(self, block: Block) -> None:
        self._rows += len(block)
        if len(block):
            self._time_s = max(self._time_s, float(block.time_s[-1]))
        self._guarded(lambda: self.kind.take(block))

    def fail(self, why: str) -> None:
        self._fault = self._fault or why

    def update(self, *, curves: bool) -> None:
        if self._fault or self._rows <= self._said_at or self._rows < GROWTH * self._said_at:
            return
        self._said_at = self._rows
        stream = f"spectrum{PREVIEW}" if curves else ""
        self._guarded(lambda: self._say(ended=False, stream=stream))

    def finish(self, stop: Mapping[str, Any], *, ended: bool) -> None:
        """Say the last word: also that of a run that has failed, or that nobody ended."""
        if not self._fault and self.kind.lacks():
            return
        remarks = [*self.kind.run.reader.notes, *_remarks(stop, ended, self.kind.run.note)]
        if not self._fault:
            self._guarded(lambda: self._say(ended=ended, stream="spectrum", remarks=remarks))
        if self._fault:
            self._say_failed()
        for writer in self._writers.values():
            writer.close("fail" if self._fault else "success", self._fault)

    def _say(self, *, ended: bool, stream: str, remarks: Sequence[str] = ()) -> None:
        for subject, estimate in self.kind.estimates(ended=ended):
            reason = "; ".join(dict.fromkeys(part for part in (estimate.reason, *remarks) if part))
            told = replace(estimate, reason=reason)
            self._writer(subject).update(told, self._time_s, curves=stream)

    def _say_failed(self) -> None:
        for subject, estimate in self._failed():
            told = Estimate(Status.FAILED, self._fault, estimate, n_points=self._rows)
            self._writer(subject).update(told, self._time_s)

    def _failed(self) -> Iterable[tuple[Subject, Mapping[str, str]]]:
        try:
            return [(subject, told.units) for subject, told in self.kind.estimates(ended=True)]
        except Exception:  # noqa: BLE001  (it has failed already; only the names of its values are wanted)
            return [(self.kind.subject(), {})]

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
            self.fail(str(fault))
        except Exception as fault:
            logger.exception("%s failed in run %s", self.kind.name, self.kind.run.start.get("uid"))
            self.fail(f"{type(fault).__name__}: {fault}")


def _remarks(stop: Mapping[str, Any], ended: bool, note: str) -> list[str]:
    """What the end of a run has to say."""
    remarks = [note] if note else []
    if not ended:
        remarks.append("the run has no stop document")
    elif stop.get("exit_status", "success") != "success":
        why = f": {stop['reason']}" if stop.get("reason") else ""
        remarks.append(f"the run ended early ({stop['exit_status']}{why})")
    return remarks
