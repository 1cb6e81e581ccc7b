"""Gradients of particles before and after cycling."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.series.gradient import Fate, Gradient, Kept, fate_of
from cgnmc_bluesky.analysis.series.trend import Trend
from cgnmc_bluesky.results import Result
from cgnmc_bluesky.series.points import SeriesPoint, points_of
from cgnmc_bluesky.series.result import SeriesResult

ANALYSIS = "gradient_kept"
UNITS: Mapping[str, str] = {
    "kept": "",
    "contrast_pristine": "",
    "contrast": "",
    "contrast_change": "",
    "p_contrast": "",
    "width_pristine_um": "um",
    "width_um": "um",
    "width_change_um": "um",
    "p_width": "",
    "particles_pristine": "",
    "particles": "",
}
CORRECTED = "_corrected"
"""Ending of values that are corrected for self-absorption."""
_UNSEEN = 20.0
"""How far a shell may differ from its core in a particle that passes for homogeneous, in sigmas of
the particle's Mn/Ni: as large is the sigma of the contrast where there is one (simulated particles
of 5 µm with a shell of 0.7 µm)."""
_AS_NUMBER = {Kept.KEPT: 1.0, Kept.ALTERED: 0.0, Kept.LOST: 0.0}


def kept_gradients(results: Iterable[Result]) -> list[SeriesResult]:
    """Say for each material, number of cycles and cut-off voltage whether its gradient is kept.

    The contrast is Mn/Ni of the shell less that of the core. Particles that have not been cycled
    (`cycles` 0) are what others are compared with.

    Parameters
    ----------
    results
        Of all runs, as `replay` gives them; those of `mn_ni_ratio` count.

    Returns
    -------
    list of SeriesResult
        One for each material and condition.
    """
    maps = [each for each in results if each.analysis == "mn_ni_ratio"]
    pristine: dict[Any, list[Result]] = {}
    cycled: dict[tuple[Any, ...], list[Result]] = {}
    for each in maps:
        key = tuple(each.conditions.get(name) for name in ("material", "cycles", "cutoff_v"))
        if key[1]:
            cycled.setdefault(key, []).append(each)
        else:
            pristine.setdefault(key[0], []).append(each)
    return [_compared(pristine.get(key[0], []), some) for key, some in cycled.items()]


def _compared(pristine: Sequence[Result], cycled: Sequence[Result]) -> SeriesResult:
    """Compare; of the first, those that do not say that they are pristine are named."""
    ending = _ending([*pristine, *cycled])
    (before, lost_before), (after, lost_after) = (
        points_of(each, f"mn_ni_shell{ending}", "cycles") for each in (pristine, cycled)
    )
    fate = fate_of(
        [_gradient(each.result, ending) for each in before],
        [_gradient(each.result, ending) for each in after],
    )
    left_out = [*lost_before, *lost_after]
    alone = "one particle of each: how far particles differ is not known"
    remarks = [alone] if len(before) == len(after) == 1 else []
    scatter = fate.contrast.means.excess_sigma if fate.contrast else None
    if scatter:
        remarks.append(f"particles differ by {scatter:.2g} in Mn/Ni more than their sigmas say")
    said = [f"{fate.kept}: {fate.why}", *remarks, *(f"left out {each}" for each in left_out)]
    values, sigmas = _numbers(fate, before, after)
    conditions = cycled[0].conditions
    return SeriesResult(
        analysis=ANALYSIS,
        mode=None,
        conditions={
            name: conditions[name]
            for name in ("material", "cycles", "cutoff_v")
            if name in conditions
        },
        status=Status.WAITING if fate.contrast is None else Status.FINAL,
        reason="; ".join(said),
        units=UNITS,
        values=values,
        sigmas=sigmas,
        points=[*before, *after],
        left_out=left_out,
        trend=fate.contrast,
        verdict=str(fate.kept),
    )


def _ending(results: Sequence[Result]) -> str:
    """Say which values are compared: corrected ones where every result that has any has them."""
    shells = [each for each in results if each.values.get("mn_ni_shell") is not None]
    has_all = all(each.values.get(f"mn_ni_shell{CORRECTED}") is not None for each in shells)
    return CORRECTED if shells and has_all else ""


def contrast_of(result: Result, ending: str = "") -> tuple[float, float] | None:
    """Mn/Ni of the shell less that of the core, and one standard deviation.

    Parameters
    ----------
    result
        Of one particle.
    ending
        "_corrected" for values that are corrected for self-absorption.

    Returns
    -------
    tuple[float, float] or None
        `None` where it is not known.
    """
    ends = [f"mn_ni_shell{ending}", f"mn_ni_core{ending}"]
    shell, core = (result.values.get(name) for name in ends)
    sigmas = [result.sigmas.get(name) for name in ends]
    if shell is None or core is None or None in sigmas:
        return None
    sigma = math.hypot(*(each for each in sigmas if each is not None))
    return shell - core, sigma if result.values.get("gradient_width_um") else _UNSEEN * sigma


def _gradient(result: Result, ending: str) -> Gradient:
    width, sigma = result.values.get("gradient_width_um"), result.sigmas.get("gradient_width_um")
    contrast = contrast_of(result, ending) or (0.0, math.inf)
    return Gradient(contrast, (width, sigma) if width and sigma else None)


def _numbers(
    fate: Fate, before: Sequence[SeriesPoint], after: Sequence[SeriesPoint]
) -> tuple[dict[str, float | None], dict[str, float | None]]:
    contrast, contrast_sigmas = _two(fate.contrast, "contrast", "")
    width, width_sigmas = _two(fate.width_um, "width", "_um")
    counts = {"particles_pristine": float(len(before)), "particles": float(len(after))}
    kept = {"kept": _AS_NUMBER.get(fate.kept)}
    return {**kept, **contrast, **width, **counts}, {**contrast_sigmas, **width_sigmas}


def _two(
    trend: Trend | None, name: str, ending: str
) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """Give a quantity of pristine and cycled particles, and its change."""
    if trend is None:
        return {}, {}
    (before, after), (before_sigma, after_sigma) = trend.means.values, trend.means.sigmas
    names = (f"{name}_pristine{ending}", f"{name}{ending}", f"{name}_change{ending}")
    values = dict(zip(names, (float(before), float(after), trend.change), strict=True))
    sigmas = (float(before_sigma), float(after_sigma), trend.change_sigma)
    return {**values, f"p_{name}": trend.p_constant}, dict(zip(names, sigmas, strict=True))
