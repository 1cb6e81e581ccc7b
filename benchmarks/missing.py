"""What keeps a benchmark from being run."""


class NoMeasuredData(FileNotFoundError):
    """The folder of real measurements is not there."""


class NoPeer(ImportError):
    """A program to compare with is not installed."""
