"""Patterns of a ramp one after the other, each beginning where the one before it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.bins import Bins
from cgnmc_bluesky.analysis.heating.fitting import Fitted, Prior, fit
from cgnmc_bluesky.analysis.heating.layout import Layout, PhaseLines
from cgnmc_bluesky.analysis.heating.pattern import PatternModel, background_columns
from cgnmc_bluesky.analysis.heating.search import (
    LEAST_RATIO,
    Hit,
    matched,
    rough_background,
    rough_fwhm,
    strangers,
)

Floats = NDArray[np.float64]

SEEN_SIGMAS = 5.0
"""A phase is there when its amount is so many times its standard deviation."""
LEAST_SHARE = 0.004
"""And so much of all: what is left of other lines' tails is no phase."""
APPEARING_SIGMAS = 5.0
"""A phase is looked for again where its lines would explain so much of what is left."""
WORSE = 1.5
"""Where a fit is so many times worse than the one before it, it begins anew."""

LEAST_OF_LINE = 0.1
"""A line is missing where there is less than this part of it."""

_NEEDED = {
    "layered": ((1, 0, 1), (1, 0, 4), (0, 1, 8), (1, 1, 0)),
    "spinel": ((4, 0, 0), (4, 4, 0)),
    "rock_salt": ((1, 1, 1), (2, 0, 0), (2, 2, 0)),
}
"""Lines that cannot be missing."""

_FIRST = {
    "zero_deg": (0.0, 0.01),
    "skew": (0.0, 0.1),
    "divergence": (0.0, 0.1),
    "tailed": (0.6, 0.4),
    "tail": (1.4, 0.6),
    "b_a2": (0.5, 0.5),
}
"""What the shared parameters are before any pattern, with its uncertainty."""
_WALK = {
    "zero_deg": 0.001,
    "skew": 0.02,
    "divergence": 0.02,
    "tailed": 0.02,
    "tail": 0.02,
    "b_a2": 0.03,
    "log_fwhm": 0.05,
    "broadening": 0.05,
    "line": 0.03,
    "a": 0.003,
    "c": 0.03,
}
"""By how much a parameter changes from one pattern to the next."""
_BROADENING = (0.1, 0.3)
_WIDTH_SIGMA = 0.4
_LINE_SIGMA = {"layered": 0.4, "spinel": 0.25, "rock_salt": 0.15}
"""By what part a line's intensity differs from what the structure gives it."""
_BASAL_SIGMA = 1.5
"""Of (00l) of the layered phase: plates lie flat."""
_ODD_SIGMA = 0.5
"""Of lines of the spinel that feel where its metal is: those with odd indices."""
_CELL_SIGMA = {"a": 0.02, "c": 0.1}


@dataclass(frozen=True)
class Followed:
    """A pattern that was fitted, and what it says for the next.

    Parameters
    ----------
    fitted
        The parameters.
    present
        Phases that are there.
    """

    fitted: Fitted
    present: frozenset[str]


def follow(
    bins: Bins, phases: tuple[PhaseLines, ...], wavelength_a: float, before: Followed | None
) -> Followed:
    """Fit the next pattern of a ramp.

    Parameters
    ----------
    bins
        The pattern.
    phases
        The phases.
    wavelength_a
        In ångström.
    before
        The last pattern before it that held any phase.
    """
    model = _model(bins, phases, wavelength_a, before)
    if before is None or before.fitted.layout.size != model.layout.size:
        return _first(model)
    start = _start(model, before)
    followed = _with_new_phases(model, before, _fit(model, start, before))
    now, then = _per_bin(followed), _per_bin(before)
    if now > max(2.0, WORSE * then) or not followed.present:
        anew = _first(model)
        if anew.present and anew.fitted.chi2 < followed.fitted.chi2 / WORSE:
            return anew
    return followed


def _per_bin(followed: Followed) -> float:
    return followed.fitted.chi2 / len(followed.fitted.model.bins)


def _model(
    bins: Bins, phases: tuple[PhaseLines, ...], wavelength_a: float, before: Followed | None
) -> PatternModel:
    if before is not None:
        known = before.fitted.model
        if np.array_equal(known.bins.angle_deg, bins.angle_deg):
            return PatternModel(bins, phases, wavelength_a, known.columns)
    return PatternModel(
        bins, phases, wavelength_a, background_columns(bins.angle_deg, wavelength_a)
    )


def _start(model: PatternModel, before: Followed) -> Floats:
    """The last parameters, as many times the intensity as the pattern has now."""
    layout, start = model.layout, before.fitted.values.copy()
    ratio = float(np.sum(model.bins.intensity) / np.sum(before.fitted.model.bins.intensity))
    if not 0.5 < ratio < 2.0 and ratio > 0:
        start[layout.background] *= ratio
        for phase in model.phases:
            start[layout.at[f"{phase.name}.amount"]] *= ratio
    return start


