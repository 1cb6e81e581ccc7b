"""One run's raw documents in, blocks of role arrays out."""

from cgnmc_bluesky.beamline import Role
from cgnmc_bluesky.documents.faults import ReadingError
from cgnmc_bluesky.documents.reader import RunReader

__all__ = ["ReadingError", "Role", "RunReader"]
