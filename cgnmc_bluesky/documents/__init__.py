"""Raw documents of one run in, blocks of role arrays out: events, pages, datums and stream datums alike."""

from cgnmc_bluesky.documents.faults import ReadingError
from cgnmc_bluesky.documents.reader import Role, RunReader

__all__ = ["ReadingError", "Role", "RunReader"]
