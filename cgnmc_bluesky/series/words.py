"""Numbers of a series in words."""

from collections.abc import Sequence

_SIGNS = {"um": "µm", "degC": "°C"}


def number(value: float, sigma: float | None, unit: str) -> str:
    """Write a value with its sigma.

    Parameters
    ----------
    value, sigma
        The value, and one standard deviation or `None`.
    unit
        Of both.

    Examples
    --------
    >>> number(0.2013, 0.0141, ""), number(1.02, None, "um")
    ('0.201 ± 0.014', '1 µm')
    """
    unit = _SIGNS.get(unit, unit)
    written = f"{value:.2g}" if sigma is None else f"{value:.3g} ± {sigma:.2g}"
    return f"{written} {unit}".rstrip()


def range_of(places: Sequence[float], against: str) -> str:
    """Write where samples stand.

    Parameters
    ----------
    places
        One place, or the first and the last.
    against
        "cycles" or "cutoff_v".

    Examples
    --------
    >>> range_of([0.0, 100.0], "cycles"), range_of([4.4], "cutoff_v")
    ('0 to 100 cycles', '4.4 V')
    """
    unit = "V" if against == "cutoff_v" else "cycle" if places == [1.0] else "cycles"
    return f"{' to '.join(f'{place:g}' for place in places)} {unit}"
