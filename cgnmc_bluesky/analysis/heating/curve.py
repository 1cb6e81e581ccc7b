"""The release above its background, as a smooth curve with its uncertainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from cgnmc_bluesky.analysis.heating.detection import background_columns, background_from
from cgnmc_bluesky.analysis.heating.noise import STARTS, Noise, noises, plausible
from cgnmc_bluesky.analysis.heating.trace import Bins

Floats = NDArray[np.float64]

BEFORE_C = 100.0
"""A release may have begun so far below the temperature at which it was detected."""
FEWEST = 25
"""Bins that its background rests on beforehand, at least."""
KNOTS_C = 3.0
"""From one knot of the curve to the next."""
STILL_C = 0.2
"""So far the curve goes on from one bin to the next though the temperature stands still."""
LENGTHS_C = (4.0, 6.0, 9.0, 13.0, 19.0, 28.0, 40.0)
"""Lengths over which a release may be smooth."""
SAMPLES = 200
"""Curves that are drawn from what the data leave open."""
DEGREE = 3


@dataclass(frozen=True)
class Curve:
    """A release and its background, and what the data leave open of them.

    Parameters
    ----------
    bins
        What it was made of; `n` of them.
    background, release
        The likeliest, shape `(n,)`, in the unit of the current.
    backgrounds, releases
        Others that are as likely as the data say, shape `(n, m)`.
    """

    bins: Bins
    background: Floats
    release: Floats
    backgrounds: Floats
    releases: Floats

    @property
    def sigma(self) -> Floats:
        """Standard deviation of the release, shape `(n,)`."""
        return np.asarray(np.std(self.releases, axis=1), dtype=np.float64)


def curve_of(bins: Bins, alarm: int) -> Curve:
    """Part a current into a release and its background.

    Parameters
    ----------
    bins
        The current over time and temperature.
    alarm
        Number of the bin where the release was detected.

    Notes
    -----
    The release is a Gaussian process (Matérn 5/2) along the temperature that begins `BEFORE_C`
    below its detection; the background is that of the detection. How smooth and how large it is
    comes from the marginal likelihood, the noise from the bins before it. Rasmussen & Williams,
    Gaussian Processes for Machine Learning, MIT Press 2006, ch. 2 and 5.
    """
    first = background_from(bins.time_s, float(bins.time_s[alarm]))
    part = bins[first:]
    begin = _beginning(part.temperature_c, alarm - first)
    background = background_columns(part.time_s, float(part.time_s[alarm - first]))
    scale = float(np.max(np.abs(part.current))) or 1.0
    spread = _spread(part)
    current = part.current / scale / spread
    noise, size = _noise(background / spread[:, None], current, begin)
    shapes, places_c = _shapes(part.temperature_c, begin)
    columns = np.concatenate([background, shapes], axis=1)
    whitened = noise.whitened(np.column_stack([columns / spread[:, None], current])) / size
    mean, draws = _posterior(whitened[:, :-1], whitened[:, -1], places_c, background.shape[1])
    found = scale * columns[:, : background.shape[1]] @ draws[: background.shape[1]]
    released = scale * shapes @ draws[background.shape[1] :]
    return Curve(
        bins=part,
        background=scale * background @ mean[: background.shape[1]],
        release=scale * shapes @ mean[background.shape[1] :],
        backgrounds=found,
        releases=released,
    )


def _beginning(temperature_c: Floats, alarm: int) -> int:
    """Number of the bin where a release may begin."""
    travelled_c = _progress(temperature_c)
    begin = int(np.searchsorted(travelled_c, travelled_c[alarm] - BEFORE_C))
    return min(max(begin, FEWEST), alarm)


def _progress(temperature_c: Floats) -> Floats:
    """How far the temperature has gone, up or down; it always goes on, shape `(n,)`."""
    steps = np.maximum(np.abs(np.diff(temperature_c)), STILL_C)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _spread(bins: Bins) -> Floats:
    """Noise of each bin over that of the usual one: it may grow with the current."""
    level, scatter = bins.current, bins.scatter
    good = (level > 0) & (scatter > 0)
    if np.count_nonzero(good) < FEWEST:
        return np.ones(len(bins))
    low, high = np.quantile(level[good], [0.02, 0.98])
    if high < 1.5 * low:
        return np.ones(len(bins))
    usual = float(np.median(level[good]))
    power = np.polyfit(np.log(level[good] / usual), np.log(scatter[good]), 1)[0]
    floor = np.maximum(level, 0.1 * usual) / usual
    return np.asarray(floor ** np.clip(power, 0.0, 1.0), dtype=np.float64)


def _noise(background: Floats, current: Floats, begin: int) -> tuple[Noise, float]:
    return plausible(background[:begin], current[:begin], noises())[0]


def _shapes(temperature_c: Floats, begin: int) -> tuple[Floats, Floats]:
    """Splines that a release is made of, shape `(n, p)`, and where each has its place."""
    travelled_c = _progress(temperature_c)
    along_c = np.maximum(travelled_c - travelled_c[begin], 0.0)
    pieces = max(2, int(np.ceil(along_c[-1] / KNOTS_C)))
    knots = np.linspace(0.0, max(float(along_c[-1]), KNOTS_C), pieces + 1)
    knots = np.concatenate([np.zeros(DEGREE), knots, np.full(DEGREE, knots[-1])])
    shapes = BSpline.design_matrix(along_c, knots, DEGREE).toarray()
    places = np.array([np.mean(knots[at + 1 : at + 1 + DEGREE]) for at in range(shapes.shape[1])])
    # without the first two it begins at zero and level
    return shapes[:, 2:], places[2:]


def _posterior(
    columns: Floats, curve: Floats, places_c: Floats, free: int
) -> tuple[Floats, Floats]:
    """Amounts of all columns: the likeliest, and some draws, shapes `(k,)` and `(k, m)`."""
    normal, moments = columns.T @ columns, columns.T @ curve
    own = np.linalg.inv(normal[:free, :free])
    across = normal[free:, :free]
    rest = normal[free:, free:] - across @ own @ across.T
    wanted = moments[free:] - across @ own @ moments[:free]
    best = max((_smoothed(rest, wanted, places_c, length_c) for length_c in LENGTHS_C), key=_first)
    _, axes, variances, amounts = best
    normals = np.random.default_rng(0).standard_normal((len(normal), SAMPLES))
    likeliest = axes @ amounts
    left = curve - columns @ np.append(own @ (moments[:free] - across.T @ likeliest), likeliest)
    worse = np.sqrt(max(1.0, float(left @ left) / (len(curve) - free - STARTS)))
    shapes = likeliest[:, None] + worse * axes @ (np.sqrt(variances)[:, None] * normals[free:])
    shapes = np.column_stack([likeliest, shapes])
    under = own @ (moments[:free, None] - across.T @ shapes)
    under[:, 1:] += worse * np.linalg.cholesky(own) @ normals[:free]
    every = np.concatenate([under, shapes])
    return every[:, 0], every[:, 1:]


_Smoothed = tuple[float, Floats, Floats, Floats]


def _first(smoothed: _Smoothed) -> float:
    return smoothed[0]


def _smoothed(rest: Floats, wanted: Floats, places_c: Floats, length_c: float) -> _Smoothed:
    """Release of one smoothness and its likeliest size.

    Gives the logarithm of the marginal likelihood, the axes along which amounts are independent,
    their variances, and the amounts along them.
    """
    over = np.sqrt(5.0) * np.abs(places_c[:, None] - places_c) / length_c
    prior = (1.0 + over + over**2 / 3.0) * np.exp(-over)
    prior[np.diag_indices_from(prior)] += 1e-8
    root = np.linalg.cholesky(prior)
    precisions, turns = np.linalg.eigh(root.T @ rest @ root)
    precisions = np.maximum(precisions, 0.0)
    axes = root @ turns
    along = axes.T @ wanted
    usual = 1.0 / max(float(np.mean(precisions)), np.finfo(float).tiny)
    sizes = usual * np.logspace(-3.0, 9.0, 49)
    shrunk = 1.0 + sizes[:, None] * precisions
    fitted = np.sum(sizes[:, None] * along**2 / shrunk - np.log(shrunk), axis=1) / 2.0
    at = int(np.argmax(fitted))
    variances = sizes[at] / shrunk[at]
    return float(fitted[at]), axes, variances, variances * along
