from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_scans import GRID_EV, KEYS, block, scan_grid

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.rows import Block
from cgnmc_bluesky.analysis.xanes.fraction import FractionAccumulator
from cgnmc_bluesky.analysis.xanes.model import EdgeModel, Standard
from cgnmc_bluesky.sim.spectra import shapes


def fraction_of(model, rows, *, ended=True):
    accumulator = FractionAccumulator(model, KEYS)
    accumulator.add(rows)
    return accumulator.result(ended=ended)


def errors_and_sigmas(model, measure, n, **conditions):
    rng = np.random.default_rng(21)
    true = rng.uniform(0, 1, size=n)
    found = [
        fraction_of(model, measure(rng, ni2, off_ev=rng.uniform(-5, 5), **conditions))
        for ni2 in true
    ]
    values = np.array([one.values["ni2_fraction"] for one in found])
    return values - true, np.array([one.sigmas["ni2_fraction"] for one in found])


@pytest.mark.parametrize(("signal_to_noise", "bound"), [(500, 0.01), (100, 0.05)])
def test_the_fraction_and_its_sigma_are_those_of_repeated_scans(
    nickel, measure, signal_to_noise, bound
):
    errors, sigmas = errors_and_sigmas(nickel, measure, 400, signal_to_noise=signal_to_noise)
    assert np.sqrt(np.mean(errors**2)) < bound
    assert 0.62 < np.mean(np.abs(errors) < sigmas) < 0.74


@pytest.mark.parametrize("reach_ev", [10.5, 15, 25, 60])
def test_a_growing_scan_is_right_from_10_ev_behind_the_edge_on(nickel, measure, reach_ev):
    errors, sigmas = errors_and_sigmas(nickel, measure, 200, reach_ev=reach_ev)
    assert np.sqrt(np.mean(errors**2)) < 0.03
    assert 0.58 < np.mean(np.abs(errors) < sigmas) < 0.78


def test_the_foils_error_is_in_the_fractions_sigma(nickel, measure):
    rng = np.random.default_rng(3)
    rows = measure(rng, 0.5)
    noisy = {**rows.values}
    noisy["murefer"] = noisy["murefer"] + rng.normal(size=len(rows)) * 0.05
    clean, blurred = fraction_of(nickel, rows), fraction_of(nickel, replace(rows, values=noisy))
    assert blurred.sigmas["ni2_fraction"] > 2 * clean.sigmas["ni2_fraction"]


def test_a_standards_calibration_is_in_the_fractions_sigma(nickel, measure):
    rows = measure(np.random.default_rng(3), 0.5)
    loose = replace(nickel, standards=tuple(replace(one, sigma_ev=0.1) for one in nickel.standards))
    assert fraction_of(loose, rows).sigmas["ni2_fraction"] > 0.01


def test_before_the_edge_there_is_no_number(nickel, measure):
    for reach_ev in (-100, -20, 0, 5):
        rows = measure(np.random.default_rng(5), 0.3, reach_ev=reach_ev)
        found = fraction_of(nickel, rows, ended=False)
        assert found.status is Status.WAITING
        assert found.reason
        assert all(value is None for value in found.values.values())


def test_a_run_that_ended_before_the_edge_waits_for_ever(nickel, measure):
    found = fraction_of(nickel, measure(np.random.default_rng(5), 0.3, reach_ev=0))
    assert found.status is Status.WAITING
    assert "ended" in found.reason


@given(scale=st.floats(0.05, 20), offset=st.floats(-3, 3), slope=st.floats(-1e-3, 1e-3))
@settings(max_examples=30)
def test_neither_thickness_nor_background_matters(nickel, scale, offset, slope):
    energy_ev = scan_grid(0.07)
    mixed = 0.3 * shapes()["NiO"](energy_ev) + 0.7 * shapes()["LiNiO2"](energy_ev)
    mu = scale * (mixed + offset + slope * (energy_ev - 8333))
    rows = block({"energy_ev": energy_ev, "mutrans": mu, "murefer": shapes()["Ni"](energy_ev)})
    assert fraction_of(nickel, rows).values["ni2_fraction"] == pytest.approx(0.3, abs=0.002)


