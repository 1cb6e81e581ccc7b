"""Gas releases by kinetics, exact along any course of temperature, and what is true of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Law = Callable[[Floats], Floats]

ZERO_CELSIUS_K = 273.15
ONSET_SHARE = 0.01
RATE_SHARE = 0.05
FIRST_SEEDS = 3e-3
"""Share that an autocatalytic reaction begins with."""


def first_order(theta: Floats) -> Floats:
    """Return dα/dθ of α = 1 − exp(−θ)."""
    return np.exp(-theta)


def avrami(theta: Floats) -> Floats:
    """Return dα/dθ of α = 1 − exp(−θ²): growth from random nuclei."""
    return np.asarray(2 * theta * np.exp(-(theta**2)))


def autocatalytic(theta: Floats) -> Floats:
    """Return dα/dθ of dα/dθ = α (1 − α), from the first seeds on (Prout and Tompkins)."""
    left = np.exp(-theta) * (1 / FIRST_SEEDS - 1)
    return np.asarray(left / (1 + left) ** 2)


LAWS: tuple[Law, ...] = (first_order, avrami, autocatalytic)


@dataclass(frozen=True)
class Reaction:
    """A reaction whose rate constant follows Arrhenius.

    With reduced time θ = ∫ k dt the course of each law is known in closed form, so that the rate is
    exact whatever the temperature does. A material of many compositions releases as many such
    reactions, one after the other.

    Parameters
    ----------
    law
        dα/dθ against θ.
    energy
        Activation energy over the gas constant, K.
    at_k
        Temperature at which k dt = energy / at_k² dT, where a first-order peak lies.
    apart_k
        Shifts of `at_k` from composition to composition.
    """

    law: Law
    energy: float
    at_k: float
    apart_k: Floats

    def rate(self, temperature_c: Floats, time_s: Floats, rate_c_per_s: float) -> Floats:
        """Give the release along a course of temperature, in arbitrary units, shape `(n,)`.

        Parameters
        ----------
        temperature_c
            Of the sample, shape `(n,)`.
        time_s
            Times, shape `(n,)`.
        rate_c_per_s
            What the ramp is meant to be: `at_k` is where its peak lies.
        """
        total = np.zeros_like(time_s)
        kelvin = temperature_c + ZERO_CELSIUS_K
        for apart_k in self.apart_k:
            at_k = self.at_k + apart_k
            # What is over long since need not overflow.
            constant = np.exp(np.minimum(self.energy * (1 / at_k - 1 / kelvin), 200.0))
            constant *= rate_c_per_s * self.energy / at_k**2
            passed = np.diff(time_s) * (constant[1:] + constant[:-1]) / 2
            theta = np.concatenate([[0.0], np.cumsum(passed)])
            total += constant * self.law(theta)
        return total


def reaction(
    law: Law, starts_c: float, fwhm_c: float, shares: Floats, rate_c_per_s: float
) -> Reaction:
    """Find the reaction that has a width and a beginning on an even ramp.

    Parameters
    ----------
    law
        Its law.
    starts_c
        Where its rate is 1 % of its largest.
    fwhm_c
        Full width of its rate at half of its largest.
    shares
        Shifts from composition to composition, over that width.
    rate_c_per_s
        Rate of the ramp.
    """
    even_c = np.arange(0.0, 900.0, 0.5)
    time_s = even_c / rate_c_per_s
    at_k, width_c = starts_c + 2 * fwhm_c + ZERO_CELSIUS_K, fwhm_c / (1 + np.ptp(shares))
    for _ in range(8):
        found = Reaction(law, 2.4 * at_k**2 / width_c, at_k, shares * width_c)
        known = truth(found.rate(even_c, time_s, rate_c_per_s), even_c, np.ones_like(even_c))
        # Too wide for the grid is NaN, which fmax takes for small.
        width_c *= np.fmin(np.fmax(fwhm_c / known["fwhm_c"], 0.7), 1.5)
        at_k += starts_c - known["t_one_percent_c"]
    return Reaction(law, 2.4 * at_k**2 / width_c, at_k, shares * width_c)


def truth(release: Floats, temperature_c: Floats, background: Floats) -> dict[str, float]:
    """Say what is true of a release over a background, without noise.

    Parameters
    ----------
    release
        Current above the background, shape `(n,)`, on a fine grid.
    temperature_c
        Of the sample when that gas left it, shape `(n,)`, rising.
    background
        Current without the release, shape `(n,)`.

    Returns
    -------
    dict of str to float
        `t_one_percent_c` (1 % of the largest rate), `t_rate_c` (5 % of the background under it),
        `t_extrapolated_c` (where the steepest tangent of the rise meets the background),
        `t_peak_c`, `fwhm_c`, and `max_slope` of the rise; NaN where the ramp does not reach it.
    """
    top = int(np.argmax(release))
    slope = np.gradient(release, temperature_c)
    rising = release[: top + 1] > ONSET_SHARE * release[top]
    steepest = int(np.argmax(np.where(rising, slope[: top + 1], 0.0)))
    half = release / release[top] - 0.5
    rise, fall = _first(half, temperature_c), _first(-half[top:], temperature_c[top:])
    return {
        "t_one_percent_c": _first(release / release[top] - ONSET_SHARE, temperature_c),
        "t_rate_c": _first(release / background - RATE_SHARE, temperature_c),
        "t_extrapolated_c": float(temperature_c[steepest] - release[steepest] / slope[steepest]),
        "t_peak_c": float(temperature_c[top]) if top < len(release) - 1 else np.nan,
        "fwhm_c": fall - rise,
        "max_slope": float(slope[steepest]),
    }


def _first(values: Floats, temperature_c: Floats) -> float:
    """Temperature at which values first rise above zero; NaN where they do not."""
    above = np.flatnonzero(values > 0)
    if not len(above):
        return np.nan
    at = int(above[0])
    if at == 0:
        return float(temperature_c[0])
    low, high = values[at - 1], values[at]
    step_c = temperature_c[at] - temperature_c[at - 1]
    return float(temperature_c[at - 1] + step_c * low / (low - high))
