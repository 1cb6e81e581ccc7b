"""What temperatures say of a ramp, told without any device."""

import math
from collections.abc import Callable, Iterable

import pytest

from cgnmc_bluesky.plans.polling import Elapsed
from cgnmc_bluesky.plans.watching import RampWatch

LAG_S = 120.0


def lagging(rate: float, start_c: float = 25.0) -> Callable[[float], float]:
    """A furnace that follows its ramp after a while."""
    return lambda t: start_c + rate / 60.0 * (t - LAG_S * (1.0 - math.exp(-t / LAG_S)))


def watched(
    temperatures: Callable[[float], float],
    *,
    rate: float = 4.0,
    target_c: float = 500.0,
    limit_c: float = 525.0,
    times_s: Iterable[float] | None = None,
) -> tuple[RampWatch, float]:
    """Watch until it has arrived; tell when that was."""
    watch = RampWatch(target_c, rate, limit_c)
    for time_s in times_s or (3.0 * n for n in range(6000)):
        watch.add(time_s, temperatures(time_s))
        if watch.has_arrived:
            return watch, time_s
    return watch, math.inf


def feed(watch: RampWatch, temperatures: Callable[[float], float]) -> None:
    """Show it temperatures for hours."""
    for n in range(2000):
        watch.add(3.0 * n, temperatures(3.0 * n))


def until(target_c: float, course: Callable[[float], float]) -> Callable[[float], float]:
    return lambda t: min(course(t), target_c)


@pytest.mark.parametrize("rate", [1.0, 4.0, 60.0])
@pytest.mark.parametrize("quantum_c", [0.01, 1.0])
def test_a_furnace_with_lag_and_a_coarse_readout_is_let_go_on(
    rate: float, quantum_c: float
) -> None:
    course = until(200.0, lagging(rate))
    _, arrived_s = watched(
        lambda t: round(course(t) / quantum_c) * quantum_c,
        rate=rate,
        target_c=200.0,
        limit_c=225.0,
        times_s=(3.0 * n for n in range(5000)),
    )
    assert arrived_s < 60.0 * 175.0 / rate + 3 * LAG_S


@pytest.mark.parametrize("factor", [60.0, 10.0, 4.0])
def test_a_ramp_that_is_too_fast_is_stopped_soon(factor: float) -> None:
    watch = RampWatch(500.0, 4.0, 525.0)
    with pytest.raises(RuntimeError, match="where 4 degC/min was asked"):
        feed(watch, lambda t: 25.0 + factor * 4.0 / 60.0 * t)
    assert watch.latest_c < 105.0


@pytest.mark.parametrize("factor", [1 / 60, 0.2, 0.0, -1.0])
def test_a_ramp_that_is_too_slow_is_stopped_within_minutes(factor: float) -> None:
    watch = RampWatch(500.0, 4.0, 525.0)
    seen: list[float] = []
    with pytest.raises(RuntimeError, match=r"was asked|has read"):
        feed(watch, lambda t: seen.append(t) or 100.0 + factor * 4.0 / 60.0 * t)
    assert seen[-1] < 320.0


def test_sixty_times_is_named() -> None:
    with pytest.raises(RuntimeError, match="does the controller take degC/s"):
        watched(lambda t: 25.0 + 4.0 * t)
    with pytest.raises(RuntimeError, match="does the controller take degC/h"):
        watched(lambda t: 25.0 + 4.0 * t / 3600.0)


def test_a_heater_that_dies_on_the_way_is_noticed() -> None:
    with pytest.raises(RuntimeError, match="where 4 degC/min was asked"):
        watched(lambda t: lagging(4.0)(min(t, 3000.0)) - 0.001 * max(t - 3000.0, 0.0))


def test_a_thermocouple_that_stands_still_is_noticed_sooner() -> None:
    course = lagging(4.0)
    watch = RampWatch(500.0, 4.0, 525.0)
    seen: list[float] = []
    with pytest.raises(RuntimeError, match=r"it has read .* for 75 s"):
        feed(watch, lambda t: seen.append(t) or course(min(t, 1800.0)))
    assert seen[-1] < 1885.0


def test_one_reading_above_the_limit_is_a_spike_and_two_are_hot() -> None:
    watch = RampWatch(500.0, 4.0, 525.0)
    watch.add(0.0, 25.0)
    watch.add(3.0, 2000.0)
    watch.add(6.0, 25.4)
    watch.add(9.0, 600.0)
    with pytest.raises(RuntimeError, match=r"at 601\.0 degC, above the limit of 525 degC"):
        watch.add(12.0, 601.0)


def test_five_readings_in_a_row_that_are_none_are_enough() -> None:
    watch = RampWatch(500.0, 4.0, 525.0)
    for time_s in range(4):
        watch.add(float(time_s), math.nan)
    watch.add(4.0, 25.0)
    for time_s in range(5, 9):
        watch.add(float(time_s), math.inf)
    with pytest.raises(RuntimeError, match="the last 5 temperatures are nan"):
        watch.add(9.0, math.nan)


def test_spikes_do_not_end_a_ramp_or_reach_its_target() -> None:
    course = until(500.0, lagging(4.0))
    spikes = {300.0: 0.0, 900.0: 499.9, 1500.0: -200.0, 3000.0: 510.0}
    _, arrived_s = watched(lambda t: spikes.get(t, course(t)))
    assert arrived_s == pytest.approx(60.0 * 475.0 / 4.0 + LAG_S, abs=30.0)


def test_near_its_target_it_has_arrived_when_it_rises_no_more() -> None:
    _, arrived_s = watched(until(498.0, lagging(4.0)))
    assert 7125.0 + 300.0 < arrived_s < 7125.0 + 800.0


def test_short_of_its_target_it_has_not() -> None:
    with pytest.raises(RuntimeError, match=r"rises no more at 490\.0 degC, 10\.0 degC short"):
        watched(until(490.0, lagging(4.0)))


def test_after_a_pause_it_begins_anew() -> None:
    watch = RampWatch(500.0, 4.0, 525.0)
    for n in range(100):
        watch.add(3.0 * n, 25.0 + 0.2 * n)
    watch.restart()
    for n in range(100):
        watch.add(3000.0 + 3.0 * n, 30.0 + 0.2 * n)
    assert watch.latest_c == pytest.approx(49.8)


def test_time_is_that_of_devices_which_live_faster() -> None:
    elapsed = Elapsed()
    for n in range(11):
        elapsed.stamp("temperature", 1000.0 + 3.0 * n, 3.0)
        elapsed.stamp("ions", 50.0 + 3.0 * n, 3.0)
    assert elapsed.now_s() == pytest.approx(30.0, abs=1.0)
    elapsed.stamp("temperature", 5000.0, 3.0)
    assert elapsed.now_s() == pytest.approx(39.0, abs=1.0)
    elapsed.stamp("temperature", 4000.0, 3.0)
    assert elapsed.now_s() == pytest.approx(39.0, abs=1.0)
