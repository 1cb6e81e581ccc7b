"""`cgnmc check`: findings as a table, or a draft where there is nothing to check."""

import sys
from pathlib import Path

from rich.table import Table
from rich.text import Text

from cgnmc_bluesky.beamline import ConfigurationError, ConfigurationMissing
from cgnmc_bluesky.check import Findings, Severity, check, draft
from cgnmc_bluesky.cli.boundary import output

_COLOURS = {Severity.OK: "green", Severity.WARNING: "yellow", Severity.ERROR: "bold red"}


def check_source(source: str | None, config: Path | None) -> int:
    """Check a configuration, or draft one.

    Parameters
    ----------
    source
        Runs to check it against, or to draft it from.
    config
        The configuration; without it the one that is found as usual.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    ConfigurationError
        If the configuration has an error, or there is neither it nor a source.
    """
    try:
        findings = check(config, source)
    except ConfigurationMissing:
        if source is None or config is not None:
            raise
        sys.stdout.write(draft(source))
        return 0
    output().print(_table(findings))
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        count = f" (and {len(errors) - 1} more above)" if len(errors) > 1 else ""
        first = errors[0]
        remedy = f"; {first.remedy}" if first.remedy else ""
        raise ConfigurationError(f"{first.where}: {first.message}{remedy}{count}")
    return 0


def _table(findings: Findings) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "where", "found", "remedy"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(
            Text(str(finding.severity), style=_COLOURS[finding.severity]),
            *(Text(part) for part in (finding.where, finding.message, finding.remedy)),
        )
    return table
