"""Yields against independent oracles: scipy's least squares, and drawn noise."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from yield_documents import YieldScan, absorption, beamline

from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.soft.contrast import ContrastAccumulator
from cgnmc_bluesky.analysis.soft.fraction import YieldAccumulator
from cgnmc_bluesky.analysis.soft.step import double_step
from cgnmc_bluesky.analysis.soft.sweeps import sweeps_of
from cgnmc_bluesky.analysis.soft.yielded import Sought, compose
from cgnmc_bluesky.beamline import Edge
from cgnmc_bluesky.standards import standards_of

ENERGY_EV = np.arange(845.0, 885.0, 0.25)
ROLES = {
    "energy_ev": "pgm_energy",
    "i0": "gold_mesh",
    "tey": "sample_current",
    "pfy": "sdd_ni_l",
    "irefer": "reference_current",
}


def known(energy_ev):
    return np.stack([absorption(name, energy_ev) for name in ("NiO", "LiNiO2")], axis=1)


def slopes(energy_ev):
    return (known(energy_ev + 0.01) - known(energy_ev - 0.01)) / 0.02


def baseline(energy_ev):
    return np.stack([np.ones_like(energy_ev), energy_ev - 850.0], axis=1)


def model(unknowns, energy_ev):
    first, second, offset, slope, absorbing, shift_ev = unknowns
    x = known(energy_ev + shift_ev) @ [first, second]
    return x / (1 + absorbing * x) + offset + slope * (energy_ev - 850.0)


def test_composition_is_that_of_scipy():
    truth = np.array([0.4, 0.6, 0.1, 0.002, 0.2, 0.07])
    noise = 0.01 * np.random.default_rng(3).normal(size=len(ENERGY_EV))
    measured = model(truth, ENERGY_EV) + noise
    found = compose(Sought(known, slopes, baseline, None, moves=True), ENERGY_EV, measured)

    def left(unknowns):
        return np.sqrt(found.weights) * (model(unknowns, ENERGY_EV) - measured)

    oracle = least_squares(left, truth, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    fitted = [*found.amounts, *found.baseline, found.absorbing, found.shift_ev]
    np.testing.assert_allclose(fitted, oracle.x, rtol=1e-3, atol=1e-5)


def test_a_tilt_is_told_from_the_amounts():
    away = (ENERGY_EV - 852.7) / 80
    x = known(ENERGY_EV) @ [0.4, 0.6] * (1 - 0.2 * away)
    sought = Sought(known, slopes, baseline, None, tilts_about_ev=852.7)
    found = compose(sought, ENERGY_EV, x / (1 + 0.2 * x) + 0.1)
    np.testing.assert_allclose(found.amounts, [0.4, 0.6], atol=1e-4)
    assert found.tilt == pytest.approx(-0.2, abs=1e-3)
    assert found.absorbing == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("shift_ev", [-0.8, -0.5, 0.5, 0.8])
def test_lines_narrower_than_the_shift_are_found(shift_ev):
    def lines(energy_ev):
        places_ev = np.array([[853.0, 855.0, 870.4], [854.2, 857.0, 872.7]])
        heights = np.array([[6.0, 2.0, 1.5], [2.5, 6.0, 3.0]])
        away = (energy_ev[:, None, None] - places_ev) / 0.25
        return np.einsum("nkl,kl->nk", np.exp(-0.5 * away**2), heights)

    def by_energy(energy_ev):
        return (lines(energy_ev + 0.01) - lines(energy_ev - 0.01)) / 0.02

    x = lines(ENERGY_EV + shift_ev) @ [0.9, 0.1]
    measured = x / (1 + 0.1 * x) + 0.1
    found = compose(Sought(lines, by_energy, baseline, None, moves=True), ENERGY_EV, measured)
    assert found.shift_ev == pytest.approx(shift_ev, abs=1e-3)
    np.testing.assert_allclose(found.amounts, [0.9, 0.1], atol=1e-3)


def test_given_strength_is_kept():
    measured = model([0.4, 0.6, 0.1, 0.0, 0.2, 0.0], ENERGY_EV)
    found = compose(Sought(known, slopes, baseline, 0.2), ENERGY_EV, measured)
    np.testing.assert_allclose(found.amounts, [0.4, 0.6], atol=1e-6)
    assert found.absorbing * np.sum(found.amounts) == pytest.approx(0.2)


def test_what_cannot_be_told_apart_is_refused():
    def twice(energy_ev):
        return np.repeat(known(energy_ev)[:, :1], 2, axis=1)

    with pytest.raises(ValueError, match="alike"):
        compose(Sought(twice, slopes, baseline), ENERGY_EV, twice(ENERGY_EV)[:, 0])


@pytest.fixture(scope="module")
def nickel():
    """What is known of the edge."""
    return standards_of(beamline(), Edge("Ni", "L3"), "tey").model


def rows_of(scan):
    readings = scan.readings()
    number = np.arange(1, len(readings["pgm_energy"]) + 1)
    values = {role: readings[key] for role, key in ROLES.items()}
    return Block("primary", number, number.astype(float), values)


@pytest.mark.parametrize("counts", [False, True])
def test_sigmas_are_what_they_say(counts, nickel):
    """Rough here: the benchmarks hold the coverage to its bounds."""
    pulls = []
    for seed in range(50):
        surface, bulk = (YieldAccumulator(nickel, ROLES, mode) for mode in ("tey", "pfy"))
        contrast = ContrastAccumulator(surface, bulk)
        contrast.add(rows_of(YieldScan(offset_ev=0.2, counts=counts, seed=seed)))
        difference = contrast.result(ended=True)
        found = [
            (surface.result(ended=True), "ni2_fraction", 0.4),
            (bulk.result(ended=True), "ni2_fraction", 0.3),
            (difference, "ni2_fraction_difference", 0.1),
        ]
        pulls.append([(of.values[name] - truth) / of.sigmas[name] for of, name, truth in found])
    inside = np.mean(np.abs(pulls) < 1, axis=0)
    assert np.all((inside > 0.5) & (inside < 0.86))


def test_step_is_measured_over_both_edges():
    step = double_step(ENERGY_EV, 3 * absorption("NiO", ENERGY_EV) + 2, 852.7, 870.0)
    assert step.step == pytest.approx(3.0, rel=0.06)


def test_tail_of_a_line_is_no_step():
    line = 1 / (1 + ((ENERGY_EV - 853.0) / 0.5) ** 2)
    assert double_step(ENERGY_EV, line, 852.7, 870.0) is None
    assert double_step(ENERGY_EV[:60], absorption("NiO", ENERGY_EV[:60]), 852.7, 870.0) is None


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        ([ENERGY_EV], 1),
        ([ENERGY_EV[::-1]], 1),
        ([ENERGY_EV, ENERGY_EV], 2),
        ([ENERGY_EV, ENERGY_EV[::-1], ENERGY_EV], 3),
        ([ENERGY_EV, ENERGY_EV[:40]], 2),
    ],
)
def test_sweeps_are_told_by_where_the_energy_turns(parts, count):
    energy_ev = np.concatenate(parts)
    wavering = energy_ev + np.random.default_rng(1).normal(0, 0.2, len(energy_ev))
    wavering[5] = np.nan
    for recorded in (energy_ev, wavering):
        sweeps = sweeps_of(recorded)
        assert len(sweeps) == count
        assert sum(sweep.stop - sweep.start for sweep in sweeps) == len(recorded)
