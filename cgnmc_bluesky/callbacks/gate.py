"""Which documents an analysis has any use for: those of runs that hold something it reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cgnmc_bluesky.beamline import Beamline, ConfigurationError
from cgnmc_bluesky.callbacks.roles import roles_of
from cgnmc_bluesky.callbacks.task import RunAnalysis

Document = tuple[str, Mapping[str, Any]]

_LINKS = ("descriptor", "stream_resource", "resource")
_ROWS = frozenset({"event", "event_page", "bulk_events"})


class Belonging:
    """Tells which run a document is of, by what it refers to."""

    def __init__(self) -> None:
        self._run_of: dict[str, str] = {}

    def run_of(self, name: str, doc: Mapping[str, Any], runs: Iterable[str]) -> str:
        """Uid of the run; of the only one under way where the document does not tell."""
        run_uid = doc["uid"] if name == "start" else doc.get("run_start")
        for link in _LINKS:
            run_uid = run_uid or self._run_of.get(str(doc.get(link)))
        under_way = list(runs)
        if run_uid is None and len(under_way) == 1:
            run_uid = under_way[0]
        if name in _LINKS and run_uid:
            self._run_of[doc["uid"]] = run_uid
        return str(run_uid)

    def forget(self, run_uid: str) -> None:
        """Forget what belongs to a run."""
        self._run_of = {uid: run for uid, run in self._run_of.items() if run != run_uid}


@dataclass
class _Held:
    """A run that has shown nothing of use yet."""

    keys: frozenset[str]
    documents: list[Document] = field(default_factory=list)


class Gate:
    """Holds the documents of a run back until it shows a data key that the analyses read.

    A session has analyses of every technique, each with a process; a run is of one or two of them.

    Parameters
    ----------
    kinds
        The analyses.
    beamline
        The configuration, or `None` for that of each run.
    """

    def __init__(self, kinds: Sequence[type[RunAnalysis]], beamline: Beamline | None) -> None:
        self._sections = {kind.section for kind in kinds}
        self._beamline = beamline
        self._belonging = Belonging()
        self._held: dict[str, _Held] = {}
        self._open: set[str] = set()

    def passed(self, batch: Iterable[Document]) -> tuple[list[Document], list[str]]:
        """Take in documents.

        Returns
        -------
        tuple
            Those to hand on, in their order; and the uids of runs that ended without any.
        """
        through: list[Document] = []
        ended: list[str] = []
        for name, doc in batch:
            run_uid = self._belonging.run_of(name, doc, (*self._held, *self._open))
            if name == "start":
                self._begin(run_uid, doc)
            held = self._held.get(run_uid)
            if held is None:
                through.append((name, doc))
            elif name not in _ROWS:
                held.documents.append((name, doc))
                if _shows(name, doc, held.keys):
                    through += held.documents
                    self._pass(run_uid)
            if name == "stop":
                ended += [run_uid] if run_uid in self._held else []
                self._end(run_uid)
        return through, ended

    def _begin(self, run_uid: str, start: Mapping[str, Any]) -> None:
        keys = self._keys(start)
        if keys is None:
            self._open.add(run_uid)
        else:
            self._held[run_uid] = _Held(keys)

    def _keys(self, start: Mapping[str, Any]) -> frozenset[str] | None:
        """Data keys that are read; `None` where only the analysis can say what is wrong."""
        if start.get("purpose") == "analysis":
            return frozenset()
        try:
            beamline = Beamline.for_run(start, self._beamline, own=True)
        except ConfigurationError:
            return None
        roles = (roles_of(beamline, section, start) for section in self._sections)
        return frozenset(role.key for of_section in roles for role in of_section.values())

    def _pass(self, run_uid: str) -> None:
        del self._held[run_uid]
        self._open.add(run_uid)

    def _end(self, run_uid: str) -> None:
        self._held.pop(run_uid, None)
        self._open.discard(run_uid)
        self._belonging.forget(run_uid)


def _shows(name: str, doc: Mapping[str, Any], keys: frozenset[str]) -> bool:
    return (
        name == "descriptor"
        and doc.get("name") != "baseline"
        and not keys.isdisjoint(doc.get("data_keys", ()))
    )
