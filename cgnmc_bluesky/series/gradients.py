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
    maps = [each for each in maps if "cycles" in each.conditions]
    pristine = [each for each in maps if each.conditions["cycles"] == 0]
    cycled: dict[tuple[Any, ...], list[Result]] = {}
    for each in maps:
        if each.conditions["cycles"]:
            key = tuple(each.conditions.get(name) for name in ("material", "cycles", "cutoff_v"))
            cycled.setdefault(key, []).append(each)
    return [
        _compared([each for each in pristine if each.conditions.get("material") == key[0]], some)
        for key, some in cycled.items()
    ]


def _compared(pristine: Sequence[Result], cycled: Sequence[Result]) -> SeriesResult:
    (before, lost_before), (after, lost_after) = (
        points_of(each, "mn_ni_shell", "cycles") for each in (pristine, cycled)
    )
    fate = fate_of([_gradient(each) for each in before], [_gradient(each) for each in after])
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


def _gradient(point: SeriesPoint) -> Gradient:
    values, sigmas = point.result.values, point.result.sigmas
    core, core_sigma = values["mn_ni_core"], sigmas["mn_ni_core"]
    width, width_sigma = values.get("gradient_width_um"), sigmas.get("gradient_width_um")
    contrast = point.value - (core or 0.0)
    return Gradient(
        (contrast, math.hypot(point.sigma, core_sigma or 0.0)),
        (width, width_sigma) if width and width_sigma else None,
    )


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
