"""What was found in each pattern of a ramp, with what the next one begins from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.bins import NoPattern, bins_of
from cgnmc_bluesky.analysis.heating.cells import converted
from cgnmc_bluesky.analysis.heating.exposures import Exposure
from cgnmc_bluesky.analysis.heating.lattice import UNITS, Known, lattice_of
from cgnmc_bluesky.analysis.heating.layout import phases_at
from cgnmc_bluesky.analysis.heating.model import HeatingModel
from cgnmc_bluesky.analysis.heating.shares import (
    Amounts,
    Balance,
    amounts_of,
    balanced,
    shares_of,
)
from cgnmc_bluesky.analysis.heating.tracking import Followed, follow

Floats = NDArray[np.float64]

SHARES = ("layered_fraction", "spinel_fraction", "rock_salt_fraction")
ENDS = ("", "_sigma")
"""A value, and its standard deviation, in the arrays' names."""


@dataclass(frozen=True)
class Reading:
    """A pattern, what was found in it, and what is known after it.

    Parameters
    ----------
    exposure
        The pattern.
    followed
        Its fit; `None` where it could not be fitted.
    lattice
        What the fit says of cells and lines, by name; empty where no phase was found.
    amounts
        What it says of the amounts of the phases.
    fault
        Why the pattern is left out, in words.
    last
        The last fit that found a phase.
    balance
        What is known of the metal in the beam.
    """

    exposure: Exposure
    followed: Followed | None = None
    lattice: Mapping[str, Known] = field(default_factory=dict)
    amounts: Amounts | None = None
    fault: str = ""
    last: Followed | None = None
    balance: Balance | None = None


def read(exposure: Exposure, before: Reading | None, model: HeatingModel) -> Reading:
    """Fit a pattern.

    Parameters
    ----------
    exposure
        The pattern.
    before
        The one before it.
    model
        What is known of the ramp.
    """
    kept = Reading(exposure)
    if before is not None:
        kept = replace(kept, last=before.last, balance=before.balance)
    if model.wavelength_a is None or exposure.angle_deg is None:
        return kept
    try:
        bins = bins_of(exposure.intensity, exposure.angle_deg, model.wavelength_a)
    except NoPattern as fault:
        return replace(kept, fault=str(fault))
    followed = follow(bins, phases_at(model.wavelength_a), model.wavelength_a, kept.last)
    if not followed.present:
        return replace(kept, followed=followed)
    amounts = amounts_of(followed.fitted, exposure.exposure_s or model.exposure_s or 1.0)
    return Reading(
        exposure,
        followed,
        lattice_of(followed),
        amounts,
        last=followed,
        balance=balanced(kept.balance, amounts),
    )


def table_of(readings: Sequence[Reading]) -> dict[str, Floats]:
    """Give each value with its sigma, but for the temperature.

    Parameters
    ----------
    readings
        In order of time.

    Returns
    -------
    dict
        Arrays by name, one entry a pattern; NaN where it has none.
    """
    names = [name for name in UNITS if name != "temperature_c"]
    table = {f"{name}{end}": np.full(len(readings), np.nan) for name in names for end in ENDS}
    balance = readings[-1].balance
    known = [(n, one.amounts) for n, one in enumerate(readings) if one.amounts is not None]
    if balance is None or not known:
        return table
    for n, one in enumerate(readings):
        for name, (value, sigma) in one.lattice.items():
            table[name][n], table[f"{name}_sigma"][n] = value, sigma
    places = [n for n, _ in known]
    shares, sigmas = shares_of([amounts for _, amounts in known], balance)
    for column, name in enumerate(SHARES):
        table[name][places] = shares[:, column]
        table[f"{name}_sigma"][places] = sigmas[:, column]
    return table


def fit_of(reading: Reading) -> dict[str, Floats]:
    """Give a pattern with what it is made of.

    Parameters
    ----------
    reading
        A pattern that could be fitted.
    """
    if reading.followed is None:
        return {}
    fitted = reading.followed.fitted
    bins = fitted.model.bins
    parts = fitted.model.parts(fitted.values)
    return {
        "two_theta_deg": bins.angle_deg,
        "two_theta_cu_deg": converted(bins.angle_deg, fitted.model.wavelength_a),
        "counts": bins.intensity,
        "fit": np.asarray(np.sum(list(parts.values()), axis=0), dtype=np.float64),
        **parts,
    }
