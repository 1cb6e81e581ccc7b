"""Results as documents: a run of their own beside the raw run, and back again."""

from cgnmc_bluesky.results.conditions import CONDITIONS, conditions_of
from cgnmc_bluesky.results.documents import PREVIEW, Sink
from cgnmc_bluesky.results.reading import Result, ResultCollector
from cgnmc_bluesky.results.writing import Curves, ResultWriter, Subject, sample_of

__all__ = [
    "CONDITIONS",
    "PREVIEW",
    "Curves",
    "Result",
    "ResultCollector",
    "ResultWriter",
    "Sink",
    "Subject",
    "conditions_of",
    "sample_of",
]
