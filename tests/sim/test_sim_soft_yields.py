"""Electrons and fluorescence against integrals over depth that are done another way."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import cumulative_simpson, quad, simpson

from cgnmc_bluesky.sim.soft.matter import reduced
from cgnmc_bluesky.sim.soft.sample import (
    CYCLES,
    MATERIALS,
    SHAPE_OF_VALENCE,
    SoftSample,
    aged,
)
from cgnmc_bluesky.sim.soft.spectra import L_SHELLS, LIGHT_ELEMENTS, edge_steps
from cgnmc_bluesky.sim.soft.yields import Geometry, Target

Floats = NDArray[np.float64]
AGED = MATERIALS["gradient, 100 cycles"]
DEPTH_NM = np.concatenate([np.linspace(0, 60, 3001), np.geomspace(60, 4000, 1500)[1:]])


def absorption_per_nm(sample: SoftSample, energy_ev: float, depth_nm: Floats) -> dict[str, Floats]:
    """Absorption by each metal's L shells and by all the rest, at depths."""
    masses = {
        name: n * (LIGHT_ELEMENTS.get(name) or L_SHELLS[name]).atomic_weight
        for name, n in sample.atoms.items()
    }
    per_nm = {
        name: sample.density_g_cm3 * mass / sum(masses.values()) * 1e-7
        for name, mass in masses.items()
    }
    steps = edge_steps(energy_ev)
    parts = {"rest": np.zeros_like(depth_nm)}
    for name, density in per_nm.items():
        if name in LIGHT_ELEMENTS:
            light = LIGHT_ELEMENTS[name]
            is_below = name == "O" and energy_ev < 543.1
            at_800 = 467.0 if is_below else light.cm2_g
            parts["rest"] += density * at_800 * (energy_ev / 800.0) ** light.power
            continue
        parts["rest"] += density * L_SHELLS[name].below(energy_ev)
        seen = sum(
            np.array([sample.share(name, valence, z) for z in depth_nm])
            * steps[SHAPE_OF_VALENCE[name][valence]]
            for valence in sample.valences(name)
        )
        parts[name] = density * L_SHELLS[name].step(energy_ev) * seen
    return parts


def directly(
    sample: SoftSample, element: str, energy_ev: float, geometry: Geometry
) -> tuple[float, float]:
    """Electrons for each eV, and photons for each hole, by Simpson's rule over the profile."""
    parts = absorption_per_nm(sample, energy_ev, DEPTH_NM)
    total = sum(parts.values())
    way_in = cumulative_simpson(total, x=DEPTH_NM, initial=0.0) / geometry.sine_in
    outward = absorption_per_nm(sample, L_SHELLS[element].emission_ev, np.array([1e4]))
    way_out = DEPTH_NM * sum(outward.values())[0] / geometry.sine_out
    light = np.exp(-way_in) if geometry.electrons_saturate else 1.0
    escape = np.exp(-DEPTH_NM / geometry.escape_depth_nm)
    electrons = simpson(total * light * escape, x=DEPTH_NM) / geometry.sine_in
    photons = simpson(parts[element] * np.exp(-way_in - way_out), x=DEPTH_NM) / geometry.sine_in
    return float(electrons), float(photons)


@pytest.mark.parametrize("geometry", [Geometry(), Geometry(25.0, 65.0, 4.0, True)])
@pytest.mark.parametrize(("element", "energy_ev"), [("Ni", 853.2), ("Mn", 640.0), ("Mn", 650.0)])
def test_layers_are_as_good_as_the_profile(
    geometry: Geometry, element: str, energy_ev: float
) -> None:
    electrons, photons = Target(AGED, geometry).yields(energy_ev)
    by_hand = directly(AGED, element, energy_ev, geometry)
    assert electrons / (0.003 * energy_ev) == pytest.approx(by_hand[0], rel=5e-4)
    photons_for_a_hole = photons[element] / L_SHELLS[element].fluorescence_yield
    assert photons_for_a_hole == pytest.approx(by_hand[1], rel=5e-4)


@pytest.mark.parametrize("element", ["Ni", "Mn", "Co"])
def test_true_shares_of_electrons_are_means_over_the_escape_depth(element: str) -> None:
    geometry = Geometry()
    shares = Target(AGED, geometry).shares(element, "tey")
    for valence, share in shares.items():
        mean, _ = quad(
            lambda z, v=valence: AGED.share(element, v, z) * math.exp(-z / 3.0) / 3.0, 0, 90
        )
        assert share == pytest.approx(mean, abs=1e-6)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_electrons_are_a_combination_of_the_standards_with_the_true_shares() -> None:
    energies_ev = np.arange(845.0, 905.0, 0.5)
    target = Target(AGED, Geometry())
    electrons = np.array([target.yields(energy_ev)[0] / energy_ev for energy_ev in energies_ev])
    steps = [edge_steps(energy_ev) for energy_ev in energies_ev]
    falls = np.array([L_SHELLS["Ni"].step(energy_ev) for energy_ev in energies_ev])
    columns = [falls * [step[name] for step in steps] for name in ("NiO", "LiNiO2")]
    columns += [energies_ev**power for power in (0.0, -1.0, -2.0, -3.0)]
    columns = [column / np.abs(column).max() for column in columns]
    amounts = np.linalg.lstsq(np.array(columns).T, electrons)[0]
    heights = [np.abs(falls * [step[name] for step in steps]).max() for name in ("NiO", "LiNiO2")]
    nickel = amounts[:2] / heights
    ni2 = target.shares("Ni", "tey")[2]
    assert nickel[0] / nickel.sum() == pytest.approx(ni2, abs=1e-3)


