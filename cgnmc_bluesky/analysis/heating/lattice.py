"""Cells, and ratios of lines, of one fitted pattern by the names of a result's values."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.cells import positions
from cgnmc_bluesky.analysis.heating.fitting import Fitted
from cgnmc_bluesky.analysis.heating.presence import Followed

Floats = NDArray[np.float64]
Known = tuple[float, float]
"""A value with its standard deviation."""

UNITS: Mapping[str, str] = {
    "a_angstrom": "angstrom",
    "c_angstrom": "angstrom",
    "c_over_a": "",
    "split_108_110_deg": "deg",
    "i003_i104": "",
    "i220_spinel": "",
    "layered_fraction": "",
    "spinel_fraction": "",
    "rock_salt_fraction": "",
    "spinel_a_angstrom": "angstrom",
    "rock_salt_a_angstrom": "angstrom",
    "temperature_c": "degC",
}
"""Unit of each value of the phases."""


def lattice_of(followed: Followed) -> dict[str, Known]:
    """Give what a pattern says of the cells and the lines.

    Parameters
    ----------
    followed
        The pattern.

    Returns
    -------
    dict
        By name; what belongs to a phase that is not there is left out.

    Notes
    -----
    `i220_spinel` is the intensity of the spinel's (220), which only metal on tetrahedra gives, over
    that of (440) and of the lines that the other phases have beside it: the same number of atoms
    stands behind these in all phases, so it has a value, 0 within its sigma, before there is any
    spinel.
    """
    fitted = followed.fitted
    found = {"i220_spinel": _tetrahedral(fitted)}
    if "layered" in followed.present:
        found |= _layered(fitted)
    for name in ("spinel", "rock_salt"):
        if name in followed.present:
            found[f"{name}_a_angstrom"] = (fitted.value(f"{name}.a"), fitted.sigma(f"{name}.a"))
    return found


def _layered(fitted: Fitted) -> dict[str, Known]:
    phase = fitted.model.phases[0]
    cell = fitted.layout.cell(phase)
    a, c = fitted.values[cell].tolist()
    covariance = fitted.covariance[cell, cell]
    angle_deg, by_cell = positions(phase.lines, fitted.values[cell], fitted.model.wavelength_a)
    high, low = phase.lines.index_of(1, 1, 0), phase.lines.index_of(0, 1, 8)
    height, slopes = fitted.model.measured_heights(phase, fitted.values)
    basal, other = phase.lines.index_of(0, 0, 3), phase.lines.index_of(1, 0, 4)
    ratio = float(height[basal] / height[other])
    by_parameter = ratio * (slopes[basal] / height[basal] - slopes[other] / height[other])
    return {
        "a_angstrom": (a, fitted.sigma("layered.a")),
        "c_angstrom": (c, fitted.sigma("layered.c")),
        "c_over_a": (c / a, _sigma(np.array([-c / a**2, 1.0 / a]), covariance)),
        "split_108_110_deg": (
            float(angle_deg[high] - angle_deg[low]),
            _sigma(by_cell[high] - by_cell[low], covariance),
        ),
        "i003_i104": (ratio, _sigma(by_parameter, fitted.covariance)),
    }


def _tetrahedral(fitted: Fitted) -> Known:
    layered, spinel, rock_salt = fitted.model.phases
    beside = {
        layered: ((0, 1, 8), (1, 1, 0)),
        spinel: ((4, 4, 0),),
        rock_salt: ((2, 2, 0),),
    }
    total, by_parameter = 0.0, np.zeros(fitted.layout.size)
    for phase, indices in beside.items():
        height, slopes = fitted.model.measured_heights(phase, fitted.values)
        for one in indices:
            total += float(height[phase.lines.index_of(*one)])
            by_parameter += slopes[phase.lines.index_of(*one)]
    height, slopes = fitted.model.measured_heights(spinel, fitted.values)
    own = spinel.lines.index_of(2, 2, 0)
    ratio = float(height[own]) / total
    slope = (slopes[own] - ratio * by_parameter) / total
    return ratio, _sigma(slope, fitted.covariance)


def _sigma(slope: Floats, covariance: Floats) -> float:
    return float(np.sqrt(np.einsum("i,ij,j->", slope, covariance, slope)))
