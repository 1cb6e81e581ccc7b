"""Stacks of images of a field of particles whose truth is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cgnmc_bluesky.analysis.imaging.growing import StackModel
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xanes.model import EdgeModel, Standard
from cgnmc_bluesky.sim.micrograph import scattered
from cgnmc_bluesky.sim.soft.spectra import l_shapes

Floats = NDArray[np.float64]

SIDE = 64
ENERGIES_EV = np.concatenate(
    [np.arange(842.0, 851.0, 3.0), np.arange(851.0, 858.0, 0.4), np.arange(858.0, 882.0, 2.4)]
)
GRID_EV = np.arange(835.0, 895.0, 0.1)
KEYS = {"image": "peem", "energy_ev": "pgm", "i0": "mesh"}
MEAN, MOST = 0.45, 0.3


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in the live analyses: threads that wait for one another take most of the time."""
    with threadpool_limits(1, user_api="blas"):
        yield


def nickel(**settings: Any) -> StackModel:
    """What is known of a stack at Ni L3."""
    ni2, ni3 = (l_shapes()[name](GRID_EV) for name in ("NiO", "LiNiO2"))
    standards = (Standard("NiO", 2, GRID_EV, ni2), Standard("LiNiO2", 3, GRID_EV, ni3))
    edge = EdgeModel("Ni L3", 852.7, None, None, standards)
    return StackModel(edge, **{"keys": KEYS, **settings})


@dataclass(frozen=True)
class Stack:
    """Images with what was recorded along, and the truth."""

    images: NDArray[np.float32]
    energy_ev: Floats
    i0: Floats
    drifts_px: Floats
    fraction: Floats
    amount: Floats

    def blocks(self, size: int = 1) -> Iterator[Block]:
        """Its rows, so many at a time."""
        numbers = np.arange(1, len(self.images) + 1)
        for first in range(0, len(numbers), size):
            part = slice(first, first + size)
            values = {"image": self.images, "energy_ev": self.energy_ev, "i0": self.i0}
            of_part = {role: column[part] for role, column in values.items()}
            yield Block("primary", numbers[part], numbers[part] * 2.0, of_part)


@cache
def stack(
    *,
    seed: int = 1,
    side: int = SIDE,
    counts: float = 500.0,
    walk_px: float = 0.3,
    jump: tuple[float, float] = (0.0, 0.0),
    off_ev: float = 0.0,
    noise: bool = True,
) -> Stack:
    """Take a stack of a field of particles with Ni2+ and Ni3+; its arrays are read-only."""
    random = np.random.default_rng(seed)
    field = scattered((side, side), spread=0.4, rim=0.6, random=random)
    n = len(ENERGIES_EV)
    drifts_px = np.cumsum(walk_px * random.standard_normal((n, 2)), axis=0)
    drifts_px[n // 2 :] += jump
    drifts_px -= drifts_px[0]
    ni2, ni3 = (l_shapes()[name](ENERGIES_EV) for name in ("NiO", "LiNiO2"))
    i0 = 1e-9 * (1 + 0.1 * random.standard_normal(n))
    images = np.empty((n, side, side), np.float32)
    for at, drift in enumerate(drifts_px):
        seen = field.seen(*drift)
        mean = MEAN * ni2[at] + (1 - MEAN) * ni3[at]
        bright = seen.substrate + seen.particles * (1 + 0.4 * mean)
        bright += 0.4 * MOST * seen.excess * (ni2[at] - ni3[at])
        expected = np.maximum(counts * i0[at] / 1e-9 * bright, 0.0)
        images[at] = random.poisson(expected) if noise else expected
    images.flags.writeable = i0.flags.writeable = False
    first = field.seen()
    fraction = MEAN + MOST * first.excess / np.maximum(first.particles, 1e-12)
    return Stack(images, ENERGIES_EV - off_ev, i0, drifts_px, fraction, first.particles)
