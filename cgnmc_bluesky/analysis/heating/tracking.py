"""Patterns of a ramp one after the other, each beginning where the one before it ended."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.bins import Bins
from cgnmc_bluesky.analysis.heating.expectations import first_guess, first_prior, hold, next_prior
from cgnmc_bluesky.analysis.heating.fitting import fit
from cgnmc_bluesky.analysis.heating.layout import PhaseLines
from cgnmc_bluesky.analysis.heating.pattern import PatternModel
from cgnmc_bluesky.analysis.heating.presence import (
    SEEN_SIGMAS,
    Followed,
    mean_fwhm_deg,
    present_in,
)
from cgnmc_bluesky.analysis.heating.search import Hit, matched, rough_fwhm
from cgnmc_bluesky.analysis.heating.smooth import background_columns, rough_background

Floats = NDArray[np.float64]

APPEARING_SIGMAS = 5.0
"""A phase is looked for again where its lines would explain so much of what is left."""
WORSE = 1.5
"""Where a fit is so many times worse than the one before it, it begins anew."""


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
    fitted = fit(model, start, next_prior(model.layout, before, new or {}))
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
    fwhm_deg = mean_fwhm_deg(fitted, followed.present)
    hit = matched(model.bins, left, phase, fwhm_deg, wavelength_a=model.wavelength_a)
    return hit if hit.significance >= APPEARING_SIGMAS * np.sqrt(fitted.misfit) else None


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
        start = first_guess(model, background, fwhm_deg)
        start[layout.cell(phase)] = hit.cell_a
        start[layout.at[f"{phase.name}.amount"]] = hit.amount
        prior = first_prior(layout, start)
        for other in model.phases:
            if other is not phase:
                hold(layout, other, prior.sigma)
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
