"""Stacks of images over a soft X-ray edge, as a photoemission electron microscope takes them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from bluesky.protocols import NamedMovable, Readable
from bluesky.utils import MsgGenerator

from cgnmc_bluesky.beamline import Edge, edge_energy_ev
from cgnmc_bluesky.plans.checks import check_number
from cgnmc_bluesky.plans.energies import check_devices, measure_energies
from cgnmc_bluesky.plans.regions import FINEST_STEP_EV, energy_grid_ev, usual_regions
from cgnmc_bluesky.plans.sxas import parse_soft_edge

COARSER = 2.5
"""By how much the steps of a stack are larger than those of a scan: about 115 images at Ni L3."""
NEAR_EV = 50.0
"""An energy of the stack is at least so near to its edge."""


def xpeem_stack(
    detectors: Sequence[Readable[Any]],
    energy: NamedMovable[float],
    *,
    edge: str = "Ni L3",
    energies_ev: Sequence[float] | None = None,
    md: dict[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Take an image at each energy over a soft X-ray edge, upwards, one event an image.

    Before anything moves all is checked: devices, edge, energies and the axis' limits. The energy
    returns to where it was on every way out (end, error, stop, abort) but `RE.halt()`. A stack that
    was paused, by hand or by a suspender, takes its image again.

    Parameters
    ----------
    detectors
        Detectors to read at each energy: the camera, and the gold mesh before the sample.
    energy
        Energy axis, in eV or (where its `egu` says so) in keV.
    edge
        Soft X-ray edge, such as "Ni L3".
    energies_ev
        Ascending energies around the edge, in eV. Left out, those of `sxas_scan` with coarser
        steps.
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
    chosen_ev = _chosen_ev(soft_edge, energies_ev)
    metadata = {
        "plan_name": "xpeem_stack",
        "plan_args": {
            "detectors": [repr(detector) for detector in detectors],
            "energy": repr(energy),
            "edge": edge,
            "energies_ev": chosen_ev,
        },
        **(md or {}),
    }
    return (yield from measure_energies(detectors, energy, chosen_ev, edge=soft_edge, md=metadata))


def _chosen_ev(edge: Edge, energies_ev: Any) -> list[float]:
    edge_ev, _ = edge_energy_ev(edge)
    if energies_ev is None:
        return energy_grid_ev(edge_ev, usual_regions(edge, COARSER))
    given = energies_ev.tolist() if isinstance(energies_ev, np.ndarray) else energies_ev
    if not isinstance(given, list | tuple) or len(given) < 2:
        raise ValueError(f"energies_ev are {energies_ev!r}: give a list of at least two, in eV")
    for number, energy_ev in enumerate(given, 1):
        check_number(energy_ev, f"energy {number} of energies_ev", above=0.0, unit="eV")
    for number, (before_ev, energy_ev) in enumerate(pairwise(given), 2):
        if energy_ev - before_ev < FINEST_STEP_EV:
            raise ValueError(
                f"energy {number} of energies_ev is {energy_ev:g} eV, after {before_ev:g} eV: let "
                "them ascend"
            )
    if min(abs(energy_ev - edge_ev) for energy_ev in given) > NEAR_EV:
        raise ValueError(
            f"energies_ev run from {given[0]:g} to {given[-1]:g} eV: let them lie around {edge} at "
            f"{edge_ev:g} eV"
        )
    return [float(energy_ev) for energy_ev in given]
