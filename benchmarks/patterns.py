"""Diffraction patterns of a simulated cathode on a heating ramp, and what is true of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cgnmc_bluesky.analysis.heating.model import HeatingModel
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.sim.decomposition import CHARGED, Decomposition, State
from cgnmc_bluesky.sim.diffraction import LAYERED, TWO_THETA_DEG, WAVELENGTH_A, PowderInstrument

Floats = NDArray[np.float64]

MODEL = HeatingModel(wavelength_a=WAVELENGTH_A)
EXPOSURE_S = 60.0
RATE_C_PER_MIN = 4.0
MOMENTS = 4
FROM_C, TO_C = 25.0, 500.0


@dataclass(frozen=True)
class PatternSeries:
    """Patterns of a ramp, one behind the other.

    Parameters
    ----------
    time_s
        End of each exposure, shape `(n,)`.
    start_c, end_c
        Temperature at the beginning and the end of each, shape `(n,)`.
    counts
        Shape `(n, 3000)`.
    truth
        Mean over each exposure, shape `(n,)`, by the names that the analysis has.
    """

    time_s: Floats
    start_c: Floats
    end_c: Floats
    counts: Floats
    truth: dict[str, Floats]

    def blocks(self) -> Iterator[tuple[Block, Block]]:
        """Give each pattern's row, and the temperatures that were read meanwhile."""
        for at, end_s in enumerate(self.time_s):
            numbers = np.array([2 * at + 1, 2 * at + 2])
            readings = {"temperature_c": np.array([self.start_c[at], self.end_c[at]])}
            times_s = np.array([end_s - EXPOSURE_S + 1e-3, end_s])
            pattern = {
                "pattern": self.counts[at][None],
                "two_theta_deg": TWO_THETA_DEG[None],
                "exposure_s": np.array([EXPOSURE_S]),
            }
            yield (
                Block("primary", np.array([at + 1]), np.array([end_s]), pattern),
                Block("temperature", numbers, times_s, readings),
            )


@lru_cache
def series(material: str, seed: int, n: int | None = None) -> PatternSeries:
    """Expose pattern after pattern of a cathode that is heated.

    Parameters
    ----------
    material
        Which, of `CHARGED`.
    seed
        Of the counting noise.
    n
        How many; all up to 500 °C without it.
    """
    random, instrument = np.random.default_rng(seed), PowderInstrument()
    decomposition = Decomposition(CHARGED[material], temperature_c=FROM_C)
    step_c = RATE_C_PER_MIN * EXPOSURE_S / 60
    start_c = np.arange(FROM_C, TO_C, step_c)[:n]
    counts, told = [], []
    for from_c in start_c:
        states = []
        for moment in range(MOMENTS):
            decomposition.advance(from_c + (moment + 0.5) / MOMENTS * step_c, EXPOSURE_S / MOMENTS)
            states.append(decomposition.state)
        counts.append(instrument.pattern(states, EXPOSURE_S, random))
        told.append([_true(state, instrument) for state in states])
    names = list(told[0][0])
    means = np.array([[list(one.values()) for one in row] for row in told]).mean(axis=1)
    return PatternSeries(
        time_s=EXPOSURE_S * np.arange(1.0, len(start_c) + 1),
        start_c=start_c,
        end_c=start_c + step_c,
        counts=np.array(counts),
        truth=dict(zip(names, means.T, strict=True)),
    )


def _true(state: State, instrument: PowderInstrument) -> dict[str, float]:
    cells, phases = state.cells, state.phases
    at_deg = dict(zip(LAYERED, instrument.positions_deg(cells)[0], strict=True))
    return {
        "a_angstrom": cells.layered_a,
        "c_angstrom": cells.layered_c,
        "c_over_a": cells.layered_c / cells.layered_a,
        "split_108_110_deg": float(at_deg[1, 1, 0] - at_deg[0, 1, 8]),
        "layered_fraction": phases.layered,
        "spinel_fraction": phases.spinel,
        "rock_salt_fraction": phases.rock_salt,
        "temperature_c": state.temperature_c,
    }