def test_true_shares_of_fluorescence_lie_between_bulk_and_surface() -> None:
    target = Target(AGED, Geometry())
    depths_nm = target.depths_nm("Ni", "pfy")
    assert all(60 < depth_nm < 120 for depth_nm in depths_nm.values())
    shares = target.shares("Ni", "pfy")
    assert 0.33 < shares[2] < 0.335 < target.shares("Ni", "tey")[2]
    assert sum(shares.values()) == pytest.approx(1.0)


def test_over_absorption_bends_fluorescence_as_the_law_says() -> None:
    sample = MATERIALS["NiO"]
    target = Target(sample, Geometry())
    strength = target.over_absorption("Ni")
    energies_ev = np.arange(852.0, 856.0, 0.25)
    seen = np.array([target.yields(energy_ev)[1]["Ni"] for energy_ev in energies_ev])
    steps = np.array([edge_steps(energy_ev)["NiO"] for energy_ev in energies_ev])
    law = steps / (1 + strength * steps)
    np.testing.assert_allclose(seen / seen.mean(), law / law.mean(), rtol=0.012)
    straight = steps / steps.mean()
    assert np.abs(seen / seen.mean() - straight).max() > 0.2


def test_grazing_exit_takes_over_absorption_away() -> None:
    strengths = [
        Target(MATERIALS["LiNiO2"], Geometry(90.0 - exit_deg, exit_deg)).over_absorption("Ni")
        for exit_deg in (80.0, 45.0, 10.0, 1.0)
    ]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[-1] < 0.1 * strengths[0]


def test_oxygens_emission_dips_where_nickel_absorbs() -> None:
    target = Target(MATERIALS["NiO"], Geometry())
    before, at_line = (target.yields(energy_ev)[1]["O"] for energy_ev in (848.0, 853.2))
    assert at_line < 0.5 * before


def test_materials_tell_the_story_of_the_paper() -> None:
    def seen(material: str, element: str, valence: int, mode: str) -> list[float]:
        ages = ["pristine", "1 cycle", "50 cycles", "100 cycles"]
        targets = [Target(MATERIALS[f"{material}, {age}"], Geometry()) for age in ages]
        return [target.shares(element, mode)[valence] for target in targets]

    assert seen("conventional", "Ni", 2, "tey") == pytest.approx([0.42, 0.45, 0.53, 0.62])
    assert seen("gradient", "Ni", 2, "tey") == pytest.approx([0.42, 0.41, 0.38, 0.35])
    for material in ("conventional", "gradient"):
        assert seen(material, "Ni", 2, "pfy") == pytest.approx([0.34] * 4, abs=0.012)
        mn2 = seen(material, "Mn", 2, "tey")
        assert (mn2[0], mn2[-1]) == pytest.approx((0.05, 0.35))
        assert min(seen(material, "Mn", 4, "pfy")) > 0.95
        assert min(seen(material, "Co", 3, "pfy")) > 0.99
    cycles = [MATERIALS[name].metadata["cycles"] for name in MATERIALS if "gradient" in name]
    assert tuple(cycles) == CYCLES


def test_the_beam_reduces_the_higher_valences() -> None:
    assert reduced("Mn", {2: 0.1, 3: 0.2, 4: 0.7}, 0.5) == pytest.approx({2: 0.55, 3: 0.1, 4: 0.35})
    assert reduced("Ni", {3: 1.0}, 0.9) == pytest.approx({2: 0.1, 3: 0.9})
    assert reduced("Ni", {0: 1.0}, 0.9) == pytest.approx({0: 1.0, 2: 0.0})
    target = Target(MATERIALS["LiNiO2"], Geometry())
    nio_peak = [target.yields(853.2, left)[0] for left in (1.0, 0.8)]
    assert nio_peak[1] > 1.1 * nio_peak[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bulk": {"Ni": {2: 0.4}}}, "let them be 0 or more and add up to 1"),
        ({"bulk": {"Ni": {2: 1.2, 3: -0.2}}}, "let them be 0 or more and add up to 1"),
        ({"bulk": {"Ni": {5: 1.0}}}, "no spectrum for bulk Ni of valence"),
        ({}, "Ni is neither one of Li, O nor a metal"),
        ({"bulk": {"Ni": {2: 1.0}, "Fe": {3: 1.0}}}, "bulk Fe is of an element that is not"),
        ({"bulk": {"Ni": {2: 1.0}}, "surface": {"Mn": {2: 1.0}}}, "surface Mn is of an element"),
        ({"bulk": {"Ni": {2: 1.0}}, "layer_nm": 0.0}, "give both above 0"),
    ],
)
def test_an_impossible_sample_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SoftSample("odd", {"Ni": 1.0, "O": 1.0}, **options)


def test_more_at_the_surface_than_there_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match="surface Ni"):
        aged("too old", {"Ni": 1.0, "Mn": 1.0, "Co": 1.0}, {"Ni": {2: 0.9, 3: 0.1}})


@pytest.mark.parametrize(
    "options", [{"incidence_deg": 0.0}, {"exit_deg": 91.0}, {"escape_depth_nm": 0.0}]
)
def test_an_impossible_geometry_is_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Geometry(**options)
