"""Is beamline.toml right, and what should it say: for `cgnmc check`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cgnmc_bluesky.beamline import Beamline, ConfigurationError, ConfigurationMissing
from cgnmc_bluesky.catalogs import SourceError
from cgnmc_bluesky.check.configuration import check_configuration
from cgnmc_bluesky.check.drafting import draft
from cgnmc_bluesky.check.findings import Finding, Findings, Severity, error, ok
from cgnmc_bluesky.check.opened import opened
from cgnmc_bluesky.check.runs import check_runs
from cgnmc_bluesky.check.tables import check_table, is_sample_table

__all__ = ["Finding", "Findings", "Severity", "check", "draft"]


def check(beamline: Beamline | str | Path | None = None, source: Any = None) -> Findings:
    """Look at a configuration, and at whether it fits the runs of a source.

    Parameters
    ----------
    beamline
        The configuration, or its file; without it, the one that is found as usual, else the one
        that the source's last run carries.
    source
        Whatever `open_source` takes, or a sample table; without it, the configuration is looked at
        by itself.

    Returns
    -------
    Findings
        All that was looked at. What is wrong is among them, never raised.

    Raises
    ------
    ConfigurationMissing
        If there is no configuration to look at: `draft` gives one to begin with.
    """
    return Findings.of(_findings(beamline, source))


def _findings(beamline: Beamline | str | Path | None, source: Any) -> Iterator[Finding]:
    try:
        named = beamline if isinstance(beamline, Beamline) else Beamline.load(beamline)
    except ConfigurationMissing:
        if source is None:
            raise
        named = None
    except ConfigurationError as problem:
        for line in problem.args:
            where, _, message = str(line).partition(": ")
            message, _, remedy = message.partition("; ")
            yield error(where, message, remedy)
        return
    if named is not None:
        yield from check_configuration(named)
    if source is None:
        return
    if is_sample_table(source):
        yield from check_table(source, named)
        return
    try:
        with opened(source, named) as source_:
            if named is None:
                named = Beamline.for_run(source_.latest(1).start)
                yield ok("configuration", "the one that the last run carries")
                yield from check_configuration(named)
            yield from check_runs(named, source_)
    except SourceError as problem:
        message, _, remedy = str(problem).partition("; ")
        yield error(str(source), message, remedy)
