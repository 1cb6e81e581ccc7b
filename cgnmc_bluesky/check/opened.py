"""Whatever names a source, opened for a while."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.catalogs import Source
from cgnmc_bluesky.replay import opened_for


def opened(source: Any, beamline: Beamline | None = None) -> AbstractContextManager[Source]:
    """Open a source as a configuration tells; one that is open already stays so afterwards."""
    if isinstance(source, Source):
        return nullcontext(source)
    return opened_for(source, beamline)
