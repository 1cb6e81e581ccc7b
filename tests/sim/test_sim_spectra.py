"""The simulator's spectra against the measurements that they are fitted to, and against tables."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import xraydb
from numpy.typing import NDArray

from cgnmc_bluesky.sim.sample import MATERIALS, SHAPE_OF_VALENCE, Sample, foil
from cgnmc_bluesky.sim.spectra import ELEMENTS, shapes

MEASURED = {
    "Ni": "kedge_foils/lisa_Ni_foil_111.xdi",
    "Mn": "kedge_foils/lisa_Mn_foil_111.xdi",
    "Co": "kedge_foils/lisa_Co_foil_111.xdi",
    "Fe": "kedge_foils/lisa_Fe_foil_311.xdi",
    "NiO": "kedge_oxides/lisa_NiO_111.xdi",
    "MnO": "kedge_oxides/lisa_MnO.xdi",
    "MnO2": "kedge_oxides/lisa_MnO2.xdi",
    "CoO": "kedge_oxides/lisa_CoO_111_80K.xdi",
    "LiCoO2": "kedge_oxides/lisa_LiCoO2_80K_111.xdi",
    "LiNiO2": "kedge_operando_LNO/norm_op2_cell4_pos1_dq1_0001_av240_00001.txt.gz",
    "NiO2": "kedge_operando_LNO/norm_op2_cell4_pos1_dq1_0058_av240_00001.txt.gz",
}


def derivative_maxima(shape_name: str) -> list[tuple[float, float]]:
    """Where the slope is largest, in eV above the table value, and how large."""
    x_ev = np.arange(-8.0, 20.0, 0.01)
    shape = shapes()[shape_name]
    slope = np.gradient(shape(ELEMENTS[shape.element].energy_ev + x_ev), x_ev)
    inner = slope[1:-1]
    peaks = np.flatnonzero((inner > slope[:-2]) & (inner >= slope[2:]) & (inner > 0.05)) + 1
    return [(float(x_ev[peak]), float(slope[peak])) for peak in peaks]


@pytest.mark.parametrize("metal", ["Ni", "Mn", "Co", "Fe"])
def test_first_inflection_of_a_foil_is_its_table_value(metal: str) -> None:
    assert derivative_maxima(metal)[0][0] == pytest.approx(0.0, abs=0.02)
    assert ELEMENTS[metal].energy_ev == xraydb.xray_edge(metal, "K").energy


def test_nickel_foil_has_a_second_broader_maximum_of_the_derivative() -> None:
    (first_ev, _), (second_ev, _) = derivative_maxima("Ni")
    assert first_ev == pytest.approx(0.0, abs=0.02)
    assert second_ev == pytest.approx(12.5, abs=0.7)


def crossing_of_half(name: str) -> float:
    energy_ev = np.arange(8330.0, 8360.0, 0.01)
    return float(energy_ev[np.argmax(shapes()[name](energy_ev) > 0.5)])


def test_nickel_edges_move_up_with_valence() -> None:
    ni2, ni3, ni4 = (crossing_of_half(name) for name in ("NiO", "LiNiO2", "NiO2"))
    assert ni3 - ni2 == pytest.approx(2.7, abs=0.4)
    assert ni4 - ni3 == pytest.approx(1.4, abs=0.3)


@pytest.mark.parametrize("name", shapes())
def test_a_shape_goes_from_nothing_to_one_step(name: str) -> None:
    shape = shapes()[name]
    edge_ev = ELEMENTS[shape.element].energy_ev
    assert np.abs(shape(edge_ev + np.arange(-400.0, -40.0))).max() < 0.005
    assert shape(edge_ev + np.arange(300.0, 800.0)).mean() == pytest.approx(1.0, abs=0.02)


def test_warmth_damps_the_oscillations_and_leaves_the_edge_alone() -> None:
    energy_ev = 8333.0 + np.arange(-20.0, 400.0)
    cold, hot = (shapes()["Ni"](energy_ev, temperature_k) for temperature_k in (80.0, 700.0))
    far = energy_ev > 8533
    assert np.std(hot[far]) < 0.9 * np.std(cold[far])
    near = energy_ev < 8333
    np.testing.assert_array_equal(hot[near], cold[near])


@pytest.mark.parametrize("name", MEASURED)
def test_shapes_are_close_to_what_they_are_fitted_to(name: str, shared: Path) -> None:
    energy_ev, mu, foil_mu = read(shared / MEASURED[name])
    shape = shapes()[name]
    table_ev = ELEMENTS[shape.element].energy_ev
    calibrating = mu if name == shape.element else foil_mu
    x_ev = energy_ev - steepest_ev(energy_ev, calibrating, table_ev)
    window = (x_ev > -25) & (x_ev < 80) & ~((x_ev > -11) & (x_ev < -4) & (name == "MnO"))
    model = shape(table_ev + x_ev)[window]
    # How a spectrum is normalised is a convention; scale and a straight line are free.
    columns = np.column_stack([model, np.ones_like(model), x_ev[window]])
    fitted = columns @ np.linalg.lstsq(columns, mu[window])[0]
    scale = np.linalg.lstsq(columns, mu[window])[0][0]
    assert np.std(fitted - mu[window]) / abs(scale) < 0.02


def read(path: Path) -> tuple[NDArray[np.float64], ...]:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    lines = text.decode().splitlines()
    rows = np.array([line.split() for line in lines if not line.startswith("#")], float)
    return rows[:, 0], rows[:, 1], rows[:, min(2, rows.shape[1] - 1)]


def steepest_ev(energy_ev: NDArray[np.float64], mu: NDArray[np.float64], table_ev: float) -> float:
    grid_ev = np.arange(table_ev - 5.0, table_ev + 5.0, 0.05)
    smooth = np.convolve(np.interp(grid_ev, energy_ev, mu), np.hanning(33) / 16, "same")
    slope = np.gradient(smooth)[20:-20]
    return float(grid_ev[20:-20][np.argmax(slope)])


def test_absorption_far_from_edges_is_that_of_the_tables() -> None:
    nmc = MATERIALS["gradient, pristine"]
    energy_ev = np.array([8250.0, 9300.0])
    masses = {name: n * xraydb.atomic_mass(name) for name, n in nmc.atoms.items()}
    tabulated = sum(
        mass / sum(masses.values()) * xraydb.mu_elam(name, energy_ev, kind="photo")
        for name, mass in masses.items()
    )
    np.testing.assert_allclose(
        nmc.absorption(energy_ev), tabulated * nmc.areal_density_g_cm2, rtol=0.03
    )


def test_a_mixture_is_the_sum_of_its_valences() -> None:
    energy_ev = np.arange(8300.0, 8400.0)
    atoms = {"Ni": 1.0, "O": 1.5}
    pure = [Sample("pure", atoms, {"Ni": {v: 1.0}}, 0.01) for v in (2, 3)]
    mixed = Sample("mixed", atoms, {"Ni": {2: 0.25, 3: 0.75}}, 0.01)
    ni2, ni3 = (sample.absorption(energy_ev) for sample in pure)
    np.testing.assert_allclose(mixed.absorption(energy_ev), 0.25 * ni2 + 0.75 * ni3)


def test_materials_tell_the_story_of_the_paper() -> None:
    valence = {name: MATERIALS[name].mean_valence("Ni") for name in MATERIALS if "," in name}
    assert valence["conventional, pristine"] == pytest.approx(2.67)
    assert valence["conventional, 100 cycles"] < 2.6
    assert valence["gradient, 100 cycles"] == valence["gradient, pristine"]
    for name in valence:
        assert MATERIALS[name].valences["Mn"] == {4: 1.0}


def test_edge_step_sets_the_thickness() -> None:
    assert foil("Ni", 2.0).edge_step("Ni") == pytest.approx(2.0)
    thick = MATERIALS["NiO"].with_edge_step("Ni", 1.5)
    assert thick.truth()["edge_step"] == pytest.approx({"Ni": 1.5})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"atoms": {"Xx": 1.0}}, "'Xx' is not one of"),
        ({"atoms": {"Ni": 1.0}, "valences": {"Ni": {7: 1.0}}}, "no spectrum for Ni of valence"),
        ({"atoms": {"Ni": 1.0}, "valences": {"Ni": {2: 0.4}}}, "add up to 0.4"),
    ],
)
def test_an_impossible_sample_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sample("odd", **options)


def test_every_valence_has_its_shape() -> None:
    for element, valences in SHAPE_OF_VALENCE.items():
        assert {shapes()[name].element for name in valences.values()} == {element}
