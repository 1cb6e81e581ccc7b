"""Results as documents: a run of their own beside the raw run, and back again."""

from cgnmc_bluesky.results.documents import PREVIEW, Sink
from cgnmc_bluesky.results.reading import Result, ResultCollector
from cgnmc_bluesky.results.writing import ResultWriter, Subject, sample_of

__all__ = ["PREVIEW", "Result", "ResultCollector", "ResultWriter", "Sink", "Subject", "sample_of"]
