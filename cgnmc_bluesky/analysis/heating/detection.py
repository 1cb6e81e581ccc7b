"""Detection of a release: the likelihood of a rise over a background of unknown law."""

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.noise import STARTS, Noise, noises, plausible
from cgnmc_bluesky.analysis.heating.trace import Bins

Floats = NDArray[np.float64]

FIRST = 40
"""Bins that must be there before a rise can be told from a background."""
FORGOTTEN = 20.0
"""The background before this part of the time gone by is forgotten: pump-down is quickest then."""
SOFTENED_S = 60.0
"""Added to the time in its logarithm."""
FOLDS_C = (3.0, 6.0, 12.0, 24.0)
"""A kinetic rise grows by e over so many °C: 2.7 eV at 200 °C grows so over 7 °C."""
RENEWED = 16
"""The noise is told anew every so many bins."""
NOISE_BINS = 400
"""From at most so many bins."""
FINEST = 1e-6
"""No reading is better than this share of the largest."""
PER_DEGREE = 2.0
"""Bins that are worth one independent reading when the size of the noise is told from them."""
SCORES = {0.2: 4.1, 0.1: 4.75, 0.05: 5.2, 0.02: 5.7, 0.01: 6.1}
"""Score that is reached in a share of the runs without any release."""


def background_columns(time_s: Floats, end_s: float) -> Floats:
    """Curves that a background is made of: constant, quadratic in log time, linear in time.

    Parameters
    ----------
    time_s
        Time since the first reading, shape `(n,)`.
    end_s
        Time in whose units.

    Returns
    -------
    ndarray
        Shape `(n, 4)`.

    Notes
    -----
    Pump-down follows a power law, exponentials or a logarithm, and nobody knows which: over a
    limited range of log time each is close to a parabola. The line is for drift.
    """
    log = np.log((time_s + SOFTENED_S) / (end_s + SOFTENED_S))
    return np.stack([np.ones(len(time_s)), log, log**2, time_s / end_s], axis=1)


def background_from(time_s: Floats, end_s: float) -> int:
    """Number of the first bin that the background is taken from."""
    return int(np.searchsorted(time_s, end_s / FORGOTTEN))


def threshold(false_alarm_rate: float) -> float:
    """Score that so large a share of runs without release reach.

    Parameters
    ----------
    false_alarm_rate
        The share, between 0.01 and 0.2.
    """
    rates = sorted(SCORES)
    scores = [SCORES[rate] for rate in rates]
    return float(np.interp(np.log(false_alarm_rate), np.log(rates), scores))


class Detector:
    """Looks for a rise at the end of the bins so far, one bin after the other.

    Parameters
    ----------
    false_alarm_rate
        Share of the runs without release in which it may alarm.

    Attributes
    ----------
    alarm
        Number of the bin at which it alarmed; `None` if it has not.

    Notes
    -----
    At each bin the score is the amount of the best of some kinetic rises, `exp(T/fold)`, over its
    standard deviation, beside a background of free amounts; averaged over the noises that are
    plausible. Noise is told from the run itself, so a run with wilder noise has a
    higher bar. The threshold is of runs without release, whose backgrounds and noises were drawn
    from many laws.
    """

    def __init__(self, false_alarm_rate: float) -> None:
        self._threshold = threshold(false_alarm_rate)
        self._done = FIRST
        self._noises: list[Noise] = []
        self.alarm: int | None = None

    def look(self, bins: Bins) -> None:
        """Go on over bins that are new; nothing is looked at any more after an alarm."""
        while self.alarm is None and self._done < len(bins):
            if self._score(bins[: self._done + 1]) > self._threshold:
                self.alarm = self._done
            self._done += 1

    def _score(self, bins: Bins) -> float:
        first = background_from(bins.time_s, float(bins.time_s[-1]))
        part = bins[first:]
        background = background_columns(part.time_s, float(part.time_s[-1]))
        rises = _rises(part.temperature_c)
        if (len(bins) - 1 - FIRST) % RENEWED == 0 or not self._noises:
            self._noises = _told(background, rises, part.current)
        scale = float(np.max(np.abs(part.current))) or 1.0
        columns = np.column_stack([background, rises, part.current / scale])
        scores = [_scores(noise.whitened(columns), background.shape[1]) for noise in self._noises]
        return float(np.max(np.mean(scores, axis=0)))


def _rises(temperature_c: Floats) -> Floats:
    """Curves that end in a kinetic rise, shape `(n, k)`."""
    below_c = temperature_c[:, None] - temperature_c[-1]
    kinetic = np.exp(np.clip(below_c / np.array(FOLDS_C), -60.0, 20.0))
    return np.asarray(kinetic, dtype=np.float64)


def _told(background: Floats, rises: Floats, current: Floats) -> list[Noise]:
    model = np.column_stack([background, rises[:, -1]])[-NOISE_BINS:]
    scale = float(np.max(np.abs(current))) or 1.0
    return [noise for noise, _ in plausible(model, current[-NOISE_BINS:] / scale, noises())]


def _scores(whitened: Floats, n_background: int) -> Floats:
    """Amount of each rise over its standard deviation, all beside the background."""
    basis, _ = np.linalg.qr(whitened[:, :n_background])
    rest = whitened[:, n_background:]
    rest = rest - basis @ (basis.T @ rest)
    rises, curve = rest[:, :-1], rest[:, -1]
    sizes = np.sum(rises**2, axis=0)
    amounts = rises.T @ curve
    degrees = len(curve) - STARTS - n_background - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.maximum(curve @ curve - amounts**2 / sizes, degrees * FINEST**2)
        scores = amounts / np.sqrt(sizes * left / degrees)
    return _normal(np.where(np.isfinite(scores), scores, 0.0), degrees / PER_DEGREE)


def _normal(scores: Floats, degrees: float) -> Floats:
    """Scores as rare in normal variates as these are in Student's t.

    Wallace, Annals of Mathematical Statistics 30 (1959) 1121.
    """
    shrunk = np.sqrt(degrees * np.log1p(scores**2 / degrees))
    return np.asarray(np.sign(scores) * shrunk * (8 * degrees + 1) / (8 * degrees + 3))
