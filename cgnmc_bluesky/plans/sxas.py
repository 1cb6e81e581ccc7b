"""Scans over a soft X-ray edge, all yields at once."""

from collections.abc import Sequence
from typing import Any

from bluesky.protocols import NamedMovable, Readable
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.beamline import Edge, edge_energy_ev
from cgnmc_bluesky.plans.checks import check_number
from cgnmc_bluesky.plans.emission import window_settings
from cgnmc_bluesky.plans.energies import check_devices, measure_energies
from cgnmc_bluesky.plans.regions import (
    RegionSpec,
    energy_grid_ev,
    is_soft,
    read_regions,
    usual_regions,
)


def sxas_scan(
    detectors: Sequence[Readable[Any]],
    energy: NamedMovable[float],
    *,
    edge: str = "Ni L3",
    regions: Sequence[RegionSpec] | None = None,
    sweeps: int = 1,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Scan the energy over L3 and L2 of an element, upwards, one event a point.

    Before anything moves all is checked: devices, edge, regions, sweeps and the axis' limits. A
    detector that has a movable `window_ev` (or `window_low_ev` and `window_high_ev`), such as a
    silicon drift detector, is set to count the element's emission. Energy and windows return to
    where they were on every way out (end, error, stop, abort) but `RE.halt()`. A scan that was
    paused, by hand or by a suspender, measures its point again.

    Parameters
    ----------
    detectors
        Detectors to read at each point: the gold mesh before the sample, the sample current, the
        silicon drift detector, the current of a reference sample.
    energy
        Energy axis, in eV or (where its `egu` says so) in keV.
    edge
        Soft X-ray edge, such as "Ni L3" (L2 follows in the same scan) or "O K".
    regions
        Regions of even steps, ascending: each `[start, stop, step]` in eV from the edge. Left out,
        some that suit the edge.
    sweeps
        How often the energies are gone through, all in one run: with two or more, a drift with the
        dose shows whether the beam damages the sample.
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
    """
    detectors = check_devices(detectors, energy)
    soft_edge = parse_soft_edge(edge)
    check_number(sweeps, "sweeps", above=0, whole=True)
    edge_ev, _ = edge_energy_ev(soft_edge)
    chosen = usual_regions(soft_edge) if regions is None else read_regions(regions)
    metadata = {
        "plan_name": "sxas_scan",
        "plan_args": {
            "detectors": [repr(detector) for detector in detectors],
            "energy": repr(energy),
            "edge": edge,
            "regions": [list(region) for region in chosen],
            "sweeps": sweeps,
        },
        "sweeps": sweeps,
        **(md or {}),
    }
    return (
        yield from measure_energies(
            detectors,
            energy,
            energy_grid_ev(edge_ev, chosen),
            edge=soft_edge,
            sweeps=sweeps,
            settings=window_settings(detectors, soft_edge),
            md=metadata,
        )
    )


def parse_soft_edge(edge: str) -> Edge:
    """Find the soft X-ray edge that a user names.

    Parameters
    ----------
    edge
        What the user gave.

    Raises
    ------
    ValueError
        If there is none of the name, it is a hard X-ray edge, or the second of two.

    Examples
    --------
    >>> parse_soft_edge("Ni L2,3")
    Edge(element='Ni', name='L3')
    """
    soft_edge = Edge.parse(edge)
    if not is_soft(soft_edge):
        edge_ev, _ = edge_energy_ev(soft_edge)
        raise ValueError(
            f"edge is {edge!r}, at {edge_ev:g} eV: give a soft X-ray one, such as "
            f"'{soft_edge.element} L3', or use xanes_scan"
        )
    if soft_edge.name == "L2":
        raise ValueError(
            f"edge is {edge!r}: give '{soft_edge.element} L3', L2 follows in the same scan"
        )
    return soft_edge
