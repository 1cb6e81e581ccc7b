"""Whatever names a source, opened for a while."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.catalogs import Source, open_source


def opened(source: Any, beamline: Beamline | None = None) -> AbstractContextManager[Source]:
    """Open a source as a configuration tells; one that is open already stays so afterwards."""
    if isinstance(source, Source):
        return nullcontext(source)
    if beamline is None:
        return open_source(source)
    columns = beamline.xanes.columns if beamline.xanes else {}
    return open_source(source, readable=beamline.data.readable, columns=columns or None)
