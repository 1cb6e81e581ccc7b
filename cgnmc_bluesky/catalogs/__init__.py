"""Anything a user may name, as runs with their documents."""

from cgnmc_bluesky.catalogs.done import done_samples
from cgnmc_bluesky.catalogs.embedded import EmbeddedCatalog
from cgnmc_bluesky.catalogs.opening import open_source
from cgnmc_bluesky.catalogs.source import Run, Source, SourceError
from cgnmc_bluesky.catalogs.writer import CatalogWriter

__all__ = [
    "CatalogWriter",
    "EmbeddedCatalog",
    "Run",
    "Source",
    "SourceError",
    "done_samples",
    "open_source",
]
