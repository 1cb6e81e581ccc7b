"""Which data key may play which role, by the names and units that beamlines use."""

from collections.abc import Iterator, Mapping, Sequence

from cgnmc_bluesky.check.rules import RULES, SOFT, Rule
from cgnmc_bluesky.check.survey import DataKey

ENOUGH: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "xpeem": (("image", "energy_ev"),),
    "soft_xanes": (("energy_ev", "i0", "tey"), ("energy_ev", "i0", "pfy")),
    "xanes": (
        ("energy_ev", "i0", "itrans"),
        ("energy_ev", "mutrans"),
        ("energy_ev", "i0", "ifluor"),
    ),
    "xrf": (("spectra",),),
    "heating": (("temperature_c", "ion"), ("temperature_c", "pattern", "two_theta_deg")),
    "cycling": tuple(
        ("voltage_v", counted)
        for counted in (
            "current_a",
            "mean_current_a",
            "capacity_ah",
            "capacity_mah",
            "capacity_mah_per_g",
            "x_li",
        )
    ),
}
"""For each section the sets of roles that are enough for an analysis."""
OF_A_PATTERN = ("pattern", "two_theta_deg", "exposure_s")
"""Roles that are nothing without a pattern over its axis."""
SEVERAL = {"xrf": ("spectra", "dead_time_factor"), "heating": ("ion",)}
"""Roles that more than one key may play, by section."""


def guess(keys: Sequence[DataKey]) -> dict[str, dict[str, list[str]]]:
    """Give data keys their likely roles.

    Parameters
    ----------
    keys
        The data keys of a source's runs.

    Returns
    -------
    dict
        For each section that has enough of them, data keys by role; each key in one role.

    Examples
    --------
    >>> guess([DataKey("mono_energy", "eV"), DataKey("i0"), DataKey("it")])
    {'xanes': {'energy_ev': ['mono_energy'], 'i0': ['i0'], 'itrans': ['it']}}
    """
    return dict(_sections(keys))


def _sections(keys: Sequence[DataKey]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    for section, rules in RULES.items():
        roles = _telling(section, _assigned(rules, keys, SEVERAL.get(section, ())))
        if any(set(way) <= roles.keys() for way in ENOUGH[section]):
            yield section, roles
            if section == "soft_xanes":
                # The same keys would make a hard X-ray scan or a map of it as well.
                taken = tuple(name.split("_")[0] for name in roles.get("pfy", ()))
                keys = [
                    key
                    for key in keys
                    if [key.name] not in roles.values() and not key.name.startswith(taken)
                ]


def _telling(section: str, roles: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out roles that say nothing without what is not there."""
    if section in {"soft_xanes", "xpeem"}:
        names = [name.lower() for named in roles.values() for name in named]
        return roles if any(SOFT.search(name) for name in names) else {}
    if section == "xrf" and len(roles.get("dead_time_factor", ())) != len(roles.get("spectra", ())):
        return {role: named for role, named in roles.items() if role != "dead_time_factor"}
    if not {"pattern", "two_theta_deg"} <= roles.keys():
        return {role: named for role, named in roles.items() if role not in OF_A_PATTERN}
    return roles


def _assigned(
    rules: Sequence[Rule], keys: Sequence[DataKey], several: Sequence[str]
) -> dict[str, list[str]]:
    roles: dict[str, list[str]] = {}
    free = list(keys)
    for rule in rules:
        if rule.role in roles:
            continue
        ranked = [(rank, key.name) for key in free if (rank := rule.rank(key)) is not None]
        if not ranked:
            continue
        best = min(rank for rank, _ in ranked)
        named = [name for rank, name in ranked if rank == best]
        chosen = named if rule.role in several else [min(named, key=len)]
        roles[rule.role] = chosen
        free = [key for key in free if key.name not in chosen]
    return roles