@given(data=st.data())
@settings(max_examples=25)
def test_no_cut_and_no_order_changes_a_bit(nickel, measure, data):
    rows = measure(np.random.default_rng(6), 0.4)
    cuts = sorted(data.draw(st.lists(st.integers(1, len(rows) - 1), max_size=6, unique=True)))
    parts = np.split(np.arange(len(rows)), cuts)
    order = data.draw(st.permutations(range(len(parts))))
    accumulator = FractionAccumulator(nickel, KEYS)
    for at in order:
        part = parts[at]
        values = {name: column[part] for name, column in rows.values.items()}
        accumulator.add(Block(rows.stream, rows.seq_num[part], rows.time_s[part], values))
        accumulator.result()
    whole, cut = fraction_of(nickel, rows), accumulator.result(ended=True)
    assert (cut.values, cut.sigmas, cut.reason) == (whole.values, whole.sigmas, whole.reason)
    for name, curve in whole.curves["spectrum"].items():
        np.testing.assert_array_equal(cut.curves["spectrum"][name], curve)


def test_energies_in_reverse_order_are_the_same_scan(nickel, measure):
    rows = measure(np.random.default_rng(6), 0.4)
    backwards = {name: column[::-1] for name, column in rows.values.items()}
    forward = fraction_of(nickel, rows).values
    assert fraction_of(nickel, replace(rows, values=backwards)).values == forward


def test_energies_measured_twice_count_twice(nickel, measure):
    one, two = (measure(np.random.default_rng(seed), 0.4) for seed in (1, 2))
    both = {name: np.concatenate([one.values[name], two.values[name]]) for name in one.values}
    found = fraction_of(nickel, block(both))
    assert found.values["ni2_fraction"] == pytest.approx(0.4, abs=5 * found.sigmas["ni2_fraction"])
    assert found.sigmas["ni2_fraction"] < fraction_of(nickel, one).sigmas["ni2_fraction"]


def test_energy_and_absorption_may_come_in_streams_of_their_own(nickel, measure):
    rows = measure(np.random.default_rng(6), 0.4)
    energies, others = dict(rows.values), dict(rows.values)
    accumulator = FractionAccumulator(nickel, KEYS)
    accumulator.add(block({"energy_ev": energies.pop("energy_ev")}, "mono_energy_monitor"))
    del others["energy_ev"]
    accumulator.add(block(others))
    whole = fraction_of(nickel, rows)
    assert accumulator.result(ended=True).values == pytest.approx(whole.values)


def test_larchs_published_combination(shared):
    """Lengke 2006, as Larch's documentation publishes it."""
    folder = shared / "kedge_mixtures"

    def read(name):
        return np.loadtxt(folder / f"larch_lcf_Au_{name}.dat", unpack=True)[:2]

    energy_ev, mu = read("unknown")
    published = {("s1", "s2"): (0.47066, 0.52934), ("s1", "s2", "s5"): (0.27867, 0.53207, 0.18926)}
    for names, fractions in published.items():
        model = EdgeModel(
            "Au L3",
            11919.0,
            standards=tuple(Standard(name, None, *read(name)) for name in names),
            fit_range_ev=(11870.0, 12030.0),
            baseline="none",
            sum_to_one=True,
        )
        found = fraction_of(model, block({"energy_ev": energy_ev, "mutrans": mu}))
        for name, fraction in zip(names, fractions, strict=True):
            assert found.values[f"fraction_{name}"] == pytest.approx(fraction, abs=0.0005)
        assert found.values["mean_valence"] is None
        assert "no foil" in found.reason


def test_standards_that_do_not_describe_the_scan_give_no_number(nickel):
    energy_ev = scan_grid()
    metal = block({"energy_ev": energy_ev, "mutrans": shapes()["Ni"](energy_ev)})
    found = fraction_of(nickel, metal)
    assert found.status is Status.FAILED
    assert "unexplained" in found.reason


def test_what_cannot_be_is_said(nickel, measure):
    beyond = measure(np.random.default_rng(1), 1.3)
    found = fraction_of(nickel, beyond)
    assert found.values["ni2_fraction"] == pytest.approx(1.3, abs=0.05)
    assert "outside 0 to 1" in found.reason


def test_a_standard_that_does_not_reach_the_range_is_named(nickel, measure):
    model = replace(nickel, fit_range_ev=(8310.0, 9000.0))
    found = fraction_of(model, measure(np.random.default_rng(1), 0.5))
    assert found.status is Status.FAILED
    assert "NiO holds 8180.0 to" in found.reason


def test_valences_of_one_kind_are_summed(nickel, measure):
    extra = Standard("Ni(OH)2", 2, GRID_EV, shapes()["NiO2"](GRID_EV))
    model = replace(nickel, standards=(*nickel.standards, extra))
    found = fraction_of(model, measure(np.random.default_rng(1), 0.5)).values
    assert found["ni2_fraction"] == pytest.approx(found["fraction_NiO"] + found["fraction_Ni(OH)2"])
    assert found["mean_valence"] == pytest.approx(
        2 * found["ni2_fraction"] + 3 * found["ni3_fraction"]
    )
