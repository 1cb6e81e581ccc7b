"""Several detector elements as one: dead time first, then the sum, without those that are ill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.rows import counted, named_rows
from cgnmc_bluesky.analysis.xrf.amounts import DetectorAmounts, PixelAmounts
from cgnmc_bluesky.analysis.xrf.calibration import Calibration, Unusable
from cgnmc_bluesky.analysis.xrf.response import BACKGROUND

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ILL_SIGMAS = 6.0
ILL_SHARE = 0.15
"""An element whose composition is off the others' by more than these many sigmas, and by more than
this part, is left out."""
FEWEST_TO_TELL = 3
"""Of so many elements one that is ill can be told from the others."""
FEWEST_ALIKE = 8
"""Two rows of at least so many counts that are all the same are one row twice."""
SILENT_COUNTS = 100.0
"""An element without a count in a row where all count more than this was silent there."""
FOREIGN = 0.01
"""From this part of the counts on, what no known curve explains is remarked upon."""


@dataclass(frozen=True)
class Summed:
    """Counts of the metals over all detector elements, true counts of all of them.

    Parameters
    ----------
    amounts
        Shape `(n, k)`; NaN where no element has a spectrum.
    covariance
        Shape `(n, k, k)`.
    used
        Names of the elements that are in it.
    calibrations
        Of each of them.
    notes
        Which were left out, and why.
    """

    amounts: Floats
    covariance: Floats
    used: tuple[str, ...]
    calibrations: tuple[Calibration, ...]
    notes: tuple[str, ...]


def summed(
    detectors: Mapping[str, DetectorAmounts],
    factors: Mapping[str, Floats],
    rows: Sequence[int],
    n_pixels: int,
    *,
    ended: bool,
) -> Summed:
    """Add up the detector elements, each corrected for its own dead time.

    Parameters
    ----------
    detectors
        The elements by name.
    factors
        True over recorded counts of each, shape `(rows · pixels,)`, where they are known.
    rows, n_pixels
        Rows of the map, and pixels of each.
    ended
        Whether the run has ended, so that the amounts are put right by the sum of all spectra.

    Raises
    ------
    Unusable
        If no element shows the metals.
    """
    notes: list[str] = []
    found: dict[str, tuple[PixelAmounts, Calibration]] = {}
    for name, detector in detectors.items():
        if not detector.total.any():
            notes.append(f"{name}: no counts, left out")
            continue
        try:
            calibration = detector.calibration() if ended else detector.provisional()
        except Unusable as fault:
            notes.append(f"{name}: {fault}" + (", left out" if len(detectors) > 1 else ""))
            continue
        # without the beam's energy its scatter is what is not explained
        scatters = "compton" in calibration.components.names
        if ended and scatters and calibration.unexplained > FOREIGN:
            named = ", ".join(emitter.element for emitter in detector.emitters)
            notes.append(
                f"{name}: {calibration.unexplained:.1%} of the counts are no line of {named}, and "
                "may lie under theirs: name what else there is in elements"
            )
        pixels = detector.pixels(rows, n_pixels, calibration if ended else None)
        found[name] = _true(pixels, factors.get(name)), calibration
    if not found:
        raise Unusable("; ".join(notes) or "no spectra")
    for name, why in _ill({name: pixels for name, (pixels, _) in found.items()}).items():
        notes.append(f"{name}: {why}, left out")
        del found[name]
    each = [pixels for pixels, _ in found.values()]
    amounts, covariance, silent = _sum(each, n_pixels)
    for name, n_rows in zip(found, silent, strict=True):
        if n_rows:
            notes.append(f"{name}: silent in {counted(n_rows, 'row')}, left out there")
    recorded = np.stack([pixels.recorded for pixels in each], axis=1)
    for what, wrong in _wrong_rows(recorded.reshape(len(rows), -1)).items():
        if wrong.any():
            notes.append(f"{what}: {named_rows(np.array(rows)[wrong].tolist())}, masked")
            amounts[np.repeat(wrong, n_pixels)] = np.nan
    return Summed(
        amounts,
        covariance,
        tuple(found),
        tuple(calibration for _, calibration in found.values()),
        tuple(notes),
    )


def _true(pixels: PixelAmounts, factor: Floats | None) -> PixelAmounts:
    """Counts as they would be without dead time."""
    if factor is None:
        return pixels
    valid = np.where(np.isfinite(factor) & (factor >= 1.0 - 1e-6), factor, np.nan)
    return PixelAmounts(
        pixels.amounts * valid[:, None],
        pixels.covariance * (valid**2)[:, None, None],
        pixels.recorded,
    )


def _ill(found: Mapping[str, PixelAmounts]) -> dict[str, str]:
    """Elements that had better be left out, and why."""
    if len(found) < FEWEST_TO_TELL:
        return {}
    totals = {name: np.nansum(pixels.amounts, axis=0) for name, pixels in found.items()}
    errors = {name: np.nansum(pixels.covariance, axis=0) for name, pixels in found.items()}
    shares = {name: _shares(totals[name], errors[name]) for name in found}
    # the median is nobody's fault as long as most are well
    usual = np.median([share for share, _ in shares.values()], axis=0)
    ill: dict[str, str] = {}
    for name, (share, sigma) in shares.items():
        off = np.abs(share - usual)
        others = [other for other in found if other != name]
        rest = np.sum([totals[other].sum() for other in others])
        rest_error = np.sum([errors[other].sum() for other in others])
        with_it = (rest + totals[name].sum()) ** 2 / (rest_error + errors[name].sum())
        if np.any((off > ILL_SIGMAS * sigma) & (off > ILL_SHARE * np.abs(usual))):
            ill[name] = "another composition than the others have"
        elif rest**2 / rest_error > with_it:
            ill[name] = "noisy, so that the sum is better without it"
    return ill


def _shares(amounts: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Share of each metal in the counts, and its sigma."""
    total = amounts.sum()
    share = amounts / total
    slope = (np.eye(len(amounts)) - share[:, None]) / total
    variance = np.einsum("ij,jk,ik->i", slope, covariance, slope)
    return share, np.sqrt(np.maximum(variance, 0.0))


