"""Stored runs through the analyses that run beside scans: the same numbers, to the last bit."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cgnmc_bluesky.beamline import Beamline, ConfigurationError
from cgnmc_bluesky.callbacks.cycling import CyclingAnalysis, StateOfChargeAnalysis
from cgnmc_bluesky.callbacks.heating import O2OnsetAnalysis, PhasesAnalysis
from cgnmc_bluesky.callbacks.imaging import XpeemAnalysis
from cgnmc_bluesky.callbacks.pipeline import Pipeline
from cgnmc_bluesky.callbacks.soft import (
    BeamDamageAnalysis,
    SurfaceBulkAnalysis,
    YieldFractionAnalysis,
)
from cgnmc_bluesky.callbacks.task import RunAnalysis
from cgnmc_bluesky.callbacks.xanes import EdgePositionAnalysis, FractionAnalysis
from cgnmc_bluesky.callbacks.xrf import MnNiRatioAnalysis, SensitivityAnalysis
from cgnmc_bluesky.catalogs import Run, Source, SourceError, open_source
from cgnmc_bluesky.results import Result, ResultCollector
from cgnmc_bluesky.standards import Library, with_runs

KINDS: tuple[type[RunAnalysis], ...] = (
    EdgePositionAnalysis,
    FractionAnalysis,
    YieldFractionAnalysis,
    SurfaceBulkAnalysis,
    BeamDamageAnalysis,
    XpeemAnalysis,
    MnNiRatioAnalysis,
    SensitivityAnalysis,
    O2OnsetAnalysis,
    PhasesAnalysis,
    CyclingAnalysis,
    StateOfChargeAnalysis,
)
"""Every analysis that there is."""

Document = tuple[str, dict[str, Any]]


class NothingFits(SourceError):
    """No analysis finds what it needs in any run; the message names what is missing."""


class Replay:
    """Replays runs of one source, reading standards once.

    Parameters
    ----------
    source
        Where the runs are; runs that the configuration names are looked for there too.
    beamline
        The configuration, or its file; without it what the runs carry, else the one that is found
        as usual.
    kinds
        The analyses.
    """

    def __init__(
        self,
        source: Source,
        beamline: Beamline | str | Path | None = None,
        kinds: Sequence[type[RunAnalysis]] = KINDS,
    ) -> None:
        self._source = source
        self._beamline = Beamline.load(beamline) if isinstance(beamline, str | Path) else beamline
        self._kinds = kinds
        self._library = Library()
        self._resolved: dict[str, Beamline] = {}

    def documents(self, run: Run) -> list[Document]:
        """Replay one run.

        Returns
        -------
        list
            Documents of its results; none where no analysis fits it.

        Raises
        ------
        ConfigurationError
            If there is no configuration, or a wrong one.
        """
        found: list[Document] = []
        self._through(run, found)
        return found

    def why_nothing(self, run: Run) -> str:
        """Say what is missing in a run that no analysis fits: data keys, and the nearest there
        are.
        """
        pipeline = self._through(run, [])
        missing: dict[str, list[str]] = {}
        for _, keys, reader in pipeline.lacking():
            missing |= {key: reader.nearest(key) for key in keys}
        named = [
            f"'{key}'" + (f" (nearest: {', '.join(nearest)})" if nearest else "")
            for key, nearest in missing.items()
        ]
        which = run.start.get("scan_id", run.uid[:8])
        wanted = ", ".join(named) or "what any section of the configuration names"
        return (
            f"no analysis fits any run of {self._source.name}: run {which} does not hold {wanted}; "
            "name its data keys in beamline.toml (cgnmc check SOURCE drafts one)"
        )

    def _through(self, run: Run, found: list[Document]) -> Pipeline:
        pipeline = Pipeline(
            self._kinds,
            lambda name, doc: found.append((name, dict(doc))),
            beamline=self._beamline,
            folders=run.folders,
            note=run.note,
            library=self._library,
            resolve=self._with_runs,
            own=run.own,
        )
        for name, doc in run.documents():
            pipeline(name, doc)
        pipeline.close()
        if pipeline.configuration_fault is not None:
            raise pipeline.configuration_fault
        return pipeline

    def _with_runs(self, beamline: Beamline) -> Beamline:
        """Put what runs hold in the place of their uids, looking at each once."""
        key = beamline.model_dump_json()
        if key not in self._resolved:
            self._resolved[key] = with_runs(beamline, self._source.find)
        return self._resolved[key]


def opened_for(source: object, beamline: Beamline | None) -> Source:
    """Open whatever holds runs, as a configuration says that its files are to be read.

    Parameters
    ----------
    source
        As for `replay`.
    beamline
        The configuration; without it the one that is found as usual, if there is one.
    """
    beamline = beamline or _found()
    if beamline is None:
        return open_source(source)
    columns = beamline.xanes.columns if beamline.xanes else None
    return open_source(
        source,
        readable=beamline.data.readable,
        columns=columns,
        known=beamline.data_keys("xanes"),
        traced=beamline.data_keys("heating"),
        cycled=beamline.data_keys("cycling") if beamline.cycling or beamline.cell else None,
        cell_columns=beamline.cycling.columns if beamline.cycling else None,
    )


def _found() -> Beamline | None:
    try:
        return Beamline.load()
    except ConfigurationError:
        # Runs may carry their own; where they do not, the analysis says what is wrong here.
        return None


def replay(
    source: object,
    beamline: Beamline | str | Path | None = None,
    *,
    runs: Sequence[int | str] = (),
) -> Iterator[Result]:
    """Analyse stored runs as if they were running.

    Parameters
    ----------
    source
        Whatever holds runs: an address, a file or folder, a catalog, a run, an iterable of
        documents.
    beamline
        The configuration, or its file. Without it, what the runs carry, else the file that
        `$CGNMC_BEAMLINE` or the working directory has.
    runs
        Which runs: -1 for the last, scan ids, uids; all without any.

    Yields
    ------
    Result
        One for each run and analysis (and mode).

    Raises
    ------
    SourceError
        If the source or a run cannot be used; `NothingFits` if no analysis fits any run.
    ConfigurationError
        If the configuration is missing or wrong.

    Examples
    --------
    >>> for result in replay(catalog[-1], Beamline.load("beamline.toml")):  # doctest: +SKIP
    ...     print(result.analysis, result.values)
    """
    settings = Beamline.load(beamline) if isinstance(beamline, str | Path) else beamline
    opened = source if isinstance(source, Source) else opened_for(source, settings)
    with opened:
        chosen = [opened.find(which) for which in runs]
        replayed = Replay(opened, settings)
        raw = chosen or [run for run in opened.runs() if not run.is_result]
        fitted = False
        for run in raw:
            collector = ResultCollector()
            for name, doc in replayed.documents(run):
                collector(name, doc)
            fitted = fitted or bool(collector.results)
            yield from collector.results
        if raw and not fitted:
            raise NothingFits(replayed.why_nothing(raw[0]))
