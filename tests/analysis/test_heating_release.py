"""Releases that are drawn independently of the package: found, named, and never invented."""

import random
from dataclasses import replace

import numpy as np
import pytest
from simulated_ramps import FAULTS, blocks, cut, ramp

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.heating.model import HeatingModel
from cgnmc_bluesky.analysis.heating.release import ReleaseAccumulator

TEMPERATURES = ("t_detect_c", "t_rate_c", "t_first_deviation_c", "t_extrapolated_c", "t_peak_c")
NAMED = ("t_rate_c", "t_extrapolated_c", "t_peak_c", "fwhm_c", "max_slope")
KINDS = ("sharp", "spread", "weak")
SEEDS = (0, 2)
UNTIL_C = {"sharp": 280.0, "spread": 450.0, "weak": 280.0, "none": 260.0}


def short(kind, seed):
    """Readings each 5 s, and no further than it takes."""
    return ramp(kind, seed, period_s=5.0, until_c=UNTIL_C[kind])


def analysed(measured, *, ended=True, **how):
    accumulator = ReleaseAccumulator(HeatingModel(delay_s=measured.delay_s))
    for block in blocks(measured, **how):
        accumulator.add(block)
    return accumulator.estimate(ended=ended)


@pytest.fixture(scope="module")
def estimates():
    """Of some ramps of each kind."""
    drawn = {(kind, seed): short(kind, seed) for kind in KINDS for seed in SEEDS}
    return {name: (one, analysed(one)) for name, one in drawn.items()}


@pytest.mark.parametrize(("kind", "latest_c"), [("sharp", 25), ("spread", 150), ("weak", 30)])
def test_a_release_is_found(kind, latest_c, estimates):
    for (of, seed), (drawn, estimate) in estimates.items():
        if of == kind:
            delay_c = estimate.values["t_detect_c"] - drawn.truth["t_one_percent_c"]
            assert -30 < delay_c < latest_c, seed
            assert estimate.status is Status.FINAL


def test_errors_are_of_the_size_of_their_sigmas(estimates):
    """How well they hold is measured over many runs, by the benchmarks."""
    pulls = [
        (estimate.values[name] - drawn.truth[name]) / estimate.sigmas[name]
        for drawn, estimate in estimates.values()
        for name in NAMED
        if estimate.values[name] is not None and np.isfinite(drawn.truth[name])
    ]
    assert len(pulls) > 0.8 * len(NAMED) * len(estimates)
    assert np.median(np.abs(pulls)) < 2
    assert np.mean(np.abs(pulls) < 3) > 0.8


def test_the_order_of_temperatures_is_that_of_a_release(estimates):
    for (kind, _), (_, estimate) in estimates.items():
        values = estimate.values
        given = [values[name] for name in ("t_rate_c", "t_extrapolated_c") if values[name]]
        if values["t_peak_c"] is not None:
            assert all(at_c < values["t_peak_c"] for at_c in given), kind
        assert values["rate_c_per_min"] == pytest.approx(4.0, abs=0.1), kind


def test_no_release_is_no_onset():
    found = [analysed(short("none", seed)) for seed in range(2)]
    quiet = [one for one in found if one.values["t_detect_c"] is None]
    assert quiet
    for estimate in quiet:
        assert estimate.status is Status.FINAL
        assert "no onset" in estimate.reason
        assert all(estimate.values[name] is None for name in (*TEMPERATURES, "fwhm_c"))
        assert estimate.values["false_alarm_rate"] == pytest.approx(0.05)


@pytest.mark.parametrize("rate_c_per_min", [10.0])
def test_other_rates(rate_c_per_min):
    drawn = ramp("sharp", 3, rate_c_per_min=rate_c_per_min, period_s=5.0, until_c=270.0)
    estimate = analysed(drawn)
    assert estimate.values["t_peak_c"] == pytest.approx(drawn.truth["t_peak_c"], abs=4.0)
    assert estimate.values["t_rate_c"] == pytest.approx(drawn.truth["t_rate_c"], abs=6.0)


