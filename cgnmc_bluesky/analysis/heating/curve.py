"""The release above its background, as a smooth curve with its uncertainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from cgnmc_bluesky.analysis.heating.detection import background_columns, background_from
from cgnmc_bluesky.analysis.heating.noise import noises, plausible
from cgnmc_bluesky.analysis.heating.process import BEFORE_C, Fit, Process, Windows, drawn, likely
from cgnmc_bluesky.analysis.heating.trace import Bins

Floats = NDArray[np.float64]

FEWEST = 25
"""Bins that a background rests on beforehand, at least."""
QUIET = 80
"""Bins that its noise is told from, at least; if there are so many before the detection."""
QUIET_C = (60.0, 180.0)
"""They end so far below the detection: there is noise that is seen only in the long run, and a
release that begins slowly must not be taken for it."""
KNOTS_C = 3.5
"""From one knot of the curve to the next."""
STILL_C = 0.2
"""So far the curve goes on from one bin to the next though the temperature stands still."""
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
    The release is a Gaussian process (Matérn 5/2) along the temperature within a window, zero
    outside of it; the background is that of the detection. When the window begins and ends, how
    smooth and how large the release is, comes from the marginal likelihood: curves of all that is
    likely are drawn together. Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT
    Press 2006, ch. 2 and 5.
    """
    first = background_from(bins.time_s, float(bins.time_s[alarm]))
    part, at = bins[first:], alarm - first
    background = background_columns(part.time_s, float(part.time_s[at]))
    scale = float(np.max(np.abs(part.current))) or 1.0
    spread = _spread(part)
    travelled_c = _progress(part.temperature_c)
    shapes, places_c = _shapes(travelled_c, _beginning(travelled_c, at, BEFORE_C[-1], FEWEST))
    columns = np.concatenate([background, shapes], axis=1)
    scaled, current = columns / spread[:, None], part.current / scale / spread
    windows = Windows.of(places_c, travelled_c[at], _summit(part, travelled_c, at))
    fits: list[Fit] = []
    for before_c in QUIET_C:
        end = _beginning(travelled_c, at, before_c, QUIET)
        told = plausible(scaled[:end, :4], current[:end], noises())[0]
        fits += Process(*told, scaled, current, places_c).fits(windows)
    likeliest, _ = drawn(likely(fits))
    model = np.column_stack([scaled[:, :4], scaled[:, 4:] @ likeliest[4:]])
    told = plausible(model, current, noises())[0]
    fits += Process(*told, scaled, current, places_c).fits(windows)
    likeliest, draws = drawn(likely(fits))
    return Curve(
        bins=part,
        background=scale * background @ likeliest[:4],
        release=scale * shapes @ likeliest[4:],
        backgrounds=scale * background @ draws[:4],
        releases=scale * shapes @ draws[4:],
    )


def _beginning(travelled_c: Floats, alarm: int, before_c: float, fewest: int) -> int:
    """Number of the bin so far before the alarm, with enough of them before it."""
    begin = int(np.searchsorted(travelled_c, travelled_c[alarm] - before_c))
    return min(max(begin, fewest), alarm)


def _summit(bins: Bins, travelled_c: Floats, alarm: int) -> float:
    """Where the current is largest from the alarm on, as far as single bins tell."""
    return float(travelled_c[alarm + int(np.argmax(bins.current[alarm:]))])


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


def _shapes(travelled_c: Floats, begin: int) -> tuple[Floats, Floats]:
    """Splines that a release is made of, shape `(n, p)`, and where each has its place."""
    along_c = np.maximum(travelled_c - travelled_c[begin], 0.0)
    pieces = max(2, int(np.ceil(along_c[-1] / KNOTS_C)))
    knots = np.linspace(0.0, max(float(along_c[-1]), KNOTS_C), pieces + 1)
    knots = np.concatenate([np.zeros(DEGREE), knots, np.full(DEGREE, knots[-1])])
    shapes = BSpline.design_matrix(along_c, knots, DEGREE).toarray()
    places = np.array([np.mean(knots[at + 1 : at + 1 + DEGREE]) for at in range(shapes.shape[1])])
    # without the first two it begins at zero and level
    return shapes[:, 2:], places[2:] + travelled_c[begin]
