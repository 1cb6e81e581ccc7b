"""Results as documents: a run of their own beside the raw run, and back again."""

from cgnmc_bluesky.results.documents import PREVIEW, Sink
from cgnmc_bluesky.results.reading import Result, ResultCollector
from cgnmc_bluesky.results.writing import Curves, ResultWriter, Subject, sample_of

__all__ = [
    "PREVIEW",
    "Curves",
    "Result",
    "ResultCollector",
    "ResultWriter",
    "Sink",
    "Subject",
    "sample_of",
]
