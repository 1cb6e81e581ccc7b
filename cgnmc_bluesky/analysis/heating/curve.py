"""The release above its background, as a smooth curve with its uncertainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from cgnmc_bluesky.analysis.heating.detection import background_columns
from cgnmc_bluesky.analysis.heating.noise import FINEST, noises, plausible
from cgnmc_bluesky.analysis.heating.process import BEFORE_C, Problem, Process, Windows, drawn
from cgnmc_bluesky.analysis.heating.trace import Bins

Floats = NDArray[np.float64]

FORGOTTEN = 6.0
"""The background before this part of the time until the detection is left out: there the law of
pump-down is furthest from what it is under a release."""
FEWEST = 25
"""Bins that a background rests on beforehand, at least."""
QUIET = 80
"""Bins that its noise is told from, at least; if there are so many before the detection."""
QUIET_C = 100.0
"""They end so far below the detection: a release that begins slowly is not taken for noise."""
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


def curve_of(bins: Bins, alarm: int, *, thorough: bool = True) -> Curve:
    """Part a current into a release and its background.

    Parameters
    ----------
    bins
        The current over time and temperature.
    alarm
        Number of the bin where the release was detected.
    thorough
        Whether other laws of the background are tried too, which takes twice as long.

    Notes
    -----
    The release is a Gaussian process (Matérn 5/2) along the temperature within a window, zero
    outside of it; the background is that of the detection. When the window begins and ends, how
    smooth and how large the release is, comes from the marginal likelihood: curves of all that is
    likely are drawn together. Half of them are for the noise before the release, half for that of
    the whole run: a slow drift is seen in the long run only, where a wide release looks like one.
    And half are for a background that may bend once more, since nobody knows its law.
    Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press 2006, ch. 2 and 5.
    """
    first = int(np.searchsorted(bins.time_s, float(bins.time_s[alarm]) / FORGOTTEN))
    part, at = bins[first:], alarm - first
    background = background_columns(part.time_s, float(part.time_s[at]))
    scale = float(np.max(np.abs(part.current))) or 1.0
    spread = _spread(part)
    current = part.current / scale / spread
    travelled_c = _progress(part.temperature_c)
    shapes, places_c = _shapes(travelled_c, _beginning(travelled_c, at, BEFORE_C[-1], FEWEST))
    windows = Windows.of(places_c, travelled_c[at], _summit(part, travelled_c, at))
    end = _beginning(travelled_c, at, QUIET_C, QUIET)
    bent = np.column_stack([background, background[:, -1] ** 2])
    laws = (background, bent) if thorough else (background,)
    parted = [
        _parted(
            Problem(law / spread[:, None], shapes / spread[:, None], current, places_c),
            end,
            windows,
        )
        for law in laws
    ]
    likeliest = parted[0][0]
    return Curve(
        bins=part,
        background=scale * background @ likeliest[: background.shape[1]],
        release=scale * shapes @ likeliest[background.shape[1] :],
        backgrounds=scale
        * np.column_stack(
            [law @ draws[: law.shape[1]] for law, (_, draws) in zip(laws, parted, strict=True)]
        ),
        releases=scale
        * np.column_stack([shapes @ draws[-shapes.shape[1] :] for _, draws in parted]),
    )


def _parted(problem: Problem, quiet: int, windows: Windows) -> tuple[Floats, Floats]:
    """Amounts of background and release: the likeliest, and others that are as likely.

    Half of the latter are for the noise of the first bins, half for that of all.
    """
    # before a release a gauge may show nothing, without any noise
    least = FINEST * float(np.max(np.abs(problem.curve)))
    noise, size = plausible(problem.background[:quiet], problem.curve[:quiet], noises())[0]
    before = Process(noise, max(size, least), problem).fits(windows)
    likeliest, _ = drawn(before)
    released = problem.shapes @ likeliest[problem.background.shape[1] :]
    model = np.column_stack([problem.background, released])
    noise, size = plausible(model, problem.curve, noises())[0]
    return drawn(before, Process(noise, size, problem).fits(windows))


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
