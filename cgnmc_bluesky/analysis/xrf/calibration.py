"""Gain, width and tails of a detector element, from the sum of the spectra it has recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.xrf.lines import Emitter
from cgnmc_bluesky.analysis.xrf.refinement import refined, solved
from cgnmc_bluesky.analysis.xrf.response import Components, Response, components, compton_ev, curves

Floats = NDArray[np.float64]

UNEXPLAINED = 0.15
"""A spectrum of which more than this part of the counts finds no explanation is another one."""
NEAR = 0.03
"""A start that leaves no more than this part unexplained was near enough."""
SEEN_SIGMAS = 5.0
"""An element is there when its counts are so many times their uncertainty."""

_SMOOTHED = 5
_TOGETHER = 16
_GAINS = np.linspace(-0.012, 0.012, 13)
_SHIFTS_EV = np.linspace(-48.0, 48.0, 9)
_WIDTHS = np.geomspace(0.3, 3.5, 241)


class Unusable(ValueError):
    """A spectrum that does not show what it should; the message says what it shows."""


@dataclass(frozen=True)
class Calibration:
    """A response that explains a sum of spectra.

    Parameters
    ----------
    response
        The response.
    components
        The known curves.
    amounts
        Counts of each curve in the sum, shape `(k,)`.
    covariance
        Their covariance by counting, shape `(k, k)`.
    fit
        The sum that they give, shape `(channels,)`.
    unexplained
        Part of the counts that the fit puts elsewhere, beyond what counting does.
    """

    response: Response
    components: Components
    amounts: Floats
    covariance: Floats
    fit: Floats
    unexplained: float

    def part(self, *names: str) -> Floats:
        """Counts of some of the curves in each channel, shape `(channels,)`."""
        of = [at for at, name in enumerate(self.components.names) if name in names]
        return np.asarray(np.einsum("ij,j->i", self.components.columns[:, of], self.amounts[of]))


def nominal(gain_ev: float, zero_ev: float, incident_ev: float | None) -> Response:
    """Response that is expected before any spectrum is seen.

    Parameters
    ----------
    gain_ev, zero_ev
        Width of a channel and energy of channel 0, in eV.
    incident_ev
        Energy of the beam, in eV; without it no scatter is looked for.
    """
    if incident_ev is None:
        return Response(gain_ev, zero_ev)
    return Response(gain_ev, zero_ev, elastic_ev=incident_ev, compton_ev=compton_ev(incident_ev))


def calibrate(
    counts: Floats,
    channels: NDArray[np.integer],
    emitters: Sequence[Emitter],
    start: Response,
    *,
    search: bool = True,
) -> Calibration:
    """Find the response that explains a sum of spectra.

    Parameters
    ----------
    counts
        The sum, shape `(n,)`.
    channels
        Numbers of its channels, shape `(n,)`.
    emitters
        What may be in the sample.
    start
        Response to begin with.
    search
        Whether gain and zero may be far from `start`, so that they have to be searched for.

    Raises
    ------
    Unusable
        If the spectrum does not show the lines.

    Notes
    -----
    Weights are those of the expected counts, not of the counts found, which would pull the fit
    down. They are less by as much as the lines miss the counts.
    """
    if search:
        calibration = _fitted(counts, channels, emitters, start)
    else:
        near = explain(counts, components(start, emitters, channels), start)
        calibration = _refitted(counts, channels, emitters, start, _expected(near, counts))
    if search and not _shows(calibration, emitters, NEAR):
        begin = _searched(counts, channels, emitters, start)
        calibration = _fitted(counts, channels, emitters, begin)
    if not _shows(calibration, emitters, UNEXPLAINED):
        raise Unusable(_why_not(calibration, counts, emitters, channels, start))
    return calibration


def _fitted(
    counts: Floats, channels: NDArray[np.integer], emitters: Sequence[Emitter], start: Response
) -> Calibration:
    first = _refitted(counts, channels, emitters, start, np.maximum(_smoothed(counts), 1.0))
    return _refitted(counts, channels, emitters, first.response, _expected(first, counts))


def _refitted(
    counts: Floats,
    channels: NDArray[np.integer],
    emitters: Sequence[Emitter],
    start: Response,
    variance: Floats,
) -> Calibration:
    found = refined(counts, channels, emitters, start, variance)
    return _calibration(counts, components(found, emitters, channels), found, variance)


def _expected(calibration: Calibration, counts: Floats) -> Floats:
    """Variance of the counts as a fit foretells it.

    Where lines are not quite of this shape, counting alone would stretch a tail to its limit for
    what it does not explain; what a response usually is has to keep its weight.
    """
    expected = np.maximum(calibration.fit, 0.5)
    misfit = float(np.mean((counts - calibration.fit) ** 2 / expected))
    return np.asarray(expected * max(1.0, misfit))


def explain(counts: Floats, known: Components, response: Response) -> Calibration:
    """Fit a spectrum with a response that is known.

    Parameters
    ----------
    counts
        The spectrum, shape `(n,)`.
    known
        Its known curves.
    response
        The response that they are made of.
    """
    variance = np.maximum(_smoothed(counts), 1.0)
    for _ in range(2):
        calibration = _calibration(counts, known, response, variance)
        variance = np.maximum(calibration.fit, 0.5)
    return calibration


def _searched(
    counts: Floats, channels: NDArray[np.integer], emitters: Sequence[Emitter], start: Response
) -> Response:
    """Gain and zero near enough for the refinement, the pivot being the middle of the channels."""
    middle = float(channels.mean())
    tried = [
        replace(
            start,
            gain_ev=start.gain_ev * (1.0 + change),
            zero_ev=start.zero_ev - start.gain_ev * change * middle + shift_ev,
        )
        for change in _GAINS
        for shift_ev in _SHIFTS_EV
    ]
    misfits = _misfits(counts, channels, emitters, tried)
    return tried[int(np.argmin(misfits))]


def _misfits(
    counts: Floats,
    channels: NDArray[np.integer],
    emitters: Sequence[Emitter],
    responses: Sequence[Response],
) -> list[float]:
    """Sum of squares that each response leaves."""
    variance = np.maximum(_smoothed(counts), 1.0)
    found = []
    for first in range(0, len(responses), _TOGETHER):
        for columns in curves(responses[first : first + _TOGETHER], emitters, channels):
            amounts, _ = solved(columns, counts, variance)
            residual = counts - np.einsum("ij,j->i", columns, amounts)
            found.append(float(np.einsum("i,i->", residual**2, 1.0 / variance)))
    return found


def _calibration(
    counts: Floats, known: Components, response: Response, variance: Floats
) -> Calibration:
    amounts, projection = solved(known.columns, counts, variance)
    fit = np.einsum("ij,j->i", known.columns, amounts)
    covariance = np.einsum("ij,kj,j->ik", projection, projection, np.maximum(counts, 0.0))
    by_counting = np.sqrt(2.0 / np.pi) * np.sqrt(np.maximum(fit, 0.5)).sum()
    beyond = max(0.0, float(np.abs(counts - fit).sum()) - by_counting)
    unexplained = beyond / max(1.0, float(counts.sum()))
    return Calibration(response, known, amounts, covariance, fit, unexplained)


def _shows(calibration: Calibration, emitters: Sequence[Emitter], unexplained: float) -> bool:
    """Whether a spectrum shows some of the elements and little else."""
    seen = _seen(calibration, len(emitters))
    return bool(seen.any()) and calibration.unexplained < unexplained


def _why_not(
    calibration: Calibration,
    counts: Floats,
    emitters: Sequence[Emitter],
    channels: NDArray[np.integer],
    start: Response,
) -> str:
    named = ", ".join(emitter.element for emitter in emitters)
    width_ev = _other_width(counts, channels, emitters, start, calibration)
    if width_ev:
        return (
            f"the lines of {named} are not where channels of {start.gain_ev:g} eV put them; with "
            f"{width_ev:.2g} eV a channel they would be: correct channel_ev"
        )
    if not _seen(calibration, len(emitters)).any():
        return f"the spectrum does not show {named}: check elements and channel_ev"
    return (
        f"{calibration.unexplained:.0%} of the counts are no line of {named}: check elements and "
        "channel_ev"
    )


def _other_width(
    counts: Floats,
    channels: NDArray[np.integer],
    emitters: Sequence[Emitter],
    start: Response,
    calibration: Calibration,
) -> float:
    """Width of a channel that would explain the spectrum far better; 0 if there is none."""
    widths = start.gain_ev * _WIDTHS
    tried = [replace(start, gain_ev=float(width), zero_ev=0.0) for width in widths]
    misfits = _misfits(counts, channels, emitters, tried)
    now = float(np.sum((counts - calibration.fit) ** 2 / np.maximum(_smoothed(counts), 1.0)))
    best = int(np.argmin(misfits))
    if misfits[best] > 0.5 * now:
        return 0.0
    # one element looks like another at some width: it takes two to tell
    found = _fitted(counts, channels, emitters, tried[best])
    amounts = found.amounts[: len(emitters)]
    seen = _seen(found, len(emitters)) & (amounts > 0.05 * amounts.max())
    told = found.unexplained < UNEXPLAINED and seen.sum() >= min(2, len(emitters))
    return float(widths[best]) if told else 0.0


def _seen(calibration: Calibration, n_elements: int) -> NDArray[np.bool_]:
    sigmas = np.sqrt(np.diagonal(calibration.covariance)[:n_elements])
    return calibration.amounts[:n_elements] > SEEN_SIGMAS * np.maximum(sigmas, 1e-30)


def _smoothed(counts: Floats) -> Floats:
    kernel = np.ones(2 * _SMOOTHED + 1)
    among = np.convolve(np.ones(len(counts)), kernel, "same")
    return np.asarray(np.convolve(counts, kernel, "same") / among)
