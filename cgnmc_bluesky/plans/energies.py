"""The run that scans and image stacks over an absorption edge have in common."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
from bluesky import Msg
from bluesky.protocols import Movable, NamedMovable, Readable
from bluesky.utils import MsgGenerator, separate_devices

from cgnmc_bluesky.beamline import Edge, edge_energy_ev
from cgnmc_bluesky.plans.checks import (
    check_detectors,
    check_limits,
    check_mover,
    ev_per_unit,
    position_of,
    put_back,
)
from cgnmc_bluesky.plans.points import measure_point

RUN_UP_EV = 5.0
"""How far below the first point the axis begins, so that its backlash is taken up."""

Setting = tuple[Movable[Any], Any]
"""A part that is set for the run, and what to."""


def check_devices(
    detectors: Sequence[Readable[Any]], energy: NamedMovable[float]
) -> list[Readable[Any]]:
    """Detectors as a list, once they and the energy axis are known to be usable.

    Parameters
    ----------
    detectors
        Detectors that the user gave.
    energy
        Energy axis that the user gave.

    Raises
    ------
    ValueError
        If they cannot be used together.
    """
    detectors = check_detectors(detectors)
    check_mover(energy, "energy")
    if energy.name in [detector.name for detector in detectors]:
        raise ValueError(f"{energy!r} is among the detectors too: name it as the energy alone")
    return detectors


def measure_energies(
    detectors: Sequence[Readable[Any]],
    energy: NamedMovable[float],
    energies_ev: Sequence[float],
    *,
    edge: Edge,
    sweeps: int = 1,
    settings: Iterable[Setting] = (),
    md: Mapping[str, Any],
) -> MsgGenerator[str]:
    """Read detectors at each energy, upwards, and put back what was moved on every way out.

    Parameters
    ----------
    detectors
        Detectors, as `check_devices` gives them.
    energy
        Energy axis.
    energies_ev
        Ascending energies, in eV.
    edge
        The absorption edge that they lie around.
    sweeps
        How often they are gone through, in this one run.
    settings
        Parts that are set before the first point.
    md
        What the plan and its user say of the run.

    Returns
    -------
    str
        The run's uid.

    Raises
    ------
    ValueError
        If the axis cannot reach an energy, or a part its setting; nothing has moved then.
    """
    unit_ev = ev_per_unit(energy)
    run_up, *positions = [
        energy_ev / unit_ev for energy_ev in (energies_ev[0] - RUN_UP_EV, *energies_ev)
    ]
    yield from check_limits(energy, (run_up, positions[-1]))
    wanted, before = [], [energy, (yield from position_of(energy))]
    for part, value in settings:
        yield from check_limits(part, [value])
        wanted += [part, value]
        before += [part, (yield from position_of(part))]
    devices = separate_devices([energy, *detectors])
    metadata = {
        "edge": str(edge),
        "detectors": [detector.name for detector in detectors],
        "motors": [energy.name],
        "num_points": sweeps * len(positions),
        "num_intervals": sweeps * len(positions) - 1,
        "shape": [sweeps * len(positions)],
        "hints": {"dimensions": [(energy.hints["fields"], "primary")]},
        **md,
        "XDI": _xdi(edge, md),
    }

    @bpp.stage_decorator(devices)
    @bpp.run_decorator(md=metadata)
    def points() -> MsgGenerator[None]:
        for _ in range(sweeps):
            # A pause on the way to the first point repeats no point of the sweep before.
            yield Msg("checkpoint")
            yield from bps.mv(energy, run_up, *wanted)
            for position in positions:
                yield from measure_point(energy, position, devices)

    uid: str = yield from bpp.finalize_wrapper(points(), put_back(*before))
    return uid


def _xdi(edge: Edge, md: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata by the names of the XDI dictionary; the user's own go before the plan's."""
    edge_ev, table = edge_energy_ev(edge)
    own: dict[str, dict[str, Any]] = {
        "Element": {"symbol": edge.element, "edge": edge.name},
        "Scan": {"edge_energy": edge_ev, "edge_energy_units": "eV", "edge_energy_table": table},
    }
    if "sample" in md:
        sample = md["sample"]
        own["Sample"] = dict(sample) if isinstance(sample, Mapping) else {"name": sample}
    given = md.get("XDI", {})
    return {family: {**own.get(family, {}), **given.get(family, {})} for family in {**own, **given}}