def _fit(
    model: PatternModel,
    start: Floats,
    before: Followed,
    new: Mapping[str, Floats] | None = None,
) -> Followed:
    fitted = fit(model, start, _prior(model.layout, before, new or {}))
    return Followed(fitted, present_in(fitted))


def _with_new_phases(model: PatternModel, before: Followed, followed: Followed) -> Followed:
    """Fit the cells of phases that were not there before, where the pattern shows them.

    A cubic phase is looked for in what is left of the pattern without it: it may stand elsewhere
    than where it was expected.
    """
    new: dict[str, Floats] = {}
    for phase in model.phases:
        if phase.name in before.present:
            continue
        start = followed.fitted.values.copy()
        if phase.name not in followed.present:
            hit = None if phase.name == "layered" else _left_over(followed, phase)
            if hit is None:
                continue
            start[model.layout.cell(phase)] = hit.cell_a
            start[model.layout.at[f"{phase.name}.amount"]] = hit.amount
        tried_new = {**new, phase.name: start[model.layout.cell(phase)]}
        tried = _fit(model, start, before, tried_new)
        gained = followed.fitted.chi2 - tried.fitted.chi2
        if phase.name in tried.present and gained > -followed.fitted.misfit:
            followed, new = tried, tried_new
        else:
            followed = replace(followed, present=followed.present - {phase.name})
    return followed


def _left_over(followed: Followed, phase: PhaseLines) -> Hit | None:
    """Look for a phase in what a fit leaves of the pattern without it."""
    fitted = followed.fitted
    model = fitted.model
    others = [part for name, part in fitted.parts.items() if name != phase.name]
    left = model.bins.intensity - np.sum(others, axis=0)
    fwhm_deg = _mean_fwhm_deg(fitted, followed.present)
    hit = matched(model.bins, left, phase, fwhm_deg, wavelength_a=model.wavelength_a)
    return hit if hit.significance >= APPEARING_SIGMAS * np.sqrt(fitted.misfit) else None


def strange_lines(followed: Followed) -> list[float]:
    """Angles 2θ, in degrees, of lines that are of none of the phases.

    Parameters
    ----------
    followed
        The pattern.
    """
    parts = followed.fitted.parts
    bins = followed.fitted.model.bins
    lines = np.sum([part for name, part in parts.items() if name != "background"], axis=0)
    left = bins.intensity - parts["background"] - lines
    fwhm_deg = _mean_fwhm_deg(followed.fitted, followed.present)
    return strangers(bins, left, float(lines.max()), fwhm_deg)


def _mean_fwhm_deg(fitted: Fitted, present: frozenset[str]) -> float:
    names = sorted(present) or ["layered"]
    return float(
        np.exp(
            np.mean(
                [
                    fitted.value(f"{name}.log_fwhm") + 0.6 * fitted.value(f"{name}.broadening")
                    for name in names
                ]
            )
        )
    )


def present_in(fitted: Fitted) -> frozenset[str]:
    """Phases that a fit finds.

    Parameters
    ----------
    fitted
        The parameters.

    Notes
    -----
    A layered phase must show its (003), and a c/a that is not that of a cubic one: else the same
    lines are those of a spinel or a rock salt.
    """
    amounts = {phase.name: fitted.value(f"{phase.name}.amount") for phase in fitted.model.phases}
    total = sum(max(amount, 0.0) for amount in amounts.values())
    found = set()
    for phase in fitted.model.phases:
        # a common factor of all lines is no uncertainty of whether they are there
        height, slopes = fitted.model.measured_heights(phase, fitted.values)
        summed = slopes[phase.adjusted].sum(axis=0)
        sigma = float(np.sqrt(np.einsum("p,pq,q->", summed, fitted.covariance, summed)))
        is_seen = height[phase.adjusted].sum() > SEEN_SIGMAS * sigma
        is_much = amounts[phase.name] > LEAST_SHARE * total
        if is_seen and is_much and _is_complete(fitted, phase):
            found.add(phase.name)
    if "layered" in found and not _is_layered(fitted):
        found.remove("layered")
    return frozenset(found)


def _is_complete(fitted: Fitted, phase: PhaseLines) -> bool:
    """Whether no line is missing that the phase must have, whatever lies flat and wherever its
    metal is.
    """
    factor = dict(zip(phase.adjusted.tolist(), fitted.layout.adjusted(phase), strict=True))
    lines = [phase.lines.index_of(*indices) for indices in _NEEDED[phase.name]]
    return all(1.0 + fitted.values[factor[line]] > LEAST_OF_LINE for line in lines)


def _is_odd(phase: PhaseLines, line: int) -> bool:
    return phase.name == "spinel" and phase.lines.indices[line][0] % 2 == 1


def _is_basal(phase: PhaseLines, line: int) -> bool:
    return phase.name == "layered" and phase.lines.indices[line][:2] == (0, 0)


