"""What sets the samples of a series apart: material, cycles and cut-off voltage."""

import math
from collections.abc import Mapping
from typing import Any

CONDITIONS = ("material", "cycles", "cutoff_v", "series")
"""Keys of a start document that say where in a series a run belongs."""


def conditions_of(start: Mapping[str, Any]) -> dict[str, Any]:
    """Return the conditions that a start document names, at its top or in what it says of a sample.

    Parameters
    ----------
    start
        A run's start document.

    Returns
    -------
    dict
        "material" and "series" as texts, "cycles" as a whole number, "cutoff_v" in V. What is not
        there, or is none of these, is left out.

    Examples
    --------
    >>> conditions_of({"material": "gradient", "cycles": 100, "cutoff_v": 4.4, "scan_id": 3})
    {'material': 'gradient', 'cycles': 100, 'cutoff_v': 4.4}
    >>> conditions_of({"sample": {"name": "B7", "material": "gradient", "cycles": "fifty"}})
    {'material': 'gradient'}
    """
    sample = start.get("sample")
    nested = sample if isinstance(sample, Mapping) else {}
    told = {name: start.get(name, nested.get(name)) for name in CONDITIONS}
    found = {
        "material": _text(told["material"]),
        "cycles": _whole(told["cycles"]),
        "cutoff_v": _number(told["cutoff_v"]),
        "series": _text(told["series"]),
    }
    return {name: value for name, value in found.items() if value is not None}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number.is_integer() else None
