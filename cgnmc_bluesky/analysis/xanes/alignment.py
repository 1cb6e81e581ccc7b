"""Where a spectrum lies on its energy axis, by matching it to a template."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cgnmc_bluesky.analysis.mixture import Amounts, combine
from cgnmc_bluesky.analysis.xanes.curves import correlation_length, jumps, point_noise

Floats = NDArray[np.float64]

WINDOW_EV = (-50.0, 90.0)
"""The stretch around the template's first inflection that is matched: the same for every
spectrum."""

SEARCH_EV = 20.0
"""How far a spectrum may lie from its template, to either side."""

LEAST_GLITCH = 0.01
"""A single point is left out only if it stands out by this share of the edge step."""

_TABLE_STEP_EV = 0.02
_COARSE_POINTS = 60
_FEWEST_POINTS = 10
_REFINEMENTS = 12
_CONVERGED_EV = 1e-4
_WHOLE_EV = 30.0
_STANDS_OUT = 6.0


class Unmatched(ValueError):
    """The spectrum does not say where it lies; the message says why.

    Parameters
    ----------
    reason
        Why, in words.
    early
        Whether more of the scan may change that.
    """

    def __init__(self, reason: str, *, early: bool = False) -> None:
        super().__init__(reason)
        self.early = early


@dataclass(frozen=True)
class Template:
    """A spectrum whose place on the energy axis is known.

    Parameters
    ----------
    energy_ev
        Energies, ascending, shape `(n,)`, in eV, on the calibrated axis.
    mu
        Absorption there, shape `(n,)`, scaled to an edge step of about one.
    inflection_ev
        Energy of the first inflection of the edge, in eV.
    inflection_sigma_ev
        One standard deviation of where that lies on the curve, in eV.
    reach_ev
        How far to either side of the inflection a spectrum must reach to be matched, in eV.
    finest_ev
        How wide the narrowest feature is that is matched, in eV.
    """

    energy_ev: Floats
    mu: Floats
    inflection_ev: float
    inflection_sigma_ev: float = 0.0
    reach_ev: tuple[float, float] = (-8.0, 8.0)
    finest_ev: float = 1.0

    @cached_property
    def table(self) -> tuple[Floats, Floats, Floats]:
        """Energies, curve and slope (1/eV) by cubic spline, on a grid so fine that lines do
        between.
        """
        low, high = self.window_ev
        grid_ev = np.arange(low, high + _TABLE_STEP_EV, _TABLE_STEP_EV)
        spline = CubicSpline(self.energy_ev, self.mu)
        return grid_ev, spline(grid_ev), spline(grid_ev, 1)

    @cached_property
    def window_ev(self) -> tuple[float, float]:
        """The matched stretch, as far as the template reaches, in eV."""
        low, high = (self.inflection_ev + side for side in WINDOW_EV)
        return max(low, float(self.energy_ev[0])), min(high, float(self.energy_ev[-1]))


@dataclass(frozen=True)
class Match:
    """A spectrum laid on a template.

    Parameters
    ----------
    shift_ev
        What is added to the spectrum's energies to lay it on the template, in eV.
    sigma_ev
        One standard deviation of the shift, in eV.
    scale
        Edge step of the spectrum over the template's.
    scale_sigma
        One standard deviation of the scale.
    misfit
        Root mean square of what the noise does not explain, over the scale.
    n_points
        Number of points matched.
    glitches_ev
        Energies of points that stood out singly and were left out, in eV.
    """

    shift_ev: float
    sigma_ev: float
    scale: float
    scale_sigma: float
    misfit: float
    n_points: int
    glitches_ev: tuple[float, ...] = ()


def match(template: Template, energy_ev: Floats, mu: Floats) -> Match:
    """Find the shift, scale and slow baseline that lay a spectrum on a template.

    Parameters
    ----------
    template
        The spectrum to match, on its calibrated axis.
    energy_ev
        Energies as recorded, ascending, shape `(n,)`, in eV.
    mu
        Absorption there, shape `(n,)`.

    Raises
    ------
    Unmatched
        If the spectrum does not reach beyond the edge, shows none, or fits in two places.

    Notes
    -----
    The model is `mu(E) = scale * template(E + shift) + b0 + b1 x`. Shifts are searched first on a
    coarse grid, so that no starting value and no earlier spectrum matters, then refined by
    Gauss-Newton steps. The variance is that of the residual, multiplied by its correlation length
    where the residual is correlated (a model error counts as fewer independent points).
    """
    found, inside, residual = _match(template, energy_ev, mu)
    glitches = np.zeros(len(energy_ev), dtype=bool)
    glitches[inside] = jumps(energy_ev[inside], residual, least=LEAST_GLITCH * found.scale)
    if not np.any(glitches):
        return found
    found, _, _ = _match(template, energy_ev[~glitches], mu[~glitches])
    return replace(found, glitches_ev=tuple(energy_ev[glitches].tolist()))


class Matcher:
    """Matches a growing scan to a template, and works only where what bears on it has changed.

    Most points of a scan lie beyond the matched stretch: the answer is then the last one.

    Parameters
    ----------
    template
        The spectrum to match.
    """

    def __init__(self, template: Template) -> None:
        self.template = template
        self._asked: tuple[Floats, Floats] | None = None
        self._answer: Match | Unmatched = Unmatched("nothing to match", early=True)

    def __call__(self, energy_ev: Floats, mu: Floats) -> Match:
        """Return what `match` returns, or raise what it raises."""
        low, high = self.template.window_ev
        near = (energy_ev > low - SEARCH_EV) & (energy_ev < high + SEARCH_EV)
        asked = energy_ev[near], mu[near]
        if self._asked is None or not all(map(np.array_equal, asked, self._asked)):
            self._asked = asked
            try:
                self._answer = match(self.template, *asked)
            except Unmatched as doubt:
                self._answer = doubt
        if isinstance(self._answer, Unmatched):
            raise Unmatched(str(self._answer), early=self._answer.early)
        return self._answer


def _match(
    template: Template, energy_ev: Floats, mu: Floats
) -> tuple[Match, NDArray[np.bool_], Floats]:
    shift_ev = _search(template, energy_ev, mu)
    for _ in range(_REFINEMENTS):
        inside, columns = _columns(template, energy_ev, shift_ev)
        fit = _combine(columns, mu[inside])
        step_ev = float(fit.values[1] / fit.values[0]) if fit.values[0] > 0 else np.nan
        if not abs(step_ev) < 2 * template.finest_ev:
            raise Unmatched("no edge like the template's")
        shift_ev += step_ev
        if abs(step_ev) < _CONVERGED_EV:
            break
    scale = float(fit.values[0])
    inflation = correlation_length(fit.residual)
    scale_sigma, slope_sigma = np.sqrt(np.diag(fit.covariance)[:2] * inflation)
    if scale < _STANDS_OUT * scale_sigma:
        raise Unmatched("no edge stands out of the noise")
    noise = point_noise(energy_ev[inside], fit.residual)
    found = Match(
        shift_ev=shift_ev,
        sigma_ev=float(slope_sigma) / scale,
        scale=scale,
        scale_sigma=float(scale_sigma),
        misfit=float(np.sqrt(max(fit.noise**2 - noise**2, 0.0))) / scale,
        n_points=int(np.count_nonzero(inside)),
    )
    return found, inside, fit.residual


def _combine(columns: Floats, mu: Floats) -> Amounts:
    try:
        return combine(columns, mu)
    except ValueError as error:
        raise Unmatched(str(error)) from error


def _columns(
    template: Template, energy_ev: Floats, shift_ev: float
) -> tuple[NDArray[np.bool_], Floats]:
    """Which points lie in the window, and template, its slope and the baseline there."""
    low, high = template.window_ev
    calibrated = energy_ev + shift_ev
    inside = (calibrated >= low) & (calibrated <= high)
    at = calibrated[inside]
    x = (at - template.inflection_ev) / (WINDOW_EV[1] - WINDOW_EV[0])
    baseline = [np.ones_like(x), x]
    grid_ev, curve, slope = template.table
    known = [np.interp(at, grid_ev, curve), np.interp(at, grid_ev, slope)]
    return inside, np.stack([*known, *baseline], axis=1)


def _search(template: Template, energy_ev: Floats, mu: Floats) -> float:
    """The shift that fits best on a coarse grid, and is the only one to fit."""
    low, high = template.window_ev
    step_ev = template.finest_ev
    shifts_ev = np.arange(-SEARCH_EV, SEARCH_EV + step_ev, step_ev)
    near = np.flatnonzero((energy_ev > low - SEARCH_EV) & (energy_ev < high + SEARCH_EV))
    thinned = near[:: max(1, int(len(near) * step_ev) // _COARSE_POINTS)]
    energy, curve = energy_ev[thinned], mu[thinned]
    if len(energy) < _FEWEST_POINTS:
        raise Unmatched("the scan has not passed the edge", early=True)
    before_ev, behind_ev = template.reach_ev
    reached = energy_ev[-1] + shifts_ev >= template.inflection_ev + behind_ev
    begun = energy_ev[0] + shifts_ev <= template.inflection_ev + before_ev
    if not np.any(reached & begun):
        raise Unmatched("the scan has not passed the edge", early=True)
    misfits = _misfits(template, energy, curve, shifts_ev)
    best = int(np.argmin(misfits))
    if not (reached & begun)[best]:
        raise Unmatched("the scan has not passed the edge", early=True)
    if best in (0, len(shifts_ev) - 1):
        raise Unmatched(f"no edge within {SEARCH_EV:g} eV of the template's")
    far = np.abs(shifts_ev - shifts_ev[best]) > 3 * step_ev
    tolerance = 16 * misfits[best] / (len(energy) - 4)
    if np.any(misfits[far] < misfits[best] + tolerance):
        is_early = energy_ev[-1] + shifts_ev[best] < template.inflection_ev + _WHOLE_EV
        raise Unmatched("the edge fits in two places", early=bool(is_early))
    return float(shifts_ev[best] + step_ev * _vertex(misfits[best - 1 : best + 2]))


def _misfits(template: Template, energy: Floats, curve: Floats, shifts_ev: Floats) -> Floats:
    """Sum of squares that template and baseline leave, for each shift.

    The template is held at its ends outside its range, so that every shift is judged on the same
    points.
    """
    grid_ev, table, _ = template.table
    nearest = np.rint((energy + shifts_ev[:, None] - grid_ev[0]) / _TABLE_STEP_EV).astype(np.intp)
    known = table[np.clip(nearest, 0, len(table) - 1)]
    x = energy - energy.mean()  # so that it is orthogonal to the constant
    baseline = np.stack([np.ones_like(x), x], axis=1)
    baseline /= np.sqrt(np.einsum("ik,ik->k", baseline, baseline))
    known = known - np.einsum("sk,ik->si", np.einsum("si,ik->sk", known, baseline), baseline)
    left = curve - np.einsum("k,ik->i", np.einsum("i,ik->k", curve, baseline), baseline)
    size = np.einsum("si,si->s", known, known)
    overlap = np.maximum(np.einsum("si,i->s", known, left), 0.0)
    explained = np.divide(overlap**2, size, out=np.zeros_like(size), where=size > 1e-12)
    misfits: Floats = float(np.einsum("i,i->", left, left)) - explained
    return misfits


def _vertex(three: Floats) -> float:
    """Where the parabola through three points a step apart is lowest, in steps from the middle
    one.
    """
    bend = three[0] - 2 * three[1] + three[2]
    return float(0.5 * (three[0] - three[2]) / bend) if bend > 0 else 0.0
