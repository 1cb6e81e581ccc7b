"""A stream of documents, several runs interleaved, taken apart into runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cgnmc_bluesky.catalogs.source import Document, Run

_WITH_UID = ("descriptor", "resource", "stream_resource")
_PARENTS = ("run_start", "descriptor", "resource", "stream_resource")


@dataclass
class Record:
    """Documents as they were read, and what could not be.

    Parameters
    ----------
    documents
        Every document in the order it was read.
    remarks
        What was wrong, in words, with the number of documents before it.
    """

    documents: list[Document] = field(default_factory=list)
    remarks: list[tuple[int, str]] = field(default_factory=list)

    def remark(self, note: str) -> None:
        """Say what is wrong at this point of the record."""
        self.remarks.append((len(self.documents), note))


def group(record: Record, folders: tuple[Path, ...] = ()) -> list[Run]:
    """Take a record apart into its runs, in the order they were begun.

    A document that names no run (a resource without `run_start`) belongs to the run that was begun
    last. A remark is noted for the runs that were not over at that point, else for the last one.
    """
    belonging = _belonging(record.documents)
    parts: dict[str, list[Document]] = {}
    remarks = list(record.remarks)
    notes: dict[str, list[str]] = {}
    for position, (name, doc) in enumerate(record.documents):
        while remarks and remarks[0][0] <= position:
            _note(notes, parts, belonging.latest, remarks.pop(0)[1])
        belonging.learn(name, doc)
        if uid := belonging.of(doc):
            parts.setdefault(uid, []).append((name, doc))
    for _, text in remarks:
        _note(notes, parts, belonging.latest, text)
    return [
        _run(documents, notes.get(uid, []), folders)
        for uid, documents in parts.items()
        if any(name == "start" for name, _ in documents)
    ]


class Belonging:
    """Which run a document is of, from those that came before it."""

    def __init__(self) -> None:
        self._run_of: dict[str, str] = {}
        self._latest = ""

    @property
    def latest(self) -> str:
        """Uid of the run that was begun last."""
        return self._latest

    def learn(self, name: str, doc: Mapping[str, Any]) -> None:
        """Take note of a document that others may refer to."""
        uid = str(doc.get("uid", ""))
        if name == "start":
            self._run_of[uid] = self._latest = uid
        elif name in _WITH_UID and (run_uid := self.of(doc)):
            self._run_of[uid] = run_uid

    def of(self, doc: Mapping[str, Any]) -> str:
        """Give the uid of the run, empty where the document names one that is not known."""
        for key in ("uid", *_PARENTS):
            if (uid := str(doc.get(key, ""))) in self._run_of:
                return self._run_of[uid]
        return "" if doc.get("run_start") else self._latest

    def forget(self, run_uid: str) -> None:
        """Forget a run that is over."""
        self._run_of = {uid: run for uid, run in self._run_of.items() if run != run_uid}


def _belonging(documents: Sequence[Document]) -> Belonging:
    """Know every run before the first document is taken, since a run's may come in any order."""
    belonging = Belonging()
    for wanted in (("start",), _WITH_UID):
        for name, doc in documents:
            if name in wanted:
                belonging.learn(name, doc)
    return belonging


def _note(
    notes: dict[str, list[str]], parts: Mapping[str, list[Document]], latest: str, text: str
) -> None:
    unfinished = [uid for uid, documents in parts.items() if not _is_stopped(documents)]
    for uid in unfinished or [latest]:
        notes.setdefault(uid, []).append(text)


def _is_stopped(documents: Sequence[Document]) -> bool:
    return any(name == "stop" and doc for name, doc in documents)


def _run(documents: list[Document], notes: list[str], folders: tuple[Path, ...]) -> Run:
    start = next(doc for name, doc in documents if name == "start")
    stop = next((doc for name, doc in documents if name == "stop"), {})
    return Run(start, Listed(documents), folders, "; ".join(notes), stop=stop)


@dataclass(frozen=True)
class Listed:
    """Gives documents that are at hand."""

    documents: Sequence[Document]

    def __call__(self) -> Iterator[Document]:
        """Begin again at the first document."""
        return iter(self.documents)