@pytest.mark.parametrize("how", [{"size": 11}, {"size": 111, "together": True}])
@pytest.mark.parametrize("order", ["backwards", "mixed"])
def test_however_the_rows_come_the_estimate_is_the_same(how, order, quick):
    drawn, whole = quick
    rows = list(blocks(drawn, **how))
    if order == "backwards":
        rows = rows[::-1]
    elif order == "mixed":
        rows = random.Random(1).sample(rows, len(rows))
    accumulator = ReleaseAccumulator(HeatingModel(delay_s=drawn.delay_s))
    for at, block in enumerate(rows):
        accumulator.add(block)
        if at % (len(rows) // 3) == 0:
            accumulator.estimate(ended=False)
    assert_same(accumulator.estimate(ended=True), whole)


@pytest.fixture(scope="module")
def quick():
    """A ramp of few readings, and what is said of it as a whole."""
    drawn = ramp("sharp", 0, rate_c_per_min=8.0, period_s=5.0, until_c=270.0)
    return drawn, analysed(drawn, size=len(drawn.time_s))


def assert_same(one, other):
    """To the last bit."""
    assert one.status is other.status
    assert one.reason == other.reason
    assert one.values == other.values
    assert one.sigmas == other.sigmas
    assert one.n_points == other.n_points
    for group, curves in one.curves.items():
        for name, curve in curves.items():
            np.testing.assert_array_equal(curve, other.curves[group][name])


def test_what_comes_after_does_not_move_the_detection():
    """It is where the test first alarms, fed in order of time."""
    drawn = short("sharp", 2)
    whole = analysed(drawn)
    detected_c = whole.values["t_detect_c"]
    part = analysed(cut(drawn, to_c=detected_c + 6.0), ended=False)
    assert part.status is Status.PROVISIONAL
    assert part.values["t_detect_c"] == detected_c
    assert part.values["t_peak_c"] is None
    before = analysed(cut(drawn, to_c=detected_c - 3.0), ended=False)
    assert before.values["t_detect_c"] is None


def test_units_of_the_current_and_the_epoch_do_not_matter():
    drawn = short("weak", 4)
    here = analysed(drawn)
    louder = replace(drawn, current_a=drawn.current_a * 1e12)
    there = analysed(louder, start_s=1.8e9)
    for name in (*TEMPERATURES, "fwhm_c"):
        assert there.values[name] == pytest.approx(here.values[name], abs=0.02)
    assert there.values["max_slope"] == pytest.approx(1e12 * here.values["max_slope"], rel=1e-3)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_no_onset_invented(fault):
    spoil, word = FAULTS[fault]
    estimate = analysed(spoil(ramp("none", 1, period_s=5.0, until_c=180.0)))
    assert estimate.values["t_detect_c"] is None
    assert estimate.reason
    assert word in estimate.reason


@pytest.mark.parametrize("fault", ["temperatures missing", "currents missing", "spikes", "a gap"])
def test_a_release_is_found_beside_a_fault(fault):
    drawn = short("sharp", 1)
    estimate = analysed(FAULTS[fault][0](drawn))
    assert estimate.values["t_peak_c"] == pytest.approx(drawn.truth["t_peak_c"], abs=3.0)
    assert estimate.values["t_rate_c"] == pytest.approx(drawn.truth["t_rate_c"], abs=4.0)


def test_a_ramp_that_ends_before_the_release():
    drawn = short("sharp", 6)
    ended = analysed(cut(drawn, to_c=drawn.truth["t_one_percent_c"] - 25.0))
    assert ended.values["t_detect_c"] is None
    assert "no onset" in ended.reason


def test_a_ramp_that_ends_at_once():
    estimate = analysed(cut(short("sharp", 6), to_c=26.0))
    assert estimate.status is Status.WAITING
    assert estimate.reason


def test_a_run_that_begins_within_the_release():
    """There is no background, so no temperature above one can be given."""
    drawn = short("sharp", 0)
    estimate = analysed(cut(drawn, from_c=drawn.truth["t_peak_c"] - 5.0))
    assert estimate.values["t_rate_c"] is None
    assert estimate.reason


def test_a_fall_is_no_release():
    """Oxygen that is taken up, or a background that breaks down."""
    drawn = short("sharp", 2)
    fallen = replace(
        drawn, current_a=drawn.current_a - 2 * drawn.release_a.clip(max=0.4 * drawn.background_a)
    )
    estimate = analysed(cut(fallen, to_c=drawn.truth["t_peak_c"]))
    assert estimate.values["t_detect_c"] is None


def test_nothing_at_all():
    accumulator = ReleaseAccumulator(HeatingModel())
    assert accumulator.estimate(ended=False).status is Status.WAITING
    assert accumulator.estimate(ended=True).status is not Status.FINAL


def test_the_mass_is_not_recorded():
    drawn = short("sharp", 0)
    accumulator = ReleaseAccumulator(HeatingModel(mass="44"))
    for block in blocks(drawn):
        accumulator.add(block)
    estimate = accumulator.estimate(ended=True)
    assert estimate.values["t_detect_c"] is None
    assert "44" in estimate.reason


def test_curves_show_the_release():
    drawn = short("sharp", 3)
    estimate = analysed(drawn)
    trace, release = estimate.curves["trace"], estimate.curves["release"]
    assert np.all(np.diff(trace["time_s"]) > 0)
    assert {"time_s", "temperature_c", "ion_32"} <= set(trace)
    top = np.nanargmax(release["release"])
    assert release["temperature_c"][top] == pytest.approx(drawn.truth["t_peak_c"], abs=3.0)
    true_a = np.interp(release["time_s"], drawn.time_s, drawn.background_a)
    late = release["temperature_c"] > 100
    np.testing.assert_allclose(release["background"][late], true_a[late], rtol=0.15)


def test_what_is_no_release_is_not_drawn_as_one():
    drawn = short("none", 1)
    step = np.where(drawn.temperature_c > 150.0, 1.2, 1.0)
    estimate = analysed(replace(drawn, current_a=drawn.current_a * step))
    assert estimate.status is Status.FINAL
    assert "no onset" in estimate.reason
    assert all(estimate.values[name] is None for name in TEMPERATURES)
    assert np.isnan(estimate.curves["release"]["release"]).all()
