"""One run's documents in, result documents out: the same for a scan, a catalog and a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.beamline import Beamline, ConfigurationError
from cgnmc_bluesky.callbacks.roles import roles_of
from cgnmc_bluesky.callbacks.task import Run, RunAnalysis, Task
from cgnmc_bluesky.documents import ReadingError, RunReader
from cgnmc_bluesky.results import Sink
from cgnmc_bluesky.standards import Library


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
    own
        Whether the run is this session's own, so that it may say where its files are.
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
        own: bool = False,
    ) -> None:
        self._library = library or Library()
        self._resolve = resolve
        self._kinds = kinds
        self._emit = emit
        self._beamline = beamline
        self._folders = tuple(folders)
        self._note = note
        self._own = own
        self._readers: dict[str, RunReader] = {}
        self._tasks: list[Task] = []
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
            self._read(section, reader.blocks(name, doc))
        if name == "stop" and not self._ended:
            self._ended = bool(doc)
            self.close()

    @property
    def is_waiting(self) -> bool:
        """Whether rows wait for their files to grow, so that `poll` is worth a call."""
        return any(reader.is_waiting for reader in self._readers.values())

    def poll(self) -> bool:
        """Take in the rows whose files have grown since the last document; say if there are any."""
        found = [self._read(section, reader.poll()) for section, reader in self._readers.items()]
        return any(found)

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
            stop = reader.stop or {}
            if not stop:
                self._read(section, reader.blocks("stop", {}))
            for task in self._tasks_of(section):
                task.finish(stop, ended=self._ended)
        self._readers = {}

    @property
    def configuration_fault(self) -> ConfigurationError | None:
        """What an analysis found wrong with the configuration, if anything."""
        faults = (task.configuration_fault for task in self._tasks)
        return next((fault for fault in faults if fault is not None), None)

    def lacking(self) -> list[tuple[str, list[str], RunReader]]:
        """Analyses that did not fit the run: name, missing data keys, the reader that looked for
        them.
        """
        return [
            (task.kind.name, lacks, task.kind.run.reader)
            for task in self._tasks
            if (lacks := task.kind.lacks())
        ]

    def _tasks_of(self, section: str) -> list[Task]:
        return [task for task in self._tasks if task.section == section]

    def _read(self, section: str, blocks: Iterable[Block]) -> bool:
        """Hand rows to the analyses that read them, and say if there were any."""
        tasks, any_rows = self._tasks_of(section), False
        try:
            for block in blocks:
                any_rows = True
                for task in tasks:
                    task.take(block)
        except ReadingError as fault:
            for task in tasks:
                task.fail(str(fault))
        return any_rows

    def _begin(self, start: Mapping[str, Any]) -> None:
        beamline = self._resolve(Beamline.for_run(start, self._beamline, own=self._own))
        readable = (*self._folders, *beamline.data.readable)
        for kind in self._kinds:
            roles = roles_of(beamline, kind.section, start)
            if not roles:
                continue
            reader = self._readers.setdefault(kind.section, RunReader(roles, readable))
            run = Run(start, beamline, reader, roles, self._library, self._note)
            self._tasks.append(Task(kind(run, self._emit), self._emit))
