"""Names of columns: XDI's, and those that other programs use."""

import re
from collections.abc import Iterable, Mapping

COMMON_NAMES: Mapping[str, tuple[str, ...]] = {
    "energy": ("energy", "energyev", "energykev", "ev", "e", "en", "shiftedenergy", "monoenergy"),
    "i0": ("i0", "io"),
    "itrans": ("itrans", "it", "i1"),
    "irefer": ("irefer", "iref", "ir", "i2"),
    "ifluor": ("ifluor", "if", "iff", "fluor"),
    "mutrans": ("mutrans", "mut", "xmu", "mu", "mue", "munorm", "norm", "normalized", "normalised"),
    "mufluor": ("mufluor", "muf"),
    "tey": ("tey", "itey", "electronyield", "samplecurrent"),
    "pfy": ("pfy", "ipfy"),
    "murefer": ("murefer", "muref", "mur", "reference", "ref"),
}
"""For each XDI name the names other programs give the column, the most trusted first."""

ROLES: Mapping[str, str] = {
    "energy_ev": "energy",
    "mu": "mutrans",
    **{name: name for name in COMMON_NAMES},
}
"""What a column may be called in `columns = {...}`, with its XDI name."""


def standard_names(names: Iterable[str]) -> dict[str, str]:
    """Find the columns whose meaning is plain from their names.

    Parameters
    ----------
    names
        Names of columns as a file's header has them.

    Returns
    -------
    dict
        XDI name by column; each XDI name stands once, for the most trusted column. Where no name
        is an energy's, the only one that speaks of an energy is taken (`dcm_energy`).

    Examples
    --------
    >>> standard_names(["shifted energy", "normalized", "reference", "I0"])
    {'shifted energy': 'energy', 'I0': 'i0', 'normalized': 'mutrans', 'reference': 'murefer'}
    """
    plain = {_plain(name): name for name in reversed(list(names))}
    found = {}
    for standard, aliases in COMMON_NAMES.items():
        known = next((plain[alias] for alias in aliases if alias in plain), None)
        if known is not None:
            found[known] = standard
    energies = [name for plain_name, name in plain.items() if "energy" in plain_name]
    if "energy" not in found.values() and len(energies) == 1:
        found = {energies[0]: "energy", **found}
    return found


def _plain(name: str) -> str:
    without_unit = re.sub(r"[(\[].*?[)\]]", "", name)
    return re.sub(r"[^a-z0-9]", "", without_unit.lower())
