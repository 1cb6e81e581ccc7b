"""Sources as the command line opens them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cgnmc_bluesky.beamline import Beamline, ConfigurationMissing
from cgnmc_bluesky.catalogs import Source
from cgnmc_bluesky.check import draft
from cgnmc_bluesky.replay import opened_for


def open_named(named: str, beamline: Beamline | None) -> Source:
    """Open a source, with the columns and readable folders that the configuration names.

    Parameters
    ----------
    named
        The source, as a user may name it.
    beamline
        The configuration; without it the one that is found as usual, if there is one.
    """
    return opened_for(named, beamline)


@contextmanager
def drafting(source: Source) -> Iterator[None]:
    """Where a configuration is missing, show what it might be before the error says so."""
    try:
        yield
    except ConfigurationMissing:
        sys.stdout.write(draft(source))
        raise
