"""Which data key plays which role in a run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cgnmc_bluesky.beamline import CYCLING_UNITS, Beamline, CyclingRoles, Role

_SCANNED = {
    "xanes": ("energy_ev",),
    "soft_xanes": ("energy_ev",),
    "xpeem": ("energy_ev",),
    "xrf": ("x_um", "y_um", "i0"),
    "heating": ("temperature_c",),
}
"""Of each technique a role that every event has, and that is small."""


def roles_of(beamline: Beamline, section: str, start: Mapping[str, Any]) -> dict[str, Role]:
    """What plays which role in a run: as the configuration says, and in a measured file as its
    columns are named.

    Parameters
    ----------
    beamline
        The configuration.
    section
        The technique's section; "cell" for what tells the times of any scan's events, where the
        configuration has the record of the cell that is in the beam.
    start
        The run's start document; that of a measured file names its columns.
    """
    if section == "cell":
        return _of_events(beamline, start)
    roles = beamline.roles(section)
    own = start.get("roles")
    if section == "cycling" and isinstance(own, Mapping):
        recorded = {role: Role(key, CYCLING_UNITS[role]) for role, key in own.items()}
        return (beamline.cycling or CyclingRoles()).recorded(recorded)
    columns = start.get("columns")
    if section == "xanes" and isinstance(columns, Mapping):
        return _of_columns(roles, columns)
    return roles


def _of_columns(roles: Mapping[str, Role], columns: Mapping[str, str]) -> dict[str, Role]:
    by_name = {name: column for column, name in columns.items() if name}
    own = {"energy_ev": Role(by_name["energy"], "eV")} if "energy" in by_name else {}
    own |= {name: Role(column, "") for name, column in by_name.items() if name != "energy"}
    # the reader of files has brought the energy to eV already
    named = {
        role: replace(found, recorded_unit=None)
        for role, found in roles.items()
        if found.key in columns
    }
    return own | named


def _of_events(beamline: Beamline, start: Mapping[str, Any]) -> dict[str, Role]:
    if beamline.cell is None or beamline.cell.record is None or "roles" in start:
        return {}
    found: dict[str, Role] = {}
    for section, names in _SCANNED.items():
        roles = roles_of(beamline, section, start)
        known = next((roles[name] for name in names if name in roles), None)
        if known is not None:
            found[section] = Role(known.key, "")
    return found
