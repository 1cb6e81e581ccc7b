"""Fractions of every pixel, and how much they differ from one another."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.imaging.sums import PixelAmounts

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Image = NDArray[np.float32]

LEAST_SIGNAL = 5.0
"""A pixel with less of the element, in its own standard deviations, has no fraction."""
LEAST_SHARE = 0.1
"""Nor has one with less than this share of what the bright pixels have: there the background is
looked at."""
SHARED_NOISE = 1.5
"""Pixels count as so many fewer, since interpolation gives neighbours a part of their noise."""


@dataclass(frozen=True)
class FractionMaps:
    """What the pixels are made up of.

    Parameters
    ----------
    total
        Amount of the element, shape `(rows, columns)`; NaN where a pixel was not always seen.
    fractions, sigmas
        Of each name, the same shape; NaN where a pixel has no signal.
    known
        Pixels that have fractions.
    spread
        How far the first of the fractions differs from pixel to pixel, noise taken out, with its
        standard deviation; `None` where no pixel has any.
    """

    total: Image
    fractions: Mapping[str, Image]
    sigmas: Mapping[str, Image]
    known: Flags
    spread: tuple[float, float] | None


def fraction_maps(
    pixels: PixelAmounts, sums: Mapping[str, Floats], common: tuple[slice, slice]
) -> FractionMaps:
    """Work out fractions from amounts.

    Parameters
    ----------
    pixels
        The amounts.
    sums
        Which of the first curves each fraction sums, shape `(r,)`.
    common
        Rows and columns that all images have in common.

    Notes
    -----
    A sigma is what the residual of the pixel's own spectrum says of its noise. What all pixels
    share, the doubt of the energy axis and of the standards, is not in it.

    The spread is that of all the element's atoms: pixels count by the square of their amount `t`.
    With `d` the amount of interest less its mean fraction of `t`, it is the root of
    `Σ (d² − var d) / Σ (t² − var t)`, in which no noise is left on average.
    """
    n_parts = len(next(iter(sums.values())))
    amounts = pixels.amounts[:n_parts]
    inverse = pixels.inverse[:n_parts, :n_parts]
    total: Image = amounts.sum(axis=0, dtype=np.float32)
    outside = np.ones(total.shape, dtype=bool)
    outside[common] = False
    total[outside] = np.nan
    known = _with_signal(total, pixels.variance, float(inverse.sum()))
    fractions, sigmas = {}, {}
    for name, parts in sums.items():
        fraction, sigma = (np.full(total.shape, np.nan, np.float32) for _ in range(2))
        own = np.einsum("k,kn->n", parts, amounts[:, known], dtype=np.float64)
        share = own / total[known]
        fraction[known] = share
        # (p − F)ᵀ C (p − F) with F of each pixel
        of_parts, mixed, of_all = (
            parts @ inverse @ parts,
            parts @ inverse.sum(axis=1),
            inverse.sum(),
        )
        spread = np.maximum(of_parts - 2 * share * mixed + share**2 * of_all, 0.0)
        sigma[known] = np.sqrt(spread * pixels.variance[known]) / total[known]
        fractions[name], sigmas[name] = fraction, sigma
    spread_of = None
    if np.any(known):
        first = next(iter(sums.values()))
        spread_of = _spread(
            amounts[:, known].astype(np.float64), pixels.variance[known], inverse, first
        )
    return FractionMaps(total, fractions, sigmas, known, spread_of)


def _with_signal(total: Image, variance: Image, of_total: float) -> Flags:
    """Pixels that hold enough of the element to be looked at."""
    with np.errstate(invalid="ignore"):
        known: Flags = (total > LEAST_SIGNAL * np.sqrt(variance * of_total)) & (variance > 0)
    if np.any(known):
        bright = total[known].astype(np.float64)
        usual = float(np.sum(bright**2) / np.sum(bright))
        known &= np.nan_to_num(total) > LEAST_SHARE * usual
    return known


def _spread(
    amounts: Floats, variance: Image, inverse: Floats, parts: Floats
) -> tuple[float, float]:
    total = amounts.sum(axis=0)
    own = np.einsum("k,kn->n", parts, amounts)
    mean = float(own.sum() / total.sum())
    away = parts - mean
    differs = own - mean * total
    noise = float(away @ inverse @ away) * variance.astype(np.float64)
    weight = float(np.sum(total**2 - float(inverse.sum()) * variance))
    square = float(np.sum(differs**2 - noise)) / weight
    # of a sum of squares of what is known to within its noise
    of_sum = np.sum(2 * noise**2 + 4 * noise * np.maximum(differs**2 - noise, 0.0))
    sigma = float(np.sqrt(SHARED_NOISE * of_sum)) / weight
    spread = float(np.sqrt(max(square, 0.0)))
    return spread, sigma / (2 * spread) if spread > np.sqrt(sigma) else float(np.sqrt(sigma))
