"""What is said to be true of a ramp."""

import numpy as np
import pytest

from cgnmc_bluesky.sim.decomposition import CHARGED, Decomposition
from cgnmc_bluesky.sim.gauge import Gauge
from cgnmc_bluesky.sim.ramp_truth import truth, truth_along

CONVENTIONAL = CHARGED["conventional"]
TEMPERATURES = ("t_one_percent_c", "t_rate_c", "t_extrapolated_c", "t_peak_c", "fwhm_c")


def test_without_a_release_there_is_no_temperature() -> None:
    known = truth(CHARGED["stable"])
    assert all(known[name] is None for name in (*TEMPERATURES, "max_slope"))
    assert known["layered_fraction"] == 1.0
    assert known["c_over_a"] == pytest.approx(known["c_angstrom"] / known["a_angstrom"])


def test_temperatures_come_in_order() -> None:
    for name in ("conventional", "gradient"):
        known = truth(CHARGED[name])
        assert known["t_one_percent_c"] < known["t_rate_c"] < known["t_peak_c"]
        assert known["t_one_percent_c"] < known["t_extrapolated_c"] < known["t_peak_c"]


def test_a_layered_phase_that_is_gone_has_no_cell() -> None:
    known = truth(CONVENTIONAL)
    assert (known["a_angstrom"], known["c_angstrom"], known["c_over_a"]) == (None, None, None)
    early = truth(CONVENTIONAL, target_c=150.0)
    assert early["c_over_a"] == pytest.approx(14.4 / 2.82, rel=0.002)
    assert early["split_108_110_deg"] == pytest.approx(0.5, abs=0.02)
    assert (early["spinel_a_angstrom"], early["rock_salt_a_angstrom"]) == (None, None)
    assert known["spinel_a_angstrom"] == pytest.approx(8.15 * (1 + 1.2e-5 * 475))


def test_a_faster_ramp_is_later() -> None:
    slow, fast = (truth(CONVENTIONAL, rate)["t_peak_c"] for rate in (2.0, 10.0))
    assert 10 < fast - slow < 40


def test_a_small_gauge_sees_the_same_release_later() -> None:
    few, many = (Gauge(sensitivity_a_s=value) for value in (1e-7, 1e-6))
    later, sooner = (truth(CONVENTIONAL, gauge=gauge) for gauge in (few, many))
    assert later["t_rate_c"] > sooner["t_rate_c"] + 5
    assert later["t_peak_c"] == sooner["t_peak_c"]
    assert later["max_slope"] == pytest.approx(sooner["max_slope"] / 10)


def test_delay_and_noise_of_a_gauge_are_not_part_of_it() -> None:
    plain, odd = Gauge(), Gauge(delay_s=60.0, mixing_s=30.0, white_noise=0.5, slow_noise=0.1)
    assert truth(CONVENTIONAL, gauge=plain) == truth(CONVENTIONAL, gauge=odd)


def test_a_ramp_is_a_history() -> None:
    temperature_c = np.arange(25.0, 500.05, 0.1)
    time_s = (temperature_c - 25.0) * 15.0
    along = truth_along(CONVENTIONAL, time_s, temperature_c)
    for name, value in truth(CONVENTIONAL, 4.0).items():
        if value is not None:
            assert along[name] == pytest.approx(value, rel=2e-3), name


def test_a_ramp_that_stops_before_has_a_rise_without_an_end() -> None:
    known = truth(CONVENTIONAL, target_c=220.0)
    assert (known["t_peak_c"], known["fwhm_c"]) == (None, None)
    assert known["t_rate_c"] == pytest.approx(truth(CONVENTIONAL)["t_rate_c"], abs=0.05)


def test_what_has_been_heated_before_has_given_its_oxygen() -> None:
    decomposition = Decomposition(CONVENTIONAL)
    fresh = truth(decomposition, target_c=350.0)
    assert fresh == truth(CONVENTIONAL, target_c=350.0)
    assert decomposition.phases.layered == 1.0
    decomposition.advance(300.0, 4200.0)
    decomposition.advance(25.0, 600.0)
    again = truth(decomposition, target_c=350.0)
    assert again["layered_fraction"] < 1e-3
    assert again["max_slope"] < fresh["max_slope"] / 50
    assert decomposition.temperature_c == 25.0


@pytest.mark.parametrize("wrong", [{"rate_c_per_min": 0.0}, {"target_c": 20.0}])
def test_what_is_no_ramp_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a ramp from"):
        truth(CONVENTIONAL, **wrong)
