"""Extrapolated onsets of NIST's thermogravimetric repeats, found again."""

from collections.abc import Iterator

import numpy as np

from benchmarks import measured
from benchmarks.figure import Figure
from benchmarks.release_peers import tangent
from cgnmc_bluesky.analysis.heating.temperatures import extrapolated_onset

PUBLISHED_K = (610.3, 609.9, 611.1)
FILES = "ramp_ms_tga/NIST_PMMA_TGA_N2_10K_{}.csv"
SMOOTHED = 7
"""Readings, one a kelvin, of the running mean."""
STEEP_FROM_K = 560.0


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it; there is no tiny way."""
    del tiny
    found, by_hand = [], []
    for number in range(1, len(PUBLISHED_K) + 1):
        file = measured.folder() / FILES.format(number)
        _, temperature_k, mass = np.loadtxt(file, delimiter=",", skiprows=2, unpack=True)
        mean = np.ones(SMOOTHED) / SMOOTHED
        at_k, smooth = (np.convolve(one, mean, "valid") for one in (temperature_k, mass))
        first = np.full_like(smooth, mass[0])
        found.append(extrapolated_onset(at_k, smooth, first, falls=True))
        by_hand.append(tangent(temperature_k, -mass, STEEP_FROM_K))
    errors = np.subtract(found, PUBLISHED_K)
    yield Figure(
        "NIST's PMMA repeats: extrapolated onset, farthest from the published",
        float(np.max(np.abs(errors))),
        "K",
        at_most=1.0,
        peers={
            "tangent to the last 50 K": float(np.max(np.abs(np.subtract(by_hand, PUBLISHED_K))))
        },
        remark="mass at 10 K/min against the initial one: "
        + ", ".join(f"{onset_k:.1f} K" for onset_k in found),
    )
