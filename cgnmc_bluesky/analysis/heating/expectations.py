"""What is known of a pattern's parameters beforehand: at first, and from the patterns before it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.fitting import Prior
from cgnmc_bluesky.analysis.heating.layout import Layout, PhaseLines
from cgnmc_bluesky.analysis.heating.pattern import PatternModel
from cgnmc_bluesky.analysis.heating.presence import Followed

Floats = NDArray[np.float64]

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
    "b_a2": 0.05,
    "log_fwhm": 0.05,
    "broadening": 0.05,
    "line": 0.01,
    "basal": 0.03,
    "a": 0.003,
    "c": 0.03,
}
"""By how much a parameter changes from one pattern to the next."""
_BROADENING = (0.1, 0.3)
"""By what factor, as a logarithm, lines at large angles are wider, with its uncertainty."""
_WIDTH_SIGMA = 0.4
"""By what factor, as a logarithm, a phase's lines are wider than those of the phase before it."""
_LINE_SIGMA = {"layered": 0.4, "spinel": 0.25, "rock_salt": 0.15}
"""By what part a line's intensity differs from what the structure gives it."""
_BASAL_SIGMA = 1.5
"""Of (00l) of the layered phase: plates lie flat."""
_ODD_SIGMA = 0.5
"""Of lines of the spinel that feel where its metal is: those with odd indices."""
_CELL_SIGMA = {"a": 0.02, "c": 0.1}


def first_guess(model: PatternModel, background: Floats, fwhm_deg: float) -> Floats:
    """Parameters to begin with, where nothing is known, without any phase.

    Parameters
    ----------
    model
        What the pattern should be.
    background
        Coefficients of the background.
    fwhm_deg
        Width of the lines.
    """
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


def first_prior(layout: Layout, values: Floats) -> Prior:
    """What is known before any pattern.

    Parameters
    ----------
    layout
        Where the parameters stand.
    values
        The parameters, of which cells and widths are expected to be as they are here.
    """
    mean, sigma = np.zeros(layout.size), np.full(layout.size, np.inf)
    for name, (expected, uncertainty) in _FIRST.items():
        mean[layout.at[name]], sigma[layout.at[name]] = expected, uncertainty
    for phase in layout.phases:
        for kind, uncertainty in _CELL_SIGMA.items():
            if (place := layout.at.get(f"{phase.name}.{kind}")) is not None:
                mean[place], sigma[place] = values[place], uncertainty
        width = layout.at[f"{phase.name}.log_fwhm"]
        mean[width], sigma[width] = values[width], _WIDTH_SIGMA
        broadening = layout.at[f"{phase.name}.broadening"]
        mean[broadening], sigma[broadening] = _BROADENING
        for n in phase.adjusted:
            known = _ODD_SIGMA if _is_odd(phase, n) else _LINE_SIGMA[phase.name]
            known = _BASAL_SIGMA if _is_basal(phase, n) else known
            sigma[layout.at[f"{phase.name}.line{n}"]] = known
    return Prior(mean, sigma)


def _is_odd(phase: PhaseLines, line: int) -> bool:
    return phase.name == "spinel" and phase.lines.indices[line][0] % 2 == 1


def _is_basal(phase: PhaseLines, line: int) -> bool:
    return phase.name == "layered" and phase.lines.indices[line][:2] == (0, 0)


def next_prior(layout: Layout, before: Followed, new: Mapping[str, Floats]) -> Prior:
    """What the patterns so far say of the next one.

    Parameters
    ----------
    layout
        Where the parameters stand.
    before
        The last pattern.
    new
        Cells of phases that were not in it and are now.
    """
    first = first_prior(layout, before.fitted.values)
    mean, sigma = first.mean.copy(), first.sigma.copy()
    variance = np.diagonal(before.fitted.covariance)
    lines = {
        f"{phase.name}.line{n}": "basal" if _is_basal(phase, n) else "line"
        for phase in layout.phases
        for n in phase.adjusted
    }
    for place, name in enumerate(layout.names):
        owner, _, kind = name.rpartition(".")
        if owner and (owner not in before.present or kind in ("amount", "tetrahedral")):
            continue
        walk = _WALK[lines.get(name, kind)]
        mean[place] = before.fitted.values[place]
        sigma[place] = min(float(np.sqrt(variance[place] + walk**2)), first.sigma[place])
        if kind in ("a", "c"):
            sigma[place] = walk
    for phase_lines in layout.phases:
        if phase_lines.name in new:
            mean[layout.cell(phase_lines)] = new[phase_lines.name]
        elif phase_lines.name not in before.present:
            hold(layout, phase_lines, sigma)
    return Prior(mean, sigma)


def hold(layout: Layout, phase: PhaseLines, sigma: Floats) -> None:
    """Fit nothing of a phase that is not there but how much of it there is.

    Parameters
    ----------
    layout
        Where the parameters stand.
    phase
        The phase.
    sigma
        What is changed: the uncertainty of each parameter, shape `(p,)`.
    """
    for name, place in layout.at.items():
        owner, _, kind = name.rpartition(".")
        if owner == phase.name and kind not in ("amount", "tetrahedral"):
            sigma[place] = 0.0
