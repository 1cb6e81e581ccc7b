"""How the simulated beamlines write down a standard that they measured."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime


def as_xdi(
    columns: Mapping[str, str], facts: Mapping[str, str], start_s: float, lines: Iterable[str]
) -> str:
    """Write a measured standard as XDI.

    Parameters
    ----------
    columns
        Unit of each column by its name; empty where it has none.
    facts
        What else the header says, by its names in the XDI dictionary.
    start_s
        When the scan began, in seconds since the epoch.
    lines
        The rows.

    Returns
    -------
    str
        The file's text.
    """
    numbered = enumerate(columns.items(), start=1)
    start = datetime.fromtimestamp(start_s, UTC)
    header = [
        "XDI/1.0 cgnmc_bluesky",
        *(f"Column.{at}: {f'{name} {unit}'.strip()}" for at, (name, unit) in numbered),
        "Facility.name: cgnmc_bluesky",
        *(f"{name}: {fact}" for name, fact in facts.items()),
        f"Scan.start_time: {start:%Y-%m-%dT%H:%M:%S}",
        "///",
        "simulated: no measurement of a real sample",
        "-" * 24,
        " ".join(columns),
    ]
    return "\n".join([*(f"# {line}" for line in header), *lines]) + "\n"
