"""The energies of a scan over an absorption edge, from regions in eV and in k."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from numbers import Real
from typing import NamedTuple

from cgnmc_bluesky.beamline import Edge, edge_energy_ev

EV_PER_K2 = 3.80998212
"""Kinetic energy of a photoelectron of 1/angstrom, in eV: hbar^2 / 2m (CODATA 2018)."""
FINEST_STEP_EV = 0.001
MOST_POINTS = 20_000
SOFT_BELOW_EV = 2000.0

RegionSpec = Sequence[float | str] | Mapping[str, float | str]
"""`[start, stop, step]` in eV, `[start, stop, step, "k"]`, or the same as a mapping by name."""


class Region(NamedTuple):
    """Evenly spaced points, relative to the edge.

    Parameters
    ----------
    start
        First point: eV from the edge, or the photoelectron's wave number in 1/angstrom.
    stop
        Last point, where the step divides the region; else no point lies beyond it.
    step
        Distance of the points.
    unit
        Unit of all three, "eV" or "k".
    """

    start: float
    stop: float
    step: float
    unit: str = "eV"

    def relative_ev(self, value: float) -> float:
        """Energy of a value of this region, in eV from the edge: `E - E0 = 3.81 k^2`."""
        return value if self.unit == "eV" else EV_PER_K2 * value**2

    def size(self) -> int:
        """Number of points."""
        return math.floor((self.stop - self.start) / self.step + 1e-6) + 1


HARD: tuple[Region, ...] = (
    Region(-150.0, -20.0, 5.0),
    Region(-20.0, -8.0, 0.6),
    Region(-8.0, 28.0, 0.18),
    Region(28.0, 60.0, 1.0),
    Region(4.0, 12.0, 0.05, "k"),
)
SOFT = (Region(-15.0, -5.0, 0.5), Region(-5.0, 30.0, 0.1), Region(30.0, 45.0, 0.5))


def is_soft(edge: Edge) -> bool:
    """Whether an edge is measured on a grating monochromator, by yields.

    Parameters
    ----------
    edge
        The edge.

    Raises
    ------
    ConfigurationError
        If the edge is in no table.

    Examples
    --------
    >>> is_soft(Edge("Ni", "L3")), is_soft(Edge("Ni", "K"))
    (True, False)
    """
    return edge_energy_ev(edge)[0] < SOFT_BELOW_EV


def usual_regions(edge: Edge, coarser: float = 1.0) -> tuple[Region, ...]:
    """Regions that suit an edge.

    A hard X-ray edge gets the pre-edge, fine steps over the near edge (so that at a signal to noise
    of 100 its foil is still aligned to 0.02 eV), and what follows up to k = 12, all of which
    normalisation needs: about 400 points. A soft one gets its near edge alone. Where that is L3, L2
    follows so soon that one scan goes over both: 220 to 290 points, the fine ones over L3, whose
    white line tells the valences apart.

    Parameters
    ----------
    edge
        The edge.
    coarser
        By how much all steps are to be larger.

    Raises
    ------
    ConfigurationError
        If the edge is in no table.

    Examples
    --------
    >>> usual_regions(Edge("Ni", "K"))[-1]
    Region(start=4.0, stop=12.0, step=0.05, unit='k')
    >>> usual_regions(Edge("Ni", "L3"))[1]
    Region(start=-4.0, stop=13.3, step=0.1, unit='eV')
    """
    edge_ev, _ = edge_energy_ev(edge)
    if not is_soft(edge):
        regions = HARD
    elif edge.name == "L3":
        l2_ev = edge_energy_ev(Edge(edge.element, "L2"))[0] - edge_ev
        ends_ev = [round(l2_ev + end_ev, 1) for end_ev in (-4.0, 12.0, 27.0)]
        regions = (
            Region(-20.0, -4.0, 1.0),
            Region(-4.0, ends_ev[0], 0.1),
            Region(ends_ev[0], ends_ev[1], 0.2),
            Region(ends_ev[1], ends_ev[2], 1.0),
        )
    else:
        regions = SOFT
    return tuple(region._replace(step=region.step * coarser) for region in regions)


def read_regions(specs: Sequence[RegionSpec]) -> tuple[Region, ...]:
    """Regions as a user or a queue names them.

    Parameters
    ----------
    specs
        The regions, ascending in energy.

    Raises
    ------
    ValueError
        If a region cannot be understood, is empty, or begins before the one before it ends.

    Examples
    --------
    >>> read_regions([[-20, 30, 0.5], {"start": 3, "stop": 10, "step": 0.05, "unit": "k"}])[1]
    Region(start=3.0, stop=10.0, step=0.05, unit='k')
    """
    if isinstance(specs, str | Mapping) or not isinstance(specs, Sequence) or not specs:
        raise ValueError(
            f"regions {specs!r}: give a list of [start, stop, step] in eV from the edge"
        )
    regions = tuple(_read(number, spec) for number, spec in enumerate(specs, 1))
    for number, (before, after) in enumerate(pairwise(regions), 2):
        end_ev, begin_ev = before.relative_ev(before.stop), after.relative_ev(after.start)
        if begin_ev < end_ev - FINEST_STEP_EV:
            raise ValueError(
                f"region {number} begins {begin_ev:g} eV from the edge, before region {number - 1} "
                f"ends at {end_ev:g} eV: let regions ascend without overlap"
            )
    return regions


def energy_grid_ev(edge_ev: float, regions: Sequence[Region]) -> list[float]:
    """Energies of all points, in eV, ascending; where two regions meet, the point is taken once.

    Parameters
    ----------
    edge_ev
        Energy of the edge, in eV.
    regions
        Ascending regions.

    Raises
    ------
    ValueError
        If the regions do not lie around the edge, or hold too few or too many points.

    Examples
    --------
    >>> energy_grid_ev(8333.0, [Region(-1, 0, 0.5), Region(0, 2, 1)])
    [8332.0, 8332.5, 8333.0, 8334.0, 8335.0]
    """
    total = sum(region.size() for region in regions)
    if not 2 <= total <= MOST_POINTS:
        raise ValueError(f"{total} points: choose steps that give 2 to {MOST_POINTS}")
    first_ev = regions[0].relative_ev(regions[0].start)
    if not -edge_ev < first_ev < edge_ev / 2:
        raise ValueError(
            f"the first region begins {first_ev:g} eV from the edge at {edge_ev:g} eV: regions are "
            "relative to the edge, so subtract its energy from absolute ones"
        )
    energies_ev: list[float] = []
    for region in regions:
        for index in range(region.size()):
            energy_ev = edge_ev + region.relative_ev(region.start + index * region.step)
            if not energies_ev or energy_ev - energies_ev[-1] > FINEST_STEP_EV / 2:
                energies_ev.append(round(energy_ev, 4))
    return energies_ev


def _read(number: int, spec: RegionSpec) -> Region:
    form = "give [start, stop, step] in eV from the edge, or [start, stop, step, 'k'] in 1/angstrom"
    try:
        region = Region(**spec) if isinstance(spec, Mapping) else Region(*spec)  # type: ignore[arg-type]
    except TypeError as error:
        raise ValueError(f"region {number} is {spec!r}: {form}") from error
    if isinstance(spec, str) or not all(_is_number(value) for value in region[:3]):
        raise ValueError(f"region {number} is {spec!r}: {form}, as finite numbers")
    if region.unit not in ("eV", "k"):
        raise ValueError(f"region {number} has the unit {region.unit!r}: choose 'eV' or 'k'")
    region = Region(float(region.start), float(region.stop), float(region.step), region.unit)
    _check(number, region)
    return region


def _check(number: int, region: Region) -> None:
    if region.step <= 0:
        raise ValueError(f"region {number} has the step {region.step:g}: it must be positive")
    if region.stop <= region.start:
        raise ValueError(
            f"region {number} runs from {region.start:g} to {region.stop:g} {region.unit}: "
            "let it ascend"
        )
    if region.unit == "k" and region.start < 0:
        raise ValueError(
            f"region {number} begins at k = {region.start:g}: k counts from 0 at the edge"
        )
    finest_ev = region.relative_ev(region.start + region.step) - region.relative_ev(region.start)
    if finest_ev < FINEST_STEP_EV:
        raise ValueError(
            f"region {number} has steps of {finest_ev:g} eV: the finest are {FINEST_STEP_EV} eV"
        )


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return math.isfinite(value)
