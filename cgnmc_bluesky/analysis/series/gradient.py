"""Whether a gradient from core to shell outlasts cycling."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cgnmc_bluesky.analysis.series.trend import LEVEL, Trend, fit_trend

SIGNIFICANT = 3.0
"""Sigmas by which shell and core differ where there is a gradient."""
LOSS, WIDENING = 0.5, 1.0
"""Shares of the contrast and of the width by whose change one would have to see it to say "kept".
"""

Number = tuple[float, float]
"""A value and one standard deviation."""


class Kept(StrEnum):
    """What became of a gradient."""

    KEPT = "kept"
    ALTERED = "altered"
    """There, but not as it was."""
    LOST = "not kept"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Gradient:
    """The gradient of one particle.

    Parameters
    ----------
    contrast
        Shell less core, of Mn/Ni.
    width_um
        Radial distance over which the composition changes; `None` where it is not known.
    """

    contrast: Number
    width_um: Number | None


@dataclass(frozen=True)
class Fate:
    """A gradient before and after.

    Parameters
    ----------
    kept
        What became of it.
    why
        In words.
    contrast, width_um
        From pristine to cycled; `None` where one of both has none.
    """

    kept: Kept
    why: str
    contrast: Trend | None
    width_um: Trend | None


def fate_of(pristine: Sequence[Gradient], cycled: Sequence[Gradient]) -> Fate:
    """Say whether cycled particles have the gradient of pristine ones.

    It is kept if shell and core differ significantly, contrast and width are compatible with the
    pristine ones, and half the contrast or a width twice as large would have been told from them.
    Particles may scatter more than their sigmas say: this widens these (`fit_trend`).

    Examples
    --------
    >>> before = [Gradient((0.79, 0.02), (1.0, 0.1)), Gradient((0.77, 0.02), (1.1, 0.1))]
    >>> after = [Gradient((0.78, 0.03), (1.1, 0.1))]
    >>> fate_of(before, after).kept
    <Kept.KEPT: 'kept'>
    >>> fate_of(before, [Gradient((0.01, 0.03), None)]).kept
    <Kept.LOST: 'not kept'>
    >>> fate_of(before, [Gradient((0.7, 0.5), (1.1, 0.1))]).kept
    <Kept.UNKNOWN: 'cannot tell'>
    """
    contrast = _change([each.contrast for each in pristine], [each.contrast for each in cycled])
    widths = [[each.width_um for each in some if each.width_um] for some in (pristine, cycled)]
    width = _change(*widths)
    if contrast is None:
        missing = "pristine" if not pristine else "cycled"
        return Fate(Kept.UNKNOWN, f"no {missing} particle to compare with", None, width)
    kept, why = _verdict(contrast, width)
    return Fate(kept, why, contrast, width)


def _change(before: Sequence[Number], after: Sequence[Number]) -> Trend | None:
    numbers = [*before, *after]
    place = [0.0] * len(before) + [1.0] * len(after)
    if not before or not after:
        return None
    return fit_trend(place, [value for value, _ in numbers], [sigma for _, sigma in numbers])


def _verdict(contrast: Trend, width: Trend | None) -> tuple[Kept, str]:
    (before, after), (before_sigma, after_sigma) = contrast.means.values, contrast.means.sigmas
    if before < SIGNIFICANT * before_sigma:
        return Kept.UNKNOWN, "the pristine particles show no gradient to compare with"
    is_blind = contrast.detectable > LOSS * before
    if after > SIGNIFICANT * after_sigma:
        return _compared(contrast, width, is_blind=is_blind)
    why = f"shell and core differ by {after:.2g} ± {after_sigma:.1g} in Mn/Ni"
    if is_blind or contrast.p_constant >= LEVEL:
        return Kept.UNKNOWN, f"{why}, too uncertain beside {before:.2g} before; measure longer"
    return Kept.LOST, f"{why}, {before:.2g} before"


def _compared(contrast: Trend, width: Trend | None, *, is_blind: bool) -> tuple[Kept, str]:
    """Compare a gradient that is there with what it was."""
    if contrast.p_constant < LEVEL:
        word = "more" if contrast.change > 0 else "less"
        return Kept.ALTERED, f"shell and core differ, but {word} than before"
    same = "shell and core differ as before"
    if width is None:
        return Kept.UNKNOWN, f"{same}, but there is no width to compare"
    if width.p_constant < LEVEL:
        word = "wider" if width.change > 0 else "narrower"
        return Kept.ALTERED, f"{same}, but the gradient is {word}"
    if is_blind or width.detectable > WIDENING * width.means.values[0]:
        what = "the contrast" if is_blind else "the width"
        return Kept.UNKNOWN, f"{same}, but {what} is too uncertain; measure longer"
    return Kept.KEPT, f"{same}, and the gradient is as wide"
