"""L2,3 edges of the simulator against the laws they are said to follow, and against tables."""

import numpy as np
import pytest
import xraydb

from cgnmc_bluesky.sim.soft.sample import SHAPE_OF_VALENCE
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS, LIGHT_ELEMENTS, edge_steps, l_shapes

METALS = tuple(L_SHELLS)


@pytest.mark.parametrize("metal", METALS)
def test_first_inflection_of_a_metal_is_the_table_value(metal: str) -> None:
    shell = L_SHELLS[metal]
    energy_ev = shell.energy_ev + np.arange(-4.0, 4.0, 0.01)
    slope = np.gradient(l_shapes()[metal](energy_ev), energy_ev)
    assert energy_ev[np.argmax(slope)] == pytest.approx(shell.energy_ev, abs=0.02)
    edges = xraydb.xray_edges(metal)
    assert (shell.energy_ev, shell.l2_ev) == (edges["L3"].energy, edges["L2"].energy)


@pytest.mark.parametrize("name", l_shapes())
def test_lines_have_five_ev_of_area_for_each_hole_shared_by_the_branching_ratio(name: str) -> None:
    shape = l_shapes()[name]
    shell = L_SHELLS[shape.element]
    energy_ev = np.arange(shell.energy_ev - 400.0, shell.l2_ev + 400.0, 0.02)
    steps = sum(
        share * (0.5 + np.arctan((energy_ev - at_ev) / 0.8) / np.pi)
        for share, at_ev in zip((2 / 3, 1 / 3), shape.steps_ev, strict=True)
    )
    lines = shape(energy_ev) - steps
    area_ev = lines.sum() * 0.02
    assert area_ev == pytest.approx(5.0 * shape.holes, rel=0.01)
    between_ev = (shape.l3[0][0] + shape.l2[-1][0]) / 2 + 1.0
    at_l3_ev = lines[energy_ev < between_ev].sum() * 0.02
    assert at_l3_ev / area_ev == pytest.approx(shape.branching, abs=0.02)
    assert sum(line[1] for line in shape.l3) == pytest.approx(1.0)
    assert sum(line[1] for line in shape.l2) == pytest.approx(1.0)


def test_white_lines_move_up_with_valence() -> None:
    peak_ev = {}
    for name, shape in l_shapes().items():
        shell = L_SHELLS[shape.element]
        energy_ev = shell.energy_ev + np.arange(-3.0, 9.0, 0.05)
        peak_ev[name] = energy_ev[np.argmax(shape(energy_ev))]
    assert peak_ev["NiO"] == pytest.approx(853.2, abs=0.1)
    assert 854.0 < peak_ev["LiNiO2"] < 856.0
    assert 639.5 < peak_ev["MnO"] < peak_ev["Mn2O3"] < peak_ev["MnO2"] < 644.0
    assert 778.0 < peak_ev["CoO"] < peak_ev["LiCoO2"] < 780.0


def test_one_energy_and_many_give_the_same() -> None:
    energies_ev = np.array([640.0, 778.6, 853.21, 871.0])
    for number, energy_ev in enumerate(energies_ev.tolist()):
        at_once = {name: float(shape(energies_ev)[number]) for name, shape in l_shapes().items()}
        assert dict(edge_steps(energy_ev)) == pytest.approx(at_once, rel=1e-12)


def test_every_valence_has_its_shape() -> None:
    for metal, names in SHAPE_OF_VALENCE.items():
        assert {l_shapes()[name].element for name in names.values()} == {metal}


@pytest.mark.parametrize("metal", METALS)
def test_absorption_away_from_the_lines_is_that_of_the_tables(metal: str) -> None:
    shell = L_SHELLS[metal]
    for energy_ev in (500.0, shell.energy_ev - 20.0, shell.l2_ev + 40.0, 980.0):
        is_behind = energy_ev > shell.l2_ev
        ours = shell.below(energy_ev) + is_behind * shell.step(energy_ev)
        table = xraydb.mu_chantler(metal, energy_ev, photo=True)
        assert ours == pytest.approx(table, rel=0.06)


def test_light_elements_absorb_as_in_the_tables() -> None:
    for name, element in LIGHT_ELEMENTS.items():
        for energy_ev in (620.0, 800.0, 950.0):
            ours = element.cm2_g * (energy_ev / 800.0) ** element.power
            assert ours == pytest.approx(xraydb.mu_chantler(name, energy_ev, photo=True), rel=0.04)
