"""Results of soft X-ray scans, made by hand after the reference of results."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Document = tuple[str, dict[str, Any]]
Values = dict[str, tuple[float, float, str]]
Curves = dict[str, dict[str, np.ndarray]]

SURFACE, BULK = 0.53, 0.33
"""Ni2+ fraction that each yield sees."""


def fraction(ni2: float, *, is_bulk: bool) -> tuple[Values, Curves]:
    """Result of one yield: the combination of NiO and LiNiO2."""
    rng = np.random.default_rng(int(is_bulk))
    energy_ev = np.concatenate([np.arange(840, 848, 1.0), np.arange(848, 885, 0.15)])
    step = 0.06 / (1 + np.exp(-(energy_ev - 856) / 1.0)) + 0.03 / (1 + np.exp(-(energy_ev - 873)))
    parts = {
        "NiO": ni2 * (step + _peaks(energy_ev, ((852.7, 1.0), (854.6, 0.3), (870.2, 0.3)))),
        "LiNiO2": (1 - ni2) * (step + _peaks(energy_ev, ((853.6, 0.4), (855.6, 0.9), (871, 0.4)))),
    }
    background = 0.1 - 0.0005 * (energy_ev - 840)
    whole: np.ndarray = sum(parts.values(), np.zeros_like(energy_ev))
    absorbing = 0.6 if is_bulk else 0.0
    fit = whole / (1 + absorbing * whole) + background
    mu = fit + rng.normal(0, 0.006, energy_ev.size)
    curves = {"energy_ev": energy_ev, "mu": mu, "baseline": background}
    values: Values = {
        "fraction_NiO": (ni2, 0.009, ""),
        "fraction_LiNiO2": (1 - ni2, 0.009, ""),
        "ni2_fraction": (ni2, 0.009, ""),
        "ni3_fraction": (1 - ni2, 0.009, ""),
        "mean_valence": (3 - ni2, 0.009, ""),
        "reduced_chi2": (1.04, np.nan, ""),
        "calibration_shift_ev": (-0.31, 0.02, "eV"),
    }
    if is_bulk:
        over = mu - background
        curves["mu_corrected"] = over / (1 - absorbing * over)
        values |= {
            "over_absorption": (0.31, 0.02, ""),
            "ni2_fraction_uncorrected": (ni2 + 0.05, 0.008, ""),
            "ni3_fraction_uncorrected": (1 - ni2 - 0.05, 0.008, ""),
        }
    components = {f"component_{name}": part for name, part in parts.items()}
    return values, {"spectrum": {**curves, "fit": fit, "residual": mu - fit, **components}}


def damage(ni2: float, drift: float, sweeps: int = 5) -> tuple[Values, Curves]:
    """Result of repeats: the fraction drifts with the dose."""
    sweep = np.arange(1.0, sweeps + 1)
    found = ni2 + drift * (sweep - 1) / (sweeps - 1)
    found += np.random.default_rng(3).normal(0, 0.01, sweeps)
    sigma = np.full(sweeps, 0.012)
    dose = 3.1e-7 * sweep
    values: Values = {
        "ni2_fraction_first": (found[0], 0.012, ""),
        "ni2_fraction_last": (found[-1], 0.012, ""),
        "fraction_drift": (drift, 0.011, ""),
        "drift_per_dose": (drift / 1.5e-6, 0.011 / 1.5e-6, "1/(A s)"),
        "dose": (1.55e-6, np.nan, "A s"),
        "sweeps": (float(sweeps), np.nan, ""),
    }
    curves = {"sweep": sweep, "dose": dose, "fraction": found, "fraction_sigma": sigma}
    return values, {"sweeps": curves}


DIFFERENCE: Values = {
    "ni2_fraction_difference": (SURFACE - BULK, 0.011, ""),
    "ni3_fraction_difference": (BULK - SURFACE, 0.011, ""),
    "mean_valence_difference": (BULK - SURFACE, 0.011, ""),
}


def soft_scan(
    result_documents: Callable[..., Iterator[Document]], *, sweeps: int = 5, **run: Any
) -> Iterator[Document]:
    """Documents of every result of one scan by both yields."""
    run = {"sample": "conventional, 50 cycles", "scan_id": 12, **run}
    for mode, ni2 in (("tey", SURFACE), ("pfy", BULK)):
        found = fraction(ni2, is_bulk=mode == "pfy")
        yield from result_documents("ni2_fraction", *found, mode=mode, **run)
        if sweeps > 1:
            repeated = damage(ni2, 0.04 if mode == "tey" else 0.0, sweeps)
            yield from result_documents("beam_damage", *repeated, mode=mode, **run)
    yield from result_documents("surface_bulk", DIFFERENCE, mode=None, **run)


def _peaks(energy_ev: np.ndarray, at: tuple[tuple[float, float], ...]) -> np.ndarray:
    return sum(height / (1 + ((energy_ev - ev) / 0.7) ** 2) for ev, height in at)
