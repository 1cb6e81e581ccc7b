"""What was found in each pattern of a ramp, with what the next one begins from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.bins import NoPattern, bins_of
from cgnmc_bluesky.analysis.heating.cells import converted
from cgnmc_bluesky.analysis.heating.exposures import Exposure
from cgnmc_bluesky.analysis.heating.lattice import UNITS, Known, lattice_of
from cgnmc_bluesky.analysis.heating.layout import phases_at
from cgnmc_bluesky.analysis.heating.model import HeatingModel
from cgnmc_bluesky.analysis.heating.presence import Followed
from cgnmc_bluesky.analysis.heating.shares import (
    Amounts,
    Balance,
    amounts_of,
    balanced,
    shares_of,
)
from cgnmc_bluesky.analysis.heating.tracking import follow

Floats = NDArray[np.float64]

SHARES = ("layered_fraction", "spinel_fraction", "rock_salt_fraction")
LATTICE = tuple(name for name in UNITS if name not in (*SHARES, "temperature_c"))
"""Values that a pattern has by itself."""
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
        What the fit says of cells and lines: values of `LATTICE` and their sigmas, shape
        `(2, n)`, NaN where there is none; `None` where no phase was found.
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
    lattice: Floats | None = None
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
        _in_order(lattice_of(followed)),
        amounts,
        last=followed,
        balance=balanced(kept.balance, amounts),
    )


def _in_order(lattice: Mapping[str, Known]) -> Floats:
    return np.array([lattice.get(name, (np.nan, np.nan)) for name in LATTICE]).T


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
    names = (*LATTICE, *SHARES)
    columns = np.full((2, len(names), len(readings)), np.nan)
    balance = readings[-1].balance
    found = [n for n, one in enumerate(readings) if one.lattice is not None]
    if found and balance is not None:
        columns[:, : len(LATTICE), found] = np.stack(
            [one.lattice for one in readings if one.lattice is not None], axis=-1
        )
        amounts = [one.amounts for one in readings if one.amounts is not None]
        columns[:, len(LATTICE) :, found] = np.stack(shares_of(amounts, balance)).swapaxes(1, 2)
    return {
        f"{name}{end}": column
        for end, of_kind in zip(ENDS, columns, strict=True)
        for name, column in zip(names, of_kind, strict=True)
    }


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
    return {
        "two_theta_deg": bins.angle_deg,
        "two_theta_cu_deg": converted(bins.angle_deg, fitted.model.wavelength_a),
        "counts": bins.intensity,
        "fit": np.asarray(np.sum(list(fitted.parts.values()), axis=0), dtype=np.float64),
        **fitted.parts,
    }
