"""What result documents are made of, for those who write and those who read them."""

from collections.abc import Callable, Mapping
from typing import Any

Sink = Callable[[str, Mapping[str, Any]], None]
"""Takes a document's name and the document."""

PREVIEW = "_preview"
"""Ending of streams that are for the eye while a run goes on, and are not stored."""

_IN_KEYS = str.maketrans({".": "\u2024", "/": "\u2215"})
_IN_NAMES = str.maketrans({"\u2024": ".", "\u2215": "/"})


def key_of(name: str) -> str:
    """Return the data key of a value.

    A data key holds no full stop and no slash; a reference's name (Li0.5NiO2) may.

    Examples
    --------
    >>> name_of(key_of("fraction_Li0.5NiO2"))
    'fraction_Li0.5NiO2'
    """
    return name.translate(_IN_KEYS)


def name_of(key: str) -> str:
    """Return the name of the value that a data key holds."""
    return key.translate(_IN_NAMES)
