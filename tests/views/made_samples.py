"""Results of samples after 0, 1, 50 and 100 cycles, made by hand after the paper."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Document = tuple[str, dict[str, Any]]

CYCLES = (0, 1, 50, 100)
NI2 = {
    ("conventional", "tey"): (0.42, 0.45, 0.53, 0.62),
    ("conventional", "pfy"): (0.33, 0.335, 0.325, 0.332),
    ("gradient", "tey"): (0.42, 0.41, 0.38, 0.35),
    ("gradient", "pfy"): (0.33, 0.327, 0.336, 0.331),
}
"""Ni2+ fraction of each material by each yield, as in the paper's figure 4d."""
SIGMA = 0.009


def nickel_series(
    result_documents: Callable[..., Iterator[Document]],
    cycles: tuple[int, ...] = CYCLES,
    **run: Any,
) -> Iterator[Document]:
    """Documents of the Ni2+ fractions of both materials by both yields, sample by sample."""
    for at, count in enumerate(cycles):
        for place, material in enumerate(("conventional", "gradient")):
            for mode in ("tey", "pfy"):
                ni2 = NI2[material, mode][CYCLES.index(count)]
                values = {
                    "ni2_fraction": (ni2, SIGMA, ""),
                    "mean_valence": (3 - ni2, SIGMA, ""),
                }
                yield from result_documents(
                    "ni2_fraction",
                    values,
                    mode=mode,
                    scan_id=1 + 2 * at + place,
                    sample=f"{material} {count}",
                    conditions={"material": material, "cycles": count},
                    **run,
                )


def gradient_series(
    result_documents: Callable[..., Iterator[Document]],
) -> Iterator[Document]:
    """Documents of maps of a gradient material, before cycling and after 100 to two voltages."""
    rng = np.random.default_rng(4)
    conditions = ({"cycles": 0}, {"cycles": 100, "cutoff_v": 4.4}, {"cycles": 100, "cutoff_v": 4.8})
    for scan_id, each in enumerate(conditions, start=40):
        for particle in (1, 2):
            values = {
                "mn_ni": (0.45 + rng.normal(0, 0.01), 0.01, ""),
                "mn_ni_core": (0.21 + rng.normal(0, 0.01), 0.01, ""),
                "mn_ni_shell": (1.0 + rng.normal(0, 0.02), 0.02, ""),
                "gradient_width_um": (1.0 + rng.normal(0, 0.05), 0.05, "um"),
            }
            yield from result_documents(
                "mn_ni_ratio",
                values,
                scan_id=scan_id,
                particle=particle,
                sample="gradient",
                conditions={"material": "gradient", **each},
            )
