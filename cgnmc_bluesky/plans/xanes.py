"""Scans over an absorption edge."""

import json
from collections.abc import Sequence
from typing import Any

from bluesky.protocols import NamedMovable, Readable
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.beamline import Edge, edge_energy_ev
from cgnmc_bluesky.plans.energies import check_devices, measure_energies
from cgnmc_bluesky.plans.messages import tell
from cgnmc_bluesky.plans.regions import (
    RegionSpec,
    energy_grid_ev,
    is_soft,
    read_regions,
    usual_regions,
)
from cgnmc_bluesky.plans.sxas import sxas_scan


def xanes_scan(
    detectors: Sequence[Readable[Any]],
    energy: NamedMovable[float],
    *,
    edge: str = "Ni K",
    regions: Sequence[RegionSpec] | None = None,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Scan the energy over an absorption edge, upwards, one event a point.

    Before anything moves all is checked: devices, edge, regions and the axis' limits. The energy
    returns to where it was on every way out (end, error, stop, abort) but `RE.halt()`, which leaves
    everything as it stands. A scan that was paused, by hand or by a suspender, measures its point
    again.

    Parameters
    ----------
    detectors
        Detectors to read at each point, such as the ion chambers.
    energy
        Energy axis, in eV or (where its `egu` says so) in keV.
    edge
        Absorption edge, such as "Ni K" or "Ni L3".
    regions
        Regions of even steps, ascending: each `[start, stop, step]` in eV from the edge, or
        `[start, stop, step, "k"]` in 1/angstrom of the photoelectron's wave number. Left out, some
        that suit the edge.
    md
        Further metadata of the run. `sample` names the sample; what stands under `XDI` joins the
        plan's own.

    Returns
    -------
    str
        The run's uid.

    Raises
    ------
    ValueError
        If an argument cannot be used; nothing has moved then.

    Notes
    -----
    The energy of the edge comes from a table that the metadata name, since tables differ by more
    than an eV. In k, `E - E0 = 3.81 eV angstrom^2 k^2`.
    """
    detectors = check_devices(detectors, energy)
    absorption_edge = Edge.parse(edge)
    edge_ev, _ = edge_energy_ev(absorption_edge)
    chosen = usual_regions(absorption_edge) if regions is None else read_regions(regions)
    metadata = {
        "plan_name": "xanes_scan",
        "plan_args": {
            "detectors": [repr(detector) for detector in detectors],
            "energy": repr(energy),
            "edge": edge,
            "regions": [list(region) for region in chosen],
        },
        **(md or {}),
    }
    energies_ev = energy_grid_ev(edge_ev, chosen)
    return (
        yield from measure_energies(
            detectors, energy, energies_ev, edge=absorption_edge, md=metadata
        )
    )


def measure_standard(
    detectors: Sequence[Readable[Any]],
    energy: NamedMovable[float],
    *,
    name: str,
    valence: float,
    edge: str = "Ni K",
    regions: Sequence[RegionSpec] | None = None,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Scan a compound of known valence, and show the block of beamline.toml that names it.

    Parameters
    ----------
    detectors
        Detectors to read at each point, such as the ion chambers.
    energy
        Energy axis, as for `xanes_scan`.
    name
        Name of the compound, such as "NiO".
    valence
        Valence of the edge's element in it.
    edge
        Absorption edge, such as "Ni K" or "Ni L3".
    regions
        Regions of even steps, as for `xanes_scan`.
    md
        Further metadata of the run.

    Returns
    -------
    str
        The run's uid.

    Raises
    ------
    ValueError
        If an argument cannot be used; nothing has moved then.
    """
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"name is {name!r}: name the compound, such as 'NiO'")
    if isinstance(valence, bool) or not isinstance(valence, int | float) or not -4 <= valence <= 8:
        raise ValueError(f"valence is {valence!r}: give a number such as 2")
    metadata = {"plan_name": "measure_standard", "sample": name, "valence": valence, **(md or {})}
    scan = sxas_scan if is_soft(Edge.parse(edge)) else xanes_scan
    uid: str = yield from scan(detectors, energy, edge=edge, regions=regions, md=metadata)
    yield from tell(reference_block(name, str(Edge.parse(edge)), valence, uid))
    return uid


def reference_block(name: str, edge: str, valence: float, run_uid: str) -> str:
    """TOML of a reference spectrum that is a run in the catalog.

    At a soft X-ray edge it is the electron yield, which is the best standard for every yield.

    Parameters
    ----------
    name
        Name of the compound.
    edge
        Absorption edge, such as "Ni K".
    valence
        Valence of the edge's element in it.
    run_uid
        The run's uid.

    Examples
    --------
    >>> print(reference_block("NiO", "Ni K", 2, "4c9e"))
    [[reference]]
    name = "NiO"
    edge = "Ni K"
    valence = 2
    run = "4c9e"
    """
    entries: dict[str, str | float] = {
        "name": name,
        "edge": edge,
        "valence": valence,
        "run": run_uid,
    }
    if is_soft(Edge.parse(edge)):
        entries["mode"] = "tey"
    lines = [f"{key} = {_toml(value)}" for key, value in entries.items()]
    return "\n".join(["[[reference]]", *lines])


def _toml(value: str | float) -> str:
    # JSON's strings and numbers are TOML's too, but for one character that TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
