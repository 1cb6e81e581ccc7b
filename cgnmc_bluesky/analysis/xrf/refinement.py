"""Numbers of a detector's response, from a spectrum: what is linear in it is solved for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.descent import Local, descend
from cgnmc_bluesky.analysis.xrf.lines import Emitter
from cgnmc_bluesky.analysis.xrf.response import Response, compton_ev, curves

Floats = NDArray[np.float64]

_STEP = 1e-3
_TOLERANCE = 0.02


@dataclass(frozen=True)
class Free:
    """A number of the response that the spectrum tells.

    Parameters
    ----------
    name
        Name in `Response`.
    expected, spread
        What it is expected to be, give or take.
    low, high
        Between which it stays.
    """

    name: str
    expected: float
    spread: float
    low: float
    high: float


def solved(columns: Floats, counts: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Amounts by weighted least squares, and the matrix that gives them."""
    size = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    scaled = columns / np.maximum(size, 1e-30)
    weighted = scaled / variance[:, None]
    normal = np.einsum("ij,ik->jk", scaled, weighted)
    projection = np.einsum("jk,ik->ji", np.linalg.pinv(normal, hermitian=True), weighted)
    projection /= np.maximum(size, 1e-30)[:, None]
    return np.einsum("ji,i->j", projection, counts), projection


def refined(
    counts: Floats,
    channels: NDArray[np.integer],
    emitters: Sequence[Emitter],
    start: Response,
    variance: Floats,
) -> Response:
    """Find the response that explains a spectrum best, near a start.

    Parameters
    ----------
    counts, channels, emitters
        The spectrum, its channels, and what may be in the sample.
    start
        Where to begin.
    variance
        Expected variance of each count, shape `(n,)`.

    Notes
    -----
    Amounts are solved for at each step (variable projection). Numbers that a spectrum hardly tells
    (tail, Fano factor) are held near what they usually are.
    """
    free = _free(start)
    names = [one.name for one in free]
    expected = np.array([one.expected for one in free])
    spread = np.array([one.spread for one in free])

    def response(steps: Floats) -> Response:
        numbers = (expected + steps * spread).tolist()
        return replace(start, **dict(zip(names, numbers, strict=True)))

    def columns(steps: Floats) -> Floats:
        responses = [response(one) for one in steps]
        return curves(responses, emitters, channels) / noise[:, None]

    noise = np.sqrt(variance)
    problem = _Separable(columns, counts / noise)
    begin = (np.array([getattr(start, name) for name in names]) - expected) / spread
    low = np.array([(one.low - one.expected) / one.spread for one in free])
    high = np.array([(one.high - one.expected) / one.spread for one in free])
    steps, _ = descend(problem, np.clip(begin, low, high), low, high, tolerance=_TOLERANCE)
    return response(steps)


@dataclass(frozen=True)
class _Separable:
    """Squares of what curves leave of the counts, the amounts being solved for, and of the steps.

    Parameters
    ----------
    columns
        Known curves at several sets of steps, shape `(m, n, k)`, each point over its noise.
    counts
        The counts over their noise.
    """

    columns: Callable[[Floats], Floats]
    counts: Floats

    def __call__(self, steps: Floats) -> Local:
        """Evaluate at some steps from what is expected, in spreads (Kaufman's approximation)."""
        around = np.vstack([np.zeros(len(steps)), _STEP * np.eye(len(steps))])
        columns, *moved = self.columns(steps + around)
        amounts, projection = solved(columns, self.counts, np.ones(len(self.counts)))
        residual = self.counts - np.einsum("ij,j->i", columns, amounts)
        slopes = np.einsum("pij,j->ip", np.stack(moved) - columns, amounts) / _STEP
        slopes -= np.einsum("ij,jp->ip", columns, np.einsum("ji,ip->jp", projection, slopes))
        squares = float(np.einsum("i,i->", residual, residual))
        return Local(
            chi2=squares + float(np.einsum("p,p->", steps, steps)),
            slope=np.einsum("ip,i->p", slopes, residual) - steps,
            normal=np.einsum("ip,iq->pq", slopes, slopes) + np.eye(len(steps)),
            misfit=max(1.0, squares / len(residual)),
        )


def _free(start: Response) -> list[Free]:
    free = [
        Free("gain_ev", start.gain_ev, 0.02 * start.gain_ev, 0.0, np.inf),
        Free("zero_ev", start.zero_ev, 100.0, -np.inf, np.inf),
        Free("noise_ev", 90.0, 40.0, 10.0, 400.0),
        Free("fano", 0.115, 0.01, 0.05, 0.3),
        Free("tail_share", 0.01, 0.02, 0.0, 0.3),
        Free("tail_ev", 250.0, 100.0, 60.0, 800.0),
        Free("step_share", 0.005, 0.005, 0.0, 0.1),
        Free("beta_scale", 1.0, 0.04, 0.7, 1.4),
    ]
    if start.compton_ev:
        free += [
            Free("compton_ev", compton_ev(start.elastic_ev), 30.0, 0.0, start.elastic_ev),
            Free("compton_sigma_ev", 60.0, 30.0, 1.0, 400.0),
        ]
    return free
