"""Two releases of gas set against each other: how far apart, and how much wider one is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

TEMPERATURES = ("t_rate_c", "t_detect_c", "t_first_deviation_c", "t_extrapolated_c", "t_peak_c")
"""Of these the difference is taken, the primary one first."""
WIDTH = "fwhm_c"
"""Of this the ratio."""
RATE = "rate_c_per_min"
_SAME_RATE = 0.05


@dataclass(frozen=True)
class Release:
    """What is known of one release.

    Parameters
    ----------
    label
        What it is called in words.
    values, sigmas
        Temperatures and width in °C, heating rate in °C/min, by the names of an O2 onset's values,
        and one standard deviation of each; `None` where one cannot be given.
    reason
        Why there is none, in words.
    """

    label: str
    values: Mapping[str, float | None]
    sigmas: Mapping[str, float | None] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Contrast:
    """One quantity of two releases.

    Parameters
    ----------
    quantity
        Name of the value that both have, or should.
    name
        Name of what sets them apart.
    first, second
        The value in each, and one standard deviation; `None` where there is none.
    value
        Second less first in °C, or second over first; `None` where they cannot be compared.
    sigma
        One standard deviation of this; `None` where a part of it is not known.
    significance
        How many standard deviations the two are apart, signed.
    reason
        Why they cannot be compared.
    """

    quantity: str
    name: str
    first: tuple[float | None, float | None]
    second: tuple[float | None, float | None]
    value: float | None = None
    sigma: float | None = None
    significance: float | None = None
    reason: str = ""

    @property
    def is_ratio(self) -> bool:
        """Whether one is divided by the other, not subtracted."""
        return self.quantity == WIDTH

    @property
    def unit(self) -> str:
        """Unit of the value."""
        return "" if self.is_ratio else "degC"

    def between(self, first: float, second: float) -> float:
        """Set two numbers against each other as this quantity is."""
        return second / first if self.is_ratio else second - first


def compare_releases(first: Release, second: Release) -> list[Contrast]:
    """Set two releases against each other.

    Temperatures are subtracted, T₂ − T₁ with σ² = σ₁² + σ₂²; widths are divided, with
    (σ/r)² = (σ₁/w₁)² + (σ₂/w₂)², and told apart by the logarithm of the ratio. The two runs are
    taken as independent: what is wrong with both thermometers alike cancels in the difference.

    Parameters
    ----------
    first, second
        The releases.

    Returns
    -------
    list of Contrast
        The primary temperature first, the width last.

    Examples
    --------
    >>> sharp = Release("sharp", {"t_rate_c": 190.0, "fwhm_c": 15.0}, {"t_rate_c": 1.2})
    >>> wide = Release("wide", {"t_rate_c": 195.0, "fwhm_c": 60.0}, {"t_rate_c": 1.6})
    >>> contrasts = {each.name: each for each in compare_releases(sharp, wide)}
    >>> onset = contrasts["t_rate_difference_c"]
    >>> onset.value, onset.sigma, onset.significance
    (5.0, 2.0, 2.5)
    >>> contrasts["fwhm_ratio"].value, contrasts["t_peak_difference_c"].reason
    (4.0, 'neither sharp nor wide has one')
    """
    found = [_difference(quantity, first, second) for quantity in TEMPERATURES]
    return [*found, _ratio(first, second)]


def different_rates(first: Release, second: Release) -> str:
    """Say that two releases were heated at different rates, which moves them; else nothing.

    Examples
    --------
    >>> different_rates(Release("a", {RATE: 4.0}), Release("b", {RATE: 8.0}))
    'a was heated at 4.0 °C/min and b at 8.0: a faster ramp moves a release up and widens it'
    """
    one, other = first.values.get(RATE), second.values.get(RATE)
    if not one or not other or abs(math.log(other / one)) < _SAME_RATE:
        return ""
    return (
        f"{first.label} was heated at {one:.1f} °C/min and {second.label} at {other:.1f}: "
        "a faster ramp moves a release up and widens it"
    )


def _pair(release: Release, quantity: str) -> tuple[float | None, float | None]:
    return release.values.get(quantity), release.sigmas.get(quantity)


def _difference(quantity: str, first: Release, second: Release) -> Contrast:
    name = f"{quantity.removesuffix('_c')}_difference_c"
    (one, one_sigma), (other, other_sigma) = pairs = _pair(first, quantity), _pair(second, quantity)
    if one is None or other is None:
        return Contrast(quantity, name, *pairs, reason=_why_not(quantity, first, second))
    value = other - one
    if one_sigma is None or other_sigma is None:
        return Contrast(quantity, name, *pairs, value)
    sigma = math.hypot(one_sigma, other_sigma)
    return Contrast(quantity, name, *pairs, value, sigma, value / sigma if sigma else None)


def _ratio(first: Release, second: Release) -> Contrast:
    name = f"{WIDTH.removesuffix('_c')}_ratio"
    (one, one_sigma), (other, other_sigma) = pairs = _pair(first, WIDTH), _pair(second, WIDTH)
    if not one or not other:
        return Contrast(WIDTH, name, *pairs, reason=_why_not(WIDTH, first, second))
    value = other / one
    if one_sigma is None or other_sigma is None:
        return Contrast(WIDTH, name, *pairs, value)
    relative = math.hypot(one_sigma / one, other_sigma / other)
    apart = math.log(value) / relative if relative else None
    return Contrast(WIDTH, name, *pairs, value, value * relative, apart)


def _why_not(quantity: str, first: Release, second: Release) -> str:
    without = [each for each in (first, second) if not each.values.get(quantity)]
    names = [each.label for each in without]
    said = f"{names[0]} has none" if len(names) == 1 else f"neither {' nor '.join(names)} has one"
    reasons = list(dict.fromkeys(each.reason for each in without if each.reason))
    return f"{said} ({'; '.join(reasons)})" if reasons else said
