"""Fit of one pattern: weighted least squares with what is known of the parameters beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.descent import Local, covariance_of, descend
from cgnmc_bluesky.analysis.heating.layout import Layout
from cgnmc_bluesky.analysis.heating.pattern import PatternModel

Floats = NDArray[np.float64]

_BOUNDS = {
    "zero_deg": (-0.2, 0.2),
    "skew": (-0.4, 0.4),
    "divergence": (-0.4, 0.4),
    "tailed": (0.0, 1.0),
    "tail": (0.8, 5.0),
    "b_a2": (-3.0, 6.0),
    "a": (1.0, 20.0),
    "c": (5.0, 30.0),
    "log_fwhm": (-6.0, 0.5),
    "broadening": (-1.0, 3.0),
}
_DAMPING = 1e-7
"""A phase's amount and the intensities of all its lines are told apart by what is known before."""
_PRODUCT = 2**18
"""Multiplications that a BLAS makes in one thread, in one order."""
_LAGS = 24
"""Bins over which residuals may be alike."""


@dataclass(frozen=True)
class Prior:
    """What is known of the parameters before the pattern.

    Parameters
    ----------
    mean, sigma
        Expectation and one standard deviation of each, shape `(p,)`: infinite where nothing is
        known, zero where the parameter is not to be fitted.
    """

    mean: Floats
    sigma: Floats


@dataclass(frozen=True)
class Fitted:
    """Parameters of a pattern.

    Parameters
    ----------
    model
        What was fitted.
    values, covariance
        The parameters, shapes `(p,)` and `(p, p)`.
    chi2
        Sum of squared residuals over their variances, and of squared distances from what was known
        beforehand.
    misfit
        By how much the variances were too small; the covariance is the larger for it.
    parts
        What each phase and the background contribute, each of shape `(n,)`.
    """

    model: PatternModel
    values: Floats
    covariance: Floats
    chi2: float
    misfit: float
    parts: Mapping[str, Floats] = field(repr=False)

    @property
    def layout(self) -> Layout:
        """Where each parameter stands."""
        return self.model.layout

    def value(self, name: str) -> float:
        """Give a parameter by its name."""
        return float(self.values[self.layout.at[name]])

    def sigma(self, name: str) -> float:
        """Give the standard deviation of a parameter by its name."""
        place = self.layout.at[name]
        return float(np.sqrt(self.covariance[place, place]))


def fit(model: PatternModel, start: Floats, prior: Prior) -> Fitted:
    """Fit a pattern.

    Parameters
    ----------
    model
        What the pattern should be.
    start
        Where to begin, shape `(p,)`.
    prior
        What is known beforehand.
    """
    lower, upper = _bounds(model.layout)
    free = prior.sigma > 0
    whole = np.where(free, np.clip(start, lower, upper), prior.mean)
    reach = model.reach(whole)
    weights = 1.0 / model.bins.variance
    measured = model.bins.intensity
    known, mean = prior.sigma[free] ** -2.0, prior.mean[free]

    def at(values: Floats) -> Local:
        whole[free] = values
        expected, slopes = model.evaluate(whole, reach, free)
        residual = measured - expected
        weighted = residual * weights
        chi2 = float(np.einsum("i,i->", residual, weighted))
        away = np.where(known > 0, mean - values, 0.0)
        normal = normal_of(slopes, weights)
        normal[np.diag_indices_from(normal)] += known
        return Local(
            chi2=chi2 + float(np.einsum("i,i->", away**2, known)),
            slope=np.einsum("pn,n->p", slopes, weighted) + known * away,
            normal=normal,
            misfit=max(1.0, chi2 / len(measured)),
        )

    values, local = descend(at, whole[free], lower[free], upper[free], damping=_DAMPING)
    whole[free] = values
    parts = model.parts(whole)
    misfit = _misfit(model, parts)
    covariance = np.zeros((len(whole), len(whole)))
    covariance[np.ix_(free, free)] = covariance_of(local.normal) * misfit
    return Fitted(model, whole, covariance, local.chi2, misfit, parts)


def _misfit(model: PatternModel, parts: Mapping[str, Floats]) -> float:
    """By how much sums over neighbouring bins vary more than the noise says, at least one.

    Notes
    -----
    Where a line's shape is not quite that of the model its residuals are alike over its width, and
    parameters are as uncertain as sums over so many bins are. Variance of the residuals where the
    lines are, times one plus twice their correlations (Newey and West's weights).
    """
    lines = np.sum([part for name, part in parts.items() if name != "background"], axis=0)
    expected = lines + parts["background"]
    residual = (model.bins.intensity - expected) / np.sqrt(model.bins.variance)
    weight = np.maximum(lines, 0.0) / model.bins.variance
    weight = np.sqrt(weight / max(float(weight.max()), 1e-300))
    weighted = residual * weight
    total = float(np.einsum("i,i->", weight, weight))
    long_run = float(np.einsum("i,i->", weighted, weighted))
    for lag in range(1, _LAGS):
        taper = 1.0 - lag / _LAGS
        long_run += 2.0 * taper * float(np.einsum("i,i->", weighted[lag:], weighted[:-lag]))
    return max(long_run / max(total, 1e-300), 1.0)


def _bounds(layout: Layout) -> tuple[Floats, Floats]:
    lower, upper = np.full(layout.size, -np.inf), np.full(layout.size, np.inf)
    for place, name in enumerate(layout.names):
        limits = _BOUNDS.get(name.rpartition(".")[2])
        if limits:
            lower[place], upper[place] = limits
    return lower, upper


def normal_of(slopes: Floats, weights: Floats) -> Floats:
    """Normal matrix of weighted least squares, with the same bits however many threads there are.

    Parameters
    ----------
    slopes
        Shape `(p, n)`.
    weights
        Shape `(n,)`.
    """
    n_parameters, n_bins = slopes.shape
    width = max(1, _PRODUCT // n_parameters**2)
    rooted = slopes * np.sqrt(weights)
    found = np.zeros((n_parameters, n_parameters))
    for first in range(0, n_bins, width):
        part = rooted[:, first : first + width]
        found += part @ part.T
    return found