def _is_layered(fitted: Fitted) -> bool:
    phase = fitted.model.phases[0]
    height, slopes = fitted.model.measured_heights(phase, fitted.values)
    n = phase.lines.index_of(0, 0, 3)
    sigma = float(np.sqrt(np.einsum("p,pq,q->", slopes[n], fitted.covariance, slopes[n])))
    ratio = fitted.value("layered.c") / fitted.value("layered.a")
    return bool(height[n] > SEEN_SIGMAS * sigma and ratio > LEAST_RATIO)


def _prior(layout: Layout, before: Followed, new: Mapping[str, Floats]) -> Prior:
    """What the patterns so far say of the next one."""
    first = _first_prior(layout, before.fitted.values)
    mean, sigma = first.mean.copy(), first.sigma.copy()
    variance = np.diagonal(before.fitted.covariance)
    for place, name in enumerate(layout.names):
        phase, _, kind = name.rpartition(".")
        if phase and (phase not in before.present or kind in ("amount", "tetrahedral")):
            continue
        walk = _WALK["line" if kind.startswith("line") else kind]
        mean[place] = before.fitted.values[place]
        sigma[place] = min(float(np.sqrt(variance[place] + walk**2)), first.sigma[place])
        if kind in ("a", "c"):
            sigma[place] = walk
    for phase_lines in layout.phases:
        if phase_lines.name in new:
            mean[layout.cell(phase_lines)] = new[phase_lines.name]
        elif phase_lines.name not in before.present:
            _hold(layout, phase_lines, sigma)
    return Prior(mean, sigma)


def _hold(layout: Layout, phase: PhaseLines, sigma: Floats) -> None:
    """Fit nothing of a phase that is not there but how much of it there is."""
    for name, place in layout.at.items():
        owner, _, kind = name.rpartition(".")
        if owner == phase.name and kind not in ("amount", "tetrahedral"):
            sigma[place] = 0.0


def _first_prior(layout: Layout, values: Floats) -> Prior:
    """What is known before any pattern; cells and widths as given."""
    mean, sigma = np.zeros(layout.size), np.full(layout.size, np.inf)
    for name, (expected, uncertainty) in _FIRST.items():
        mean[layout.at[name]], sigma[layout.at[name]] = expected, uncertainty
    for phase in layout.phases:
        for kind, place in zip(
            ("a", "c"), range(*layout.cell(phase).indices(layout.size)), strict=False
        ):
            mean[place], sigma[place] = values[place], _CELL_SIGMA[kind]
        width = layout.at[f"{phase.name}.log_fwhm"]
        mean[width], sigma[width] = values[width], _WIDTH_SIGMA
        broadening = layout.at[f"{phase.name}.broadening"]
        mean[broadening], sigma[broadening] = _BROADENING
        for n in phase.adjusted:
            known = _ODD_SIGMA if _is_odd(phase, n) else _LINE_SIGMA[phase.name]
            known = _BASAL_SIGMA if _is_basal(phase, n) else known
            sigma[layout.at[f"{phase.name}.line{n}"]] = known
    return Prior(mean, sigma)


def _first(model: PatternModel) -> Followed:
    """Fit a pattern that nothing is known of: as each of the phases, and then with the others."""
    bins, layout = model.bins, model.layout
    background = rough_background(bins, model.columns)
    net = bins.intensity - np.einsum("kn,k->n", model.columns, background)
    fwhm_deg = rough_fwhm(bins, net)
    best: Followed | None = None
    for phase in model.phases:
        hit = matched(bins, net, phase, fwhm_deg, wavelength_a=model.wavelength_a)
        if hit.significance < SEEN_SIGMAS and best is not None:
            continue
        start = _guess(model, background, fwhm_deg)
        start[layout.cell(phase)] = hit.cell_a
        start[layout.at[f"{phase.name}.amount"]] = hit.amount
        prior = _first_prior(layout, start)
        for other in model.phases:
            if other is not phase:
                _hold(layout, other, prior.sigma)
        fitted = fit(model, start, prior)
        present = present_in(fitted)
        alone = Followed(fitted, present & {phase.name})
        found = _with_new_phases(model, alone, Followed(fitted, present))
        if best is None or (bool(found.present), -found.fitted.chi2) > (
            bool(best.present),
            -best.fitted.chi2,
        ):
            best = found
    assert best is not None
    return best


def _guess(model: PatternModel, background: Floats, fwhm_deg: float) -> Floats:
    layout = model.layout
    start = np.zeros(layout.size)
    start[layout.background] = background
    for name, (expected, _) in _FIRST.items():
        start[layout.at[name]] = expected
    for phase in model.phases:
        start[layout.cell(phase)] = phase.structure.cell_a
        start[layout.at[f"{phase.name}.log_fwhm"]] = np.log(fwhm_deg)
        start[layout.at[f"{phase.name}.broadening"]] = _BROADENING[0]
    return start
