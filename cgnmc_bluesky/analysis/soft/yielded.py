"""A yield as a sum of known absorptions, also where the sample absorbs what it emits.

The counts of an emission line from a thick sample are not proportional to the absorption `x` of the
element, but to `x / (1 + a x)`: where the element absorbs strongly the beam does not reach as deep.
`a` is the element's edge step over all else that absorbs, the beam on its way in and the emission
on its way out (Eisebitt et al., Phys. Rev. B 47 (1993) 14103). A white line is flattened by it, and
a valence read off a flattened line is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.mixture import combine
from cgnmc_bluesky.analysis.xanes.curves import correlation_length

Floats = NDArray[np.float64]

TILTED_OVER_EV = 80.0
"""Over so many eV the tilt of a yield is told."""

_STARTS = (0.0, 0.6)
_STARTS_EV = (0.0, -0.2, 0.2, -0.4, 0.4, -0.6, 0.6, -0.8, 0.8, -1.0, 1.0)
_MOST_STARTS = 4
_ITERATIONS = 40
_HALVINGS = 8
_LEAST_LEFT = 0.05
_NEARLY_SETTLED, _SETTLED = 1e-3, 1e-7
_FARTHEST_STEP_EV = 0.3
_LEAST_VARIANCE = 0.05
_FEWEST_FOR_NOISE = 30


@dataclass(frozen=True)
class Sought:
    """What is looked for in a yield.

    Parameters
    ----------
    curves
        Gives the known absorptions at energies of shape `(n,)` in eV, shape `(n, k)`.
    slopes
        Their derivatives there, in 1/eV, shape `(n, k)`.
    baseline
        Gives what is fitted along, shape `(n, m)`.
    strength
        The edge step over all else that absorbs; `None` where it is fitted, 0 for a yield that is
        proportional to the absorption.
    moves
        Whether the energies are off by an unknown shift, which is fitted.
    tilts_about_ev
        Where all else that absorbs grows or falls with the energy, so that the yield of an edge is
        tilted: the energy where it counts as untilted, in eV; `None` where it is not.
    """

    curves: Callable[[Floats], Floats]
    slopes: Callable[[Floats], Floats]
    baseline: Callable[[Floats], Floats]
    strength: float | None = 0.0
    moves: bool = False
    tilts_about_ev: float | None = None


@dataclass(frozen=True)
class Found:
    """How a yield is made up, and what each point has to do with it.

    Parameters
    ----------
    sought
        What was looked for.
    amounts
        Of the known curves, shape `(k,)`.
    baseline
        Amounts of what is fitted along, shape `(m,)`.
    tilt
        By how much the sum of the curves grows over `TILTED_OVER_EV`, as a share of it.
    absorbing
        The factor α of `x / (1 + α x)`, where `x` is the sum of the amounts of curves.
    shift_ev
        What was added to the energies, in eV.
    design
        Derivatives of the yield by all that was fitted, shape `(n, p)`: amounts, baseline, tilt, α
        and shift, as far as they were.
    weights
        Of the points, shape `(n,)`, their mean about one.
    x
        The sum of the curves, shape `(n,)`.
    fit, residual
        The yield as fitted and what is left, shape `(n,)`.
    """

    sought: Sought
    amounts: Floats
    baseline: Floats
    tilt: float
    absorbing: float
    shift_ev: float
    design: Floats
    weights: Floats
    x: Floats
    fit: Floats
    residual: Floats

    @property
    def place_of_absorbing(self) -> int:
        """Which of all that was fitted α is."""
        return len(self.amounts) + len(self.baseline) + (self.sought.tilts_about_ev is not None)

    @property
    def gain(self) -> Floats:
        """Derivative of the yield by the sum of the curves, shape `(n,)`."""
        gain: Floats = 1.0 / (1.0 + self.absorbing * self.x) ** 2
        return gain

    @cached_property
    def projection(self) -> Floats:
        """Change of what was fitted with each point, shape `(p, n)`."""
        weighted = self.design * np.sqrt(self.weights)[:, None]
        # what is fitted here does not matter, only what tells the columns apart
        inverse = combine(weighted, weighted[:, 0]).inverse
        projection: Floats = np.einsum("jk,ik->ji", inverse, self.design * self.weights[:, None])
        return projection

    @cached_property
    def cost(self) -> float:
        """Weighted sum of the squares of what is left."""
        return float(np.einsum("i,i,i->", self.weights, self.residual, self.residual))

    @cached_property
    def influence(self) -> Floats:
        """What each point's noise did to what was fitted, shape `(p, n)`.

        `influence @ influence.T` is the covariance (White's, with leverages: HC3), whatever the
        noise of each point is; it is widened where neighbouring points err alike.
        """
        leverage = np.einsum("in,ni->n", self.projection, self.design)
        widened = self.residual / np.maximum(1.0 - leverage, 0.1)
        inflation = correlation_length(self.standardised)
        influence: Floats = self.projection * widened * np.sqrt(inflation)
        return influence

    @property
    def standardised(self) -> Floats:
        """What is left of each point, all alike in their noise, shape `(n,)`."""
        return self.residual * np.sqrt(self.weights)

    @property
    def noise(self) -> float:
        """Standard deviation of a point of weight one."""
        n, p = self.design.shape
        return float(np.sqrt(self.cost / (n - p)))


def compose(sought: Sought, energy_ev: Floats, measured: Floats) -> Found:
    """Find how a yield is made up.

    Parameters
    ----------
    sought
        What it is made up of.
    energy_ev
        Energies, ascending, shape `(n,)`, in eV.
    measured
        The yield there, shape `(n,)`.

    Raises
    ------
    ValueError
        If the curves cannot be told apart, or there are fewer points than unknowns.

    Notes
    -----
    Gauss-Newton steps from the best of a few starts; where a shift is fitted, from some of them to
    the best end. Counts are noisier where there are more of
    them: a second fit weighs the points by what the first one's residual says of the noise at low
    and at high signal. The covariance does not rest on these weights being right.
    """
    solver = _Solver(sought, energy_ev, measured)
    ones = np.ones_like(measured)
    first = (solver.solve(start, ones, _NEARLY_SETTLED) for start in solver.starts())
    found = min(first, key=lambda one: one.cost)
    weights = _weights(found)
    return solver.solve(found, found.weights if weights is None else weights, _SETTLED)


class _Solver:
    def __init__(self, sought: Sought, energy_ev: Floats, measured: Floats) -> None:
        self._sought = sought
        self._energy_ev = energy_ev
        self._measured = measured
        self._baseline = sought.baseline(energy_ev)
        self._still = sought.curves(energy_ev)

    def starts(self) -> list[Found]:
        """The best of a few linear fits: of the yield as it would be without absorption.

        Lines are narrower than the energies may be off by, and from one shift alone the steps may
        end beside the lines: where a shift is fitted, there are the best of a few.
        """
        shares = [share / float(np.max(self._measured)) for share in _STARTS]
        if not self._sought.moves:
            tried = shares if self._sought.strength != 0.0 else shares[:1]
            return [min((self._linear(one, 0.0) for one in tried), key=lambda one: one.cost)]
        tried_ev = sorted(
            (self._linear(0.0, at_ev) for at_ev in _STARTS_EV), key=lambda one: one.cost
        )
        return tried_ev[:_MOST_STARTS]

    def solve(self, found: Found, weights: Floats, settled: float) -> Found:
        """Improve on a composition until a step gains no more than that share of what is left."""
        found = self._at(found, weights, found.shift_ev)
        for _ in range(_ITERATIONS):
            step = np.einsum("jn,n->j", found.projection, found.residual)
            better = self._step(found, step, weights)
            gained = found.cost - better.cost
            found = better
            if gained <= settled * found.cost:
                break
        return found

    def _linear(self, absorbing: float, shift_ev: float) -> Found:
        opened = self._measured / (1.0 - absorbing * self._measured)
        curves = self._sought.curves(self._energy_ev + shift_ev) if shift_ev else self._still
        fit = combine(np.column_stack([curves, self._baseline]), opened)
        k = curves.shape[1]
        start = Found(
            sought=self._sought,
            amounts=fit.values[:k],
            baseline=fit.values[k:],
            tilt=0.0,
            absorbing=absorbing,
            shift_ev=0.0,
            design=curves,
            weights=np.ones_like(self._measured),
            x=self._measured,
            fit=self._measured,
            residual=fit.residual,
        )
        if self._sought.strength is not None:
            start = replace(start, absorbing=self._fixed(start.amounts))
        return self._at(start, start.weights, shift_ev)

    def _away(self, energy_ev: Floats) -> Floats:
        """How far the energies are from where the yield counts as untilted."""
        about_ev = self._sought.tilts_about_ev
        if about_ev is None:
            return np.zeros_like(energy_ev)
        return (energy_ev - about_ev) / TILTED_OVER_EV

    def _fixed(self, amounts: Floats) -> float:
        total = float(np.sum(amounts))
        strength = self._sought.strength or 0.0
        return strength / total if total > 0 else 0.0

    def _step(self, found: Found, step: Floats, weights: Floats) -> Found:
        """The step, or as much of it as makes things better."""
        k, m = len(found.amounts), len(found.baseline)
        fitted, at = self._sought.strength is None, found.place_of_absorbing
        tilted = float(step[k + m]) if self._sought.tilts_about_ev is not None else 0.0
        moved = float(np.clip(step[-1], -_FARTHEST_STEP_EV, _FARTHEST_STEP_EV))
        for halving in range(_HALVINGS):
            part = 0.5**halving
            amounts = found.amounts + part * step[:k]
            better = replace(
                found,
                amounts=amounts,
                baseline=found.baseline + part * step[k : k + m],
                tilt=found.tilt + part * tilted,
                absorbing=found.absorbing + part * float(step[at])
                if fitted
                else self._fixed(amounts),
            )
            shift_ev = found.shift_ev + (part * moved if self._sought.moves else 0.0)
            better = self._at(better, weights, shift_ev)
            if np.min(1.0 + better.absorbing * better.x) > _LEAST_LEFT and (
                better.cost <= found.cost
            ):
                return better
        return found

    def _at(self, found: Found, weights: Floats, shift_ev: float) -> Found:
        """Yield, residual and derivatives where a composition stands."""
        energy_ev = self._energy_ev + shift_ev
        curves = self._sought.curves(energy_ev) if shift_ev else self._still
        untilted = np.einsum("nk,k->n", curves, found.amounts)
        away = self._away(energy_ev)
        tilt = 1.0 + found.tilt * away
        x = untilted * tilt
        left = 1.0 + found.absorbing * x
        fit = x / left + np.einsum("nm,m->n", self._baseline, found.baseline)
        columns = [curves * (tilt / left**2)[:, None], self._baseline]
        if self._sought.tilts_about_ev is not None:
            columns.append((untilted * away / left**2)[:, None])
        by_absorbing = -((x / left) ** 2)
        if self._sought.strength is None:
            columns.append(by_absorbing[:, None])
        elif self._sought.strength:
            # the strength is given: α falls as the amounts grow
            columns[0] = (
                columns[0]
                - (by_absorbing * found.absorbing / float(np.sum(found.amounts)))[:, None]
            )
        if self._sought.moves:
            slope = np.einsum("nk,k->n", self._sought.slopes(energy_ev), found.amounts)
            columns.append((slope / left**2)[:, None])
        design = np.column_stack(columns)
        return replace(
            found,
            shift_ev=shift_ev,
            design=design,
            weights=weights,
            x=x,
            fit=fit,
            residual=self._measured - fit,
        )


def _weights(found: Found) -> Floats | None:
    """Inverse variances by what the residual says of the noise at low and at high signal."""
    n = len(found.residual)
    if n < _FEWEST_FOR_NOISE:
        return None
    signal = np.maximum(found.x / (1.0 + found.absorbing * found.x), 0.0)
    squares = found.residual**2
    mean = float(np.mean(squares))
    growth = combine(np.column_stack([np.ones_like(signal), signal]), squares).values
    if not growth[1] > 0:
        return None
    variance = np.maximum(growth[0] + growth[1] * signal, _LEAST_VARIANCE * mean)
    weights: Floats = 1.0 / variance
    return weights / float(np.mean(weights))