def _wrong_rows(recorded: Floats) -> dict[str, Flags]:
    """Rows that were never written or were written twice, by counts of every pixel and element."""
    totals = np.nansum(recorded, axis=1)
    empty = (totals == 0.0) & np.isfinite(recorded).any(axis=1)
    empty &= np.median(totals) > SILENT_COUNTS
    same = (recorded[1:] == recorded[:-1]).all(axis=1) & (totals[1:] > SILENT_COUNTS)
    # a few counts may be the same by chance
    same &= recorded.shape[1] >= FEWEST_ALIKE
    return {"no counts": empty, "a copy of the row before": np.append(False, same)}


def _sum(found: Sequence[PixelAmounts], n_pixels: int) -> tuple[Floats, Floats, list[int]]:
    """Sum over elements; where some have no spectrum, the others stand for them by their share."""
    recorded = np.stack([pixels.recorded for pixels in found], axis=1)
    valid = np.stack([np.isfinite(pixels.amounts).all(axis=1) for pixels in found], axis=1)
    by_row = np.where(valid, recorded, 0.0).reshape(-1, n_pixels, len(found)).sum(axis=1)
    silent = (by_row == 0.0) & (by_row.sum(axis=1, keepdims=True) > SILENT_COUNTS)
    silent &= valid.reshape(-1, n_pixels, len(found)).any(axis=1)
    valid &= ~np.repeat(silent, n_pixels, axis=0)
    everywhere = valid.all(axis=1)
    totals = np.array([np.nansum(pixels.amounts[everywhere]) for pixels in found])
    shares = totals / totals.sum() if totals.sum() > 0 else np.full(len(found), 1 / len(found))
    present = np.einsum("nj,j->n", valid, shares)
    scale = np.where(valid.any(axis=1), 1.0 / np.where(present > 0, present, 1.0), np.nan)
    scale = np.where(everywhere, 1.0, scale)
    amounts = np.zeros_like(found[0].amounts)
    covariance = np.zeros_like(found[0].covariance)
    for at, pixels in enumerate(found):
        amounts += np.where(valid[:, at, None], pixels.amounts, 0.0)
        covariance += np.where(valid[:, at, None, None], pixels.covariance, 0.0)
    return (
        amounts * scale[:, None],
        covariance * (scale**2)[:, None, None],
        silent.sum(axis=0).tolist(),
    )


def summed_spectrum(
    detectors: Mapping[str, DetectorAmounts], chosen: Summed, metals: Sequence[str]
) -> dict[str, Floats]:
    """Sum of all spectra with its fit, on the energy axis of the first element.

    Parameters
    ----------
    detectors
        The elements by name.
    chosen
        Which of them are used, and their responses.
    metals
        Metals that are shown by themselves.

    Returns
    -------
    dict of NDArray
        `energy_ev`, `counts`, `fit`, `background`, `scatter`, and each metal's lines (`ni_k`).
    """
    fits = chosen.calibrations
    parts = {
        "background": BACKGROUND,
        "scatter": ("elastic", "compton"),
        **{f"{metal.lower()}_k": (metal,) for metal in metals},
    }
    channels = detectors[chosen.used[0]].channels
    return {
        "energy_ev": fits[0].response.energies_ev(channels),
        "counts": np.sum([detectors[name].total for name in chosen.used], axis=0),
        "fit": np.sum([fit.fit for fit in fits], axis=0),
        **{
            name: np.sum([fit.part(*curves) for fit in fits], axis=0)
            for name, curves in parts.items()
        },
    }
