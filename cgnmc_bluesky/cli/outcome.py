"""What became of a replay: shown, stored, compared, counted."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.catalogs import Source
from cgnmc_bluesky.catalogs.source import Document, Writer
from cgnmc_bluesky.cli.boundary import error_output, output
from cgnmc_bluesky.cli.lines import write_line
from cgnmc_bluesky.cli.saving import ResultFolder
from cgnmc_bluesky.cli.verifying import differences, versions_between
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.views import ResultTable


class Outcome:
    """Takes the results of one run after the other to wherever they are wanted.

    Parameters
    ----------
    table
        Table to show them in; without it they are written as JSON.
    folder
        Folder for figures, tables and arrays.
    write
        Stores documents in a catalog.
    """

    def __init__(
        self, table: ResultTable | None, folder: ResultFolder | None, write: Writer | None
    ) -> None:
        self._table = table
        self._folder = folder
        self._write = write
        self.is_empty = True
        self._failed = 0
        self._compared = 0
        self._different: list[str] = []
        self._versions: set[str] = set()

    def take(self, start: Mapping[str, Any], documents: list[Document]) -> list[Result]:
        """Take in the results of one run.

        Parameters
        ----------
        start
            Start document of the raw run.
        documents
            Documents of its results.

        Returns
        -------
        list[Result]
            The same as results.
        """
        collector = ResultCollector()
        sinks = (collector, self._table, self._write)
        for name, doc in documents:
            for sink in sinks:
                if sink is not None:
                    sink(name, doc)
        results = collector.results
        self.is_empty &= not results
        files = self._folder.add(start, documents, results) if self._folder else {}
        for result in results:
            self._failed += result.status is Status.FAILED
            if self._table is None:
                write_line(replace(result, files=files))
        return results

    def compare(self, replayed: Iterable[Result], source: Source, run_uid: str) -> None:
        """Compare the results of one run with those stored."""
        self._compared += 1
        stored = [Result.from_documents(run.documents()) for run in source.results_of(run_uid)]
        replayed = list(replayed)
        found = differences(replayed, stored)
        stored_as = {(old.analysis, old.mode, old.particle): old for old in stored}
        for new in replayed:
            old = stored_as.get((new.analysis, new.mode, new.particle))
            self._versions.update(versions_between(new, old) if old else ())
        self._different += [f"run {run_uid[:8]}: {text}" for text in found]

    def finish(self) -> int:
        """Write what is written once, and say in words what was done.

        Returns
        -------
        int
            The exit status: 1 where an analysis failed or a comparison differs.
        """
        written = self._folder.finish() if self._folder else []
        if self._table is not None:
            self._say(len(written))
        else:
            for text in self._different:
                error_output().print(text, markup=False, highlight=False)
        return 1 if self._failed or self._different else 0

    def _say(self, n_tables: int) -> None:
        console = output()
        for text in self._different:
            console.print(text, markup=False, highlight=False)
        for text in sorted(self._versions):
            console.print(f"compared within a thousandth of a sigma: {text}", markup=False)
        if self._compared and not self._different and not self._versions:
            console.print(
                f"{self._compared} runs: identical to the stored results, to the last bit"
            )
        if self._folder and n_tables:
            console.print(f"figures, tables and arrays are in {self._folder.path}", markup=False)
