"""An edge with noiseless standards, and scans of it."""

from collections.abc import Callable

import numpy as np
import pytest
from simulated_scans import GRID_EV, block, scan_grid

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xanes.alignment import Template
from cgnmc_bluesky.analysis.xanes.calibrate import template_of
from cgnmc_bluesky.analysis.xanes.model import EdgeModel, Standard
from cgnmc_bluesky.sim.spectra import shapes


@pytest.fixture(scope="session")
def foil() -> Template:
    nickel = shapes()["Ni"]
    return Template(
        GRID_EV, nickel(GRID_EV), template_of(GRID_EV, nickel(GRID_EV), 8333.0).inflection_ev
    )


@pytest.fixture(scope="session")
def nickel(foil: Template) -> EdgeModel:
    """Ni K with noiseless standards."""
    ni2, ni3 = (shapes()[name](GRID_EV) for name in ("NiO", "LiNiO2"))
    standards = (Standard("NiO", 2, GRID_EV, ni2), Standard("LiNiO2", 3, GRID_EV, ni3))
    return EdgeModel("Ni K", 8333.0, foil, template_of(GRID_EV, ni3, 8333.0), standards)


@pytest.fixture(scope="session")
def measure() -> Callable[..., Block]:
    """Measure a mixture of Ni2+ and Ni3+ with noise, on an axis that is off."""

    def measured(
        rng: np.random.Generator,
        ni2: float,
        *,
        off_ev: float = 0.0,
        signal_to_noise: float = 500.0,
        reach_ev: float = 1e9,
    ) -> Block:
        true_ev = scan_grid(rng.uniform(-0.2, 0.2))
        true_ev = true_ev[true_ev <= 8333.0 + reach_ev]
        mixed = ni2 * shapes()["NiO"](true_ev) + (1 - ni2) * shapes()["LiNiO2"](true_ev)
        noise = rng.normal(size=(2, len(true_ev))) / signal_to_noise
        away_ev = true_ev - 8333.0
        return block(
            {
                "energy_ev": true_ev - off_ev,
                "mutrans": 1.4 * (mixed + noise[0]) + 0.3 - 2e-4 * away_ev,
                "murefer": 1.7 * (shapes()["Ni"](true_ev) + noise[1]) + 0.1 + 1e-4 * away_ev,
            }
        )

    return measured
