"""What differs between the surface and the bulk, told by two yields of one scan."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.estimate import Estimate, Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.soft.composition import Composition
from cgnmc_bluesky.analysis.soft.fraction import YieldAccumulator

Floats = NDArray[np.float64]

SURFACE, BULK = "tey", "pfy"


class ContrastAccumulator:
    """Fractions at the surface less those in the bulk.

    Parameters
    ----------
    surface, bulk
        Take the electron and the fluorescence yield of the scan.

    Notes
    -----
    Both yields are measured at once, over one mesh and on one axis: what errs in both alike errs in
    the difference only by how differently the two react to it. The sigma holds that covariance: of
    each row's noise, of the axis, and of each standard that both are compared with.
    """

    def __init__(self, surface: YieldAccumulator, bulk: YieldAccumulator) -> None:
        self._surface = surface
        self._bulk = bulk

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Unit of each value."""
        shared = [name for name in self._surface.sums if name in self._bulk.sums]
        return {f"{name}_difference": "" for name in shared}

    def add(self, block: Block) -> None:
        """Take in more rows of any stream."""
        self._surface.add(block)
        self._bulk.add(block)

    def result(self, *, ended: bool = False) -> Estimate:
        """Say what the rows so far tell.

        Parameters
        ----------
        ended
            Whether the run has ended, so that no more rows will come.
        """
        found = {one.mode: one.result(ended=ended) for one in (self._surface, self._bulk)}
        reason = _reason(found)
        n_points = min(estimate.n_points for estimate in found.values())
        surface, bulk = self._surface.composition, self._bulk.composition
        if surface is None or bulk is None:
            order = (Status.FAILED, Status.WAITING)
            status = next(s for s in order if any(one.status is s for one in found.values()))
            return Estimate(status, reason, self.units, n_points=n_points)
        values: dict[str, float | None] = {}
        sigmas: dict[str, float | None] = {}
        for name in self.units:
            of = name.removesuffix("_difference")
            sums = self._surface.sums[of], self._bulk.sums[of]
            values[name] = float(sums[0] @ surface.fractions - sums[1] @ bulk.fractions)
            sigmas[name] = _sigma(surface, sums[0], bulk, sums[1])
        status = found[SURFACE].status
        return Estimate(status, reason, self.units, values, sigmas, n_points)


def _reason(found: Mapping[str, Estimate]) -> str:
    """What was said of either yield, once where it was said of both."""
    parts: dict[str, list[str]] = {}
    for mode, estimate in found.items():
        for part in filter(None, estimate.reason.split("; ")):
            parts.setdefault(part, []).append(mode)
    said = (
        part if len(modes) == len(found) else f"{modes[0]}: {part}" for part, modes in parts.items()
    )
    return "; ".join(said)


def _sigma(surface: Composition, of_surface: Floats, bulk: Composition, of_bulk: Floats) -> float:
    rows = max(surface.influence.shape[1], bulk.influence.shape[1])
    noise = np.zeros(rows)
    for composition, weights, sign in ((surface, of_surface, 1), (bulk, of_bulk, -1)):
        influence = np.einsum("k,kn->n", weights, composition.influence)
        noise[: len(influence)] += sign * influence
    variance = float(np.einsum("n,n->", noise, noise))
    for name in surface.moves.keys() | bulk.moves.keys():
        moved = sum(
            sign * float(weights @ composition.moves[name])
            for composition, weights, sign in ((surface, of_surface, 1), (bulk, of_bulk, -1))
            if name in composition.moves
        )
        variance += moved**2
    return float(np.sqrt(variance))
