"""Fluorescence spectra that others have measured, against what others make of them."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.measured_spectra import STEEL_METALS, glass_ratios, steel_areas

PYMCA_AREAS = {"Cr": 1_195_981.8, "Mn": 109_650.1, "Fe": 3_566_401.4, "Ni": 512_363.5}
"""By PyMca 5.9.7: `benchmarks.pymca_peer.line_areas` of `pymca_Steel.spe` with `pymca_Steel.cfg`,
which fits iron's Ka and Kb apart; their sum."""


@pytest.fixture(scope="module")
def areas(shared: Path) -> dict[str, float]:
    return dict(steel_areas(shared))


@pytest.mark.parametrize("metal", STEEL_METALS)
def test_line_areas_of_a_steel_are_those_of_pymca(metal: str, areas: dict[str, float]) -> None:
    assert areas[metal] == pytest.approx(PYMCA_AREAS[metal], rel=0.03)


def test_four_detector_elements_agree_on_a_glass(shared: Path) -> None:
    ratios, sigmas = glass_ratios(shared)
    mean = np.average(ratios, weights=sigmas**-2)
    assert mean == pytest.approx(2.79, rel=0.04)  # net counts: 2.74 to 2.84
    assert np.all(sigmas < 0.003 * mean)
    # chi² of 3 degrees of freedom passes this once in a hundred times.
    assert np.sum(((ratios - mean) / sigmas) ** 2) < 11.34
