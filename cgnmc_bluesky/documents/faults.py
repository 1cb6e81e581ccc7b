"""What cannot be read: faults of the configuration are raised, faults of the data are noted."""

from collections import defaultdict

from cgnmc_bluesky.analysis.rows import named_rows

READ_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError)
"""What h5py and handlers raise over a file that is unfinished, truncated or not as announced."""


class ReadingError(ValueError):
    """A run that does not fit its configuration: a unit of another dimension."""


class Notes:
    """What was left out of the rows, by data key.

    Examples
    --------
    >>> notes = Notes()
    >>> notes.row("i0", "no number", 3)
    >>> notes.row("i0", "no number", 7)
    >>> notes.sentences()
    ['i0: no number (rows 3, 7)']
    >>> notes.row("it", "no number", 3), notes.row("it", "no number", 7)
    (None, None)
    >>> notes.sentences()
    ['i0, it: no number (rows 3, 7)']
    """

    def __init__(self) -> None:
        self._rows: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self._sentences: set[str] = set()

    def row(self, key: str, fault: str, seq_num: int) -> None:
        """Note a fault of one key in one row."""
        self._rows[key, fault].add(seq_num)

    def key(self, key: str, fault: str) -> None:
        """Note a fault of one key as a whole."""
        self._sentences.add(f"{key}: {fault}")

    def sentences(self) -> list[str]:
        """All notes in words, whatever the order in which they came."""
        keys: defaultdict[tuple[str, frozenset[int]], list[str]] = defaultdict(list)
        for (key, fault), rows in self._rows.items():
            keys[fault, frozenset(rows)].append(key)
        of_rows = (
            f"{', '.join(sorted(of))}: {fault} ({named_rows(rows)})"
            for (fault, rows), of in keys.items()
        )
        return sorted({*self._sentences, *of_rows})
