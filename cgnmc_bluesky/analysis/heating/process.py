"""A smooth release within a window, as a Gaussian process over a background of free amounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.noise import STARTS, Noise

Floats = NDArray[np.float64]

LENGTHS_C = (5.0, 8.0, 14.0, 24.0, 40.0)
"""Lengths over which a release may be smooth."""
SEARCHED_C = (8.0, 24.0)
"""Those of them by which windows are chosen."""
BEFORE_C = (15.0, 30.0, 60.0, 100.0, 180.0)
"""A release may have begun so far below the temperature at which it was detected."""
BEHIND_C = (15.0, 25.0, 40.0, 60.0, 90.0, 130.0, 180.0, 240.0)
"""It may be over so far behind its largest current, or not be over."""
SAMPLES = 200
"""Curves that are drawn from what the data leave open."""
UNLIKELY = 4.0
"""Windows are left out whose log-likelihood is so far below the best."""


@dataclass(frozen=True)
class Windows:
    """Where a release may begin and end: numbers of its splines.

    Parameters
    ----------
    begins, ends
        First splines, and those behind the last.
    """

    begins: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, places_c: Floats, detected_c: float, summit_c: float) -> Self:
        """Windows around a detection.

        Parameters
        ----------
        places_c
            Where the splines have their places, shape `(p,)`.
        detected_c, summit_c
            Where the release was detected and where the current is largest, on the same axis.
        """
        begins = np.searchsorted(places_c, detected_c - np.array(BEFORE_C))
        ends = np.searchsorted(places_c, summit_c + np.array(BEHIND_C))
        # what ends in the middle ends level, as it begins
        closed = {int(end) for end in ends if end < len(places_c) - 2}
        return cls(
            tuple(sorted({int(begin) for begin in begins})), (*sorted(closed), len(places_c))
        )


@dataclass(frozen=True)
class Problem:
    """A curve, and what it may be made of.

    Parameters
    ----------
    background
        Columns of the background, shape `(n, f)`.
    shapes
        Splines of the release, shape `(n, p)`.
    curve
        The curve, shape `(n,)`.
    places_c
        Where the splines have their places, shape `(p,)`.
    """

    background: Floats
    shapes: Floats
    curve: Floats
    places_c: Floats


@dataclass(frozen=True)
class Fit:
    """A release within a window, of one smoothness, with its likeliest size.

    Parameters
    ----------
    process
        What it was found by.
    window
        The splines that it is made of.
    likelihood
        Logarithm of the marginal likelihood.
    axes
        Directions of the splines along which amounts are independent.
    variances, amounts
        Along these.
    """

    process: "Process"
    window: slice
    likelihood: float
    axes: Floats
    variances: Floats
    amounts: Floats


class Process:
    """Looks for the releases that a curve may hold.

    Parameters
    ----------
    noise, size
        Its noise, and the standard deviation of the innovations.
    problem
        The curve.
    """

    def __init__(self, noise: Noise, size: float, problem: Problem) -> None:
        whitened = noise.whitened(
            np.column_stack([problem.background, problem.shapes, problem.curve])
        )
        columns, curve = whitened[:, :-1] / size, whitened[:, -1] / size
        self.size, self.free = columns.shape[1], problem.background.shape[1]
        self._columns, self._curve, self._places_c = columns, curve, problem.places_c
        normal, self._moments = columns.T @ columns, columns.T @ curve
        free = self.free
        self._own = np.linalg.inv(normal[:free, :free])
        self._across = normal[free:, :free]
        self._rest = normal[free:, free:] - self._across @ self._own @ self._across.T
        self._wanted = self._moments[free:] - self._across @ self._own @ self._moments[:free]
        left = curve @ curve - self._moments[:free] @ self._own @ self._moments[:free]
        determinant = np.linalg.slogdet(normal[:free, :free])[1]
        self._without = -len(curve) * np.log(size) - (left + determinant) / 2.0
        self._known: dict[tuple[int, int, float], Fit] = {}

    def fits(self, windows: Windows) -> list[Fit]:
        """Every release that is likely, the likeliest first.

        Parameters
        ----------
        windows
            Where it may begin and end.
        """
        begin = windows.begins[len(windows.begins) // 2]
        end = max(windows.ends, key=lambda one: self._best(begin, one))
        begin = max(windows.begins, key=lambda one: self._best(one, end))
        for one in windows.ends:
            self._best(begin, one)
        for fit in likely(list(self._known.values())):
            self._best(fit.window.start, fit.window.stop, LENGTHS_C)
        return likely(list(self._known.values()))

    def draw(self, fit: Fit, normals: Floats) -> Floats:
        """Amounts of all columns, likely by a fit: first the likeliest, shape `(f + p, 1 + m)`.

        Parameters
        ----------
        fit
            The release.
        normals
            Independent numbers of unit variance, shape `(f + p, m)`.
        """
        free = self.free
        shapes = np.zeros((len(self._places_c), 1 + normals.shape[1]))
        own = normals[free:][fit.window]
        likeliest = fit.axes @ fit.amounts
        worse = self._worse(fit, likeliest)
        open_ = worse * fit.axes @ (np.sqrt(fit.variances)[:, None] * own)
        shapes[fit.window] = np.column_stack([likeliest, likeliest[:, None] + open_])
        under = self._own @ (self._moments[:free, None] - self._across.T @ shapes)
        under[:, 1:] += worse * np.linalg.cholesky(self._own) @ normals[:free]
        return np.concatenate([under, shapes])

    def _worse(self, fit: Fit, likeliest: Floats) -> float:
        """How much larger the noise is than was thought, if it is."""
        free, columns = self.free, self._columns[:, self.free :][:, fit.window]
        across = self._across[fit.window]
        under = self._own @ (self._moments[:free] - across.T @ likeliest)
        left = self._curve - self._columns[:, :free] @ under - columns @ likeliest
        degrees = max(1, len(left) - STARTS - free)
        return float(np.sqrt(max(1.0, float(left @ left) / degrees)))

    def _best(self, begin: int, end: int, lengths_c: Sequence[float] = SEARCHED_C) -> float:
        if end - begin < 2:
            return -np.inf
        for length_c in lengths_c:
            if (begin, end, length_c) not in self._known:
                found = self._smoothed(slice(begin, end), length_c)
                self._known[begin, end, length_c] = found
        return max(self._known[begin, end, length_c].likelihood for length_c in lengths_c)

    def _smoothed(self, window: slice, length_c: float) -> Fit:
        """Release of one smoothness and its likeliest size."""
        places_c = self._places_c[window]
        over = np.sqrt(5.0) * np.abs(places_c[:, None] - places_c) / length_c
        prior = (1.0 + over + over**2 / 3.0) * np.exp(-over)
        prior[np.diag_indices_from(prior)] += 1e-8
        root = np.linalg.cholesky(prior)
        precisions, turns = np.linalg.eigh(root.T @ self._rest[window, window] @ root)
        precisions = np.maximum(precisions, 0.0)
        axes = root @ turns
        along = axes.T @ self._wanted[window]
        usual = 1.0 / max(float(np.mean(precisions)), np.finfo(float).tiny)
        sizes = usual * np.logspace(-3.0, 9.0, 49)
        shrunk = 1.0 + sizes[:, None] * precisions
        gained = np.sum(sizes[:, None] * along**2 / shrunk - np.log(shrunk), axis=1) / 2.0
        at = int(np.argmax(gained))
        variances = sizes[at] / shrunk[at]
        amounts = variances * along
        below = _below(axes @ amounts, axes**2 @ variances)
        total = self._without + float(gained[at]) - below
        return Fit(self, window, total, axes, variances, amounts)


def likely(fits: Sequence[Fit]) -> list[Fit]:
    """Those of some fits that are likely, the likeliest first."""
    best = max(fit.likelihood for fit in fits)
    near = [fit for fit in fits if fit.likelihood >= best - UNLIKELY]
    return sorted(near, key=lambda fit: -fit.likelihood)


def _below(amounts: Floats, variances: Floats) -> float:
    """How unlikely a release is for being negative somewhere, which none is."""
    lowest = float(np.min(amounts / np.sqrt(np.maximum(variances, np.finfo(float).tiny))))
    return 0.5 * min(lowest, 0.0) ** 2


def drawn(*alternatives: Sequence[Fit]) -> tuple[Floats, Floats]:
    """Amounts of background and release, and others that are as likely.

    Parameters
    ----------
    *alternatives
        What they may be, for noises none of which is better than another.

    Returns
    -------
    ndarray
        The mean of what is likely, shape `(f + p,)`.
    ndarray
        Some that are likely, shape `(f + p, m)`.
    """
    normals = np.random.default_rng(0).standard_normal((alternatives[0][0].process.size, SAMPLES))
    halves = np.array_split(normals, len(alternatives), axis=1)
    parts = [_drawn_of(fits, own) for fits, own in zip(alternatives, halves, strict=True)]
    likeliest = np.mean([part[0] for part in parts], axis=0)
    return np.asarray(likeliest), np.concatenate([part[1] for part in parts], axis=1)


def _drawn_of(fits: Sequence[Fit], normals: Floats) -> tuple[Floats, Floats]:
    weights = np.exp([fit.likelihood - fits[0].likelihood for fit in fits])
    weights /= np.sum(weights)
    edges = np.round(np.cumsum(weights) * normals.shape[1]).astype(int)
    parts = [
        (weight, fit.process.draw(fit, normals[:, first:last]))
        for weight, fit, first, last in zip(weights, fits, [0, *edges[:-1]], edges, strict=True)
        if last > first
    ]
    total = sum(weight for weight, _ in parts)
    likeliest = sum(weight / total * part[:, 0] for weight, part in parts)
    return np.asarray(likeliest), np.concatenate([part[:, 1:] for _, part in parts], axis=1)
