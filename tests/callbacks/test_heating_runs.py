"""Ramps whose readings are not what they should be: named, and nothing made up."""

import numpy as np
import pytest
from heating_documents import measured_ramp, polled_run

from cgnmc_bluesky import Beamline, replay

RATE_C_PER_S = 10.0 / 60.0
PEAK_C = 215.0
WIDTH_C = 9.0
TIME_S = np.arange(0.0, 1800.0, 4.0)
TRUE_C = 25.0 + RATE_C_PER_S * TIME_S
NEVER = ("t_detect_c", "t_rate_c", "t_first_deviation_c", "t_extrapolated_c", "t_peak_c", "fwhm_c")


def read_c() -> np.ndarray:
    return np.round(TRUE_C + np.random.default_rng(3).normal(0.0, 0.05, TIME_S.size), 3)


def results_of(temperature_c, *, ion_s=TIME_S, patterns=()):
    """What is said of a ramp with a release at 215 °C, read by some thermometer."""
    random = np.random.default_rng(7)
    release = np.exp(-(((TRUE_C - PEAK_C) / WIDTH_C) ** 2))
    background = 1.0 + 0.5 / (1.0 + TIME_S / 600.0)
    current = 1e-9 * (background + release) * (1.0 + 0.005 * random.normal(size=TIME_S.size))
    run = polled_run(
        measured_ramp(ion_s, temperature_c, {"32": current}, patterns, temperature_s=TIME_S)
    )
    found = replay(run.documents, Beamline.from_dict(run.configuration()))
    return {result.analysis: result for result in found}


def rows(low_c: float, high_c: float) -> slice:
    return slice(*np.searchsorted(TRUE_C, [low_c, high_c]).tolist())


def stuck(low_c: float, high_c: float) -> np.ndarray:
    temperature_c = read_c()
    part = rows(low_c, high_c)
    temperature_c[part] = temperature_c[part.start]
    return temperature_c


def test_a_sensor_that_stood_still_for_a_while_is_believed_when_it_has_caught_up():
    onset = results_of(stuck(100.0, 150.0))["o2_onset"]
    assert onset.status == "final"
    assert "stands still at 100" in onset.reason
    assert "jumps" not in onset.reason
    assert onset.values["t_peak_c"] == pytest.approx(PEAK_C, abs=1.0)


def test_a_sensor_that_never_moves_is_named():
    onset = results_of(np.full(TIME_S.size, 25.0))["o2_onset"]
    assert "no onset up to 25 °C" in onset.reason
    assert "stands still at 25.0 °C" in onset.reason
    assert not any(onset.values[name] for name in NEVER)


def test_a_sensor_that_sticks_at_its_second_reading_is_named():
    temperature_c = np.full(TIME_S.size, 25.0)
    temperature_c[0] = 24.9
    assert "stands still at 25.0 °C" in results_of(temperature_c)["o2_onset"].reason


def test_temperatures_that_no_sample_has_are_left_out():
    temperature_c = read_c()
    temperature_c[20::50] = 1e300
    temperature_c[rows(250.0, 260.0)] = -300.0
    onset = results_of(temperature_c)["o2_onset"]
    assert "24 readings of the temperature are impossible" in onset.reason
    assert onset.values["t_peak_c"] == pytest.approx(PEAK_C, abs=1.0)


def test_a_gap_in_the_temperature_is_not_taken_for_two_clocks():
    temperature_c = read_c()
    temperature_c[rows(90.0, 150.0)] = np.nan
    onset = results_of(temperature_c)["o2_onset"]
    assert "no temperature at" in onset.reason
    assert "clocks" not in onset.reason


@pytest.mark.parametrize("late_s", [900.0, -900.0])
def test_clocks_that_are_apart_are_named(late_s):
    onset = results_of(read_c(), ion_s=TIME_S + late_s)["o2_onset"]
    assert "first are 900 s apart, two clocks may disagree" in onset.reason


def test_a_pattern_taken_while_the_sensor_stood_still_has_no_temperature():
    patterns = [np.random.default_rng(n).poisson(100.0, 400).astype(float) for n in range(24)]
    phases = results_of(stuck(150.0, 1000.0), patterns=patterns)["phases"]
    assert "stands still at 150" in phases.reason
    assert phases.values["temperature_c"] is None


def test_patterns_without_a_number_are_named():
    patterns = [np.random.default_rng(n).poisson(100.0, 400).astype(float) for n in range(24)]
    patterns[22] = np.full(400, np.nan)
    patterns[5][:100] = np.nan
    assert (
        "xrd_intensity: no number (row 23)"
        in results_of(read_c(), patterns=patterns)["phases"].reason
    )
