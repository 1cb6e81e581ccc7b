"""Which mass over charge a mass spectrometer's data key stands for."""

import re
from collections.abc import Iterable

_OTHER = r"^(?!.*(?:flow|rate|power|gain))"
_NUMBER = r"(\d{1,3})(?:[.,_]0+)?(?![\d.,])"
_GASES = {"h2": 2, "he": 4, "h2o": 18, "n2": 28, "co": 28, "o2": 32, "ar": 40, "co2": 44}
NAMES = (
    rf"^(?:(?:rga|qms|ms|mass|ion|p)\d*[\s_:-]+)?({'|'.join(_GASES)})(?:[\s_:-]+current)?$",
    rf"{_OTHER}.*(?:m\s?[/_]\s?[ze]|mz|mass|amu)[^\d.,]*{_NUMBER}",
    rf"{_OTHER}.*(?:rga|qms|ion[\s_]?current)[^\d.,]*{_NUMBER}",
    rf"^{_NUMBER}(?:[\s_]?amu)?$",
)
"""Patterns of names in small letters, the most telling first."""
WANTED = frozenset({18, 28, 32, 40, 44})
"""Water, nitrogen and carbon monoxide, oxygen, argon, carbon dioxide: what a cathode gives off, and
what leaks in."""
FEW = 12
"""More masses than these are a scan over all of them."""


def mass_of(name: str) -> str | None:
    """Return the mass over charge that a data key's name tells, `None` where it tells none.

    Examples
    --------
    >>> [mass_of(name) for name in ("rga_mz32", "mass 32.00", "32", "O2", "rga_power")]
    ['32', '32', '32', '32', None]
    """
    for pattern in NAMES:
        found = re.search(pattern, name.lower())
        if found:
            return str(_GASES.get(found[1]) or int(found[1]))
    return None


def by_mass(names: Iterable[str]) -> dict[str, str]:
    """Return keys by mass over charge, in the order of the masses; of several the shortest.

    Parameters
    ----------
    names
        Data keys; where they are those of a scan over all masses, only what is wanted is kept.
    """
    longest_first = sorted(names, key=len, reverse=True)
    keys = {int(mass): name for name in longest_first if (mass := mass_of(name)) is not None}
    masses = [mass for mass in sorted(keys) if len(keys) <= FEW or mass in WANTED]
    return {str(mass): keys[mass] for mass in masses}


def are_channels(masses: Iterable[str]) -> bool:
    """Tell whether numbers count a spectrometer's channels, each of which may be set to any mass.

    Examples
    --------
    >>> are_channels(["1", "2", "3"]), are_channels(["18", "28", "32"])
    (True, False)
    """
    numbers = sorted(map(int, masses))
    return len(numbers) > 1 and numbers == list(range(1, len(numbers) + 1))
