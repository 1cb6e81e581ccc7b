"""Runs of simulated instruments, analysed while they go on, and kept in a file."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bluesky.utils import MsgGenerator, RunEngineInterrupted
from event_model import NumpyEncoder
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.catalogs.source import Document
from cgnmc_bluesky.replay import KINDS
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.sim.metadata import Informed
from cgnmc_bluesky.standards import Library
from cgnmc_bluesky.startup.engine import make_run_engine


class Bench:
    """Where runs are made; their results and documents are kept.

    Parameters
    ----------
    folder
        Where the runs' documents go, as `runs.jsonl`, and the files of maps.
    console
        Where progress is shown, on a terminal alone.
    seed
        Of the simulated noise.

    Attributes
    ----------
    results
        Results of all runs.
    documents
        Result documents by the uid of their raw run.
    runs
        File that the runs' documents are in.
    """

    def __init__(self, folder: Path, console: Console, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.results: list[Result] = []
        self.documents: dict[str, list[Document]] = {}
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console,
            disable=not console.is_terminal, transient=True,
        )  # fmt: skip
        self._task = self.progress.add_task("", total=None)
        self._engine = make_run_engine()
        self._engine.subscribe(self._take)
        self._library = Library()
        self._pipeline: Pipeline | None = None
        self.runs = folder / "runs.jsonl"
        self.runs.write_text("", encoding="utf-8")

    def run(self, instrument: Informed, plan: MsgGenerator[Any]) -> None:
        """Run a plan on an instrument.

        Parameters
        ----------
        instrument
            It says what its runs carry.
        plan
            One or several runs.

        Raises
        ------
        KeyboardInterrupt
            If the user interrupts; the run is aborted then.
        """
        try:
            self._engine(instrument.with_metadata(plan))
        except RunEngineInterrupted:
            self._engine.abort("interrupted by the user")
            raise KeyboardInterrupt from None

    def take(self, documents: Iterable[Document]) -> None:
        """Take in runs that an instrument has recorded by itself.

        Parameters
        ----------
        documents
            Their documents.
        """
        for name, doc in documents:
            self._take(name, doc)

    def _take(self, name: str, doc: Mapping[str, Any]) -> None:
        with self.runs.open("a", encoding="utf-8") as lines:
            lines.write(f"{json.dumps([name, doc], cls=NumpyEncoder)}\n")
        if name == "start":
            self._begin(doc)
        elif name == "event":
            self.progress.advance(self._task)
        elif name == "stream_datum":
            self.progress.update(self._task, completed=doc["seq_nums"]["stop"] - 1)
        if self._pipeline is not None:
            self._pipeline(name, doc)

    def _begin(self, start: Mapping[str, Any]) -> None:
        about = (start.get("edge"), start.get("sample"))
        text = " · ".join(str(part) for part in about if part)
        rows, *_ = start.get("shape") or (start.get("num_points"),)
        self.progress.reset(self._task, description=text, total=rows)
        collector = ResultCollector(when_closed=self.results.append)
        kept: list[Document] = []
        self.documents[start["uid"]] = kept

        def emit(name: str, doc: Mapping[str, Any]) -> None:
            kept.append((name, dict(doc)))
            collector(name, doc)

        self._pipeline = Pipeline(KINDS, emit, library=self._library, own=True)
