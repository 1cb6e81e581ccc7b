"""A residual gas analyser: its backgrounds, its noise, and the sample's gas on top."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cgnmc_bluesky.sim.decomposition import Gases
from cgnmc_bluesky.sim.gases import GasAnalyser
from cgnmc_bluesky.sim.gauge import MASSES, PUMP_DOWNS, Gauge

QUIET = Gauge(slow_noise=0.0, white_noise=0.0, electrometer_a=0.0, multiplier=0.0, spikes_per_h=0.0)
QUIET = replace(QUIET, stale=0.0)
STEADY = replace(QUIET, pumped_s=1e12, drift_per_h=0.0, leak_per_h=0.0)
NOTHING = Gases(0.0, 0.0, 0.0)


def trace(analyser: GasAnalyser, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    readings = [analyser.read(time_s) for time_s in times_s.tolist()]
    return np.array([list(reading.currents_a.values()) for reading in readings])


@pytest.mark.parametrize("law", sorted(PUMP_DOWNS))
def test_a_vacuum_gets_better(law: str) -> None:
    gauge = Gauge(pump_down=law)  # type: ignore[arg-type]
    times_s = np.linspace(0, 5 * 3600, 200)
    outgassing = gauge.outgassing(times_s)
    assert outgassing[0] == pytest.approx(1.0)
    assert np.all(np.diff(outgassing) < 0)
    assert np.all(np.diff(outgassing, 2) > 0)
    assert 0 < outgassing[-1] < 0.6
    for mass in MASSES:
        current_a = gauge.background_a(mass, times_s)
        assert np.all((current_a > 1e-12) & (current_a < 1e-8))


def test_laws_of_pump_down_differ() -> None:
    times_s = np.linspace(0, 5 * 3600, 200)
    curves = [Gauge(pump_down=law).outgassing(times_s) for law in PUMP_DOWNS]  # type: ignore[arg-type]
    for n, curve in enumerate(curves):
        for other in curves[n + 1 :]:
            assert np.abs(curve - other).max() > 0.05


def test_without_noise_it_reads_its_background() -> None:
    analyser = GasAnalyser(seed=None, start_s=1e9)
    reading = analyser.read(1e9 + 1800.0)
    assert reading.time_s == 1e9 + 1800.0
    expected = {mass: float(Gauge().background_a(mass, 1800.0)) for mass in MASSES}
    assert reading.currents_a == pytest.approx(expected)
    quiet = GasAnalyser(QUIET, seed=1, start_s=1e9).read(1e9 + 1800.0)
    assert quiet.currents_a == pytest.approx(expected, rel=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(0.0, 3000.0), max_size=30), st.integers(0, 2**32 - 1))
def test_who_reads_when_does_not_matter(between_s: list[float], seed: int) -> None:
    gauge = replace(Gauge(), stale=0.0)
    few, many = GasAnalyser(gauge, seed), GasAnalyser(gauge, seed)
    asked_s = [100.0, 900.0, 1500.0, 2999.0]
    expected = {time_s: few.read(time_s) for time_s in asked_s}
    readings = {time_s: many.read(time_s) for time_s in sorted({*asked_s, *between_s})}
    for time_s, reading in expected.items():
        assert readings[time_s] == reading


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(0.1, 99.9), max_size=20, unique=True))
def test_how_often_it_is_told_does_not_matter(between_s: list[float]) -> None:
    few, many = GasAnalyser(STEADY), GasAnalyser(STEADY)
    few.feed(100.0, Gases(1e-4, 2e-5, 3e-5))
    for time_s in [*sorted(between_s), 100.0]:
        many.feed(time_s, Gases(1e-6 * time_s, 2e-7 * time_s, 3e-7 * time_s))
    for analyser in (few, many):
        analyser.feed(200.0, NOTHING)
    # Mixing is exact where it is told; in between there are straight lines.
    late_s = 100.0 + STEADY.delay_s
    assert few.read(late_s).currents_a == pytest.approx(many.read(late_s).currents_a)


def test_gas_arrives_late_and_mixed() -> None:
    gauge = replace(STEADY, delay_s=12.0, mixing_s=4.0)
    analyser = GasAnalyser(gauge)
    times_s = np.arange(0.5, 300.0, 0.5)
    without_a = analyser.read(0.0).currents_a[32]
    release = np.where((times_s > 50) & (times_s <= 60), 1e-4, 0.0)
    signal_a = []
    for time_s, rate in zip(times_s.tolist(), release.tolist(), strict=True):
        analyser.feed(time_s, Gases(rate, 0.0, 0.0))
        signal_a.append(analyser.read(time_s).currents_a[32] - without_a)
    signal = np.array(signal_a)
    assert np.abs(signal[times_s < 62]).max() < 1e-20
    assert signal.sum() == pytest.approx(gauge.sensitivity_a_s * release.sum(), rel=1e-3)
    centre_s = np.average(times_s, weights=signal) - np.average(times_s, weights=release)
    assert centre_s == pytest.approx(16.0, abs=0.01)
    spread_s2 = np.average((times_s - np.average(times_s, weights=signal)) ** 2, weights=signal)
    assert spread_s2 == pytest.approx(4.0**2 + 10.0**2 / 12, rel=0.02)


def test_each_gas_shows_at_its_masses() -> None:
    shown = {}
    for gas in ("o2", "co2", "h2o"):
        analyser = GasAnalyser(replace(STEADY, mixing_s=0.0))
        before_a = analyser.read(0.0).currents_a
        analyser.feed(10.0, NOTHING._replace(**{gas: 1e-4}))
        analyser.feed(30.0, NOTHING._replace(**{gas: 1e-4}))
        after_a = analyser.read(30.0).currents_a
        rise_a = {mass: after_a[mass] - before_a[mass] for mass in MASSES}
        shown[gas] = {mass: rise for mass, rise in rise_a.items() if rise > 1e-15}
    assert shown["o2"] == pytest.approx({32: 5e-11})
    assert shown["co2"] == pytest.approx({44: 5e-11, 28: 5.5e-12})
    assert shown["h2o"] == pytest.approx({18: 5e-11})


def test_white_noise_has_its_size() -> None:
    gauge = replace(STEADY, white_noise=0.004, multiplier=2000.0, electrometer_a=3e-13)
    currents_a = trace(GasAnalyser(gauge, seed=5), np.arange(0, 10_000.0))
    mean_a = currents_a.mean(axis=0)
    expected_a = np.sqrt((0.004 * mean_a) ** 2 + 2 * 1.602e-19 * 2000.0 * mean_a + 3e-13**2)
    np.testing.assert_allclose(currents_a.std(axis=0), expected_a, rtol=0.03)
    scaled = (currents_a - mean_a) / expected_a
    assert abs(np.mean(scaled[1:] * scaled[:-1])) < 0.02


def test_slow_noise_lasts_for_minutes() -> None:
    gauge = replace(STEADY, slow_noise=0.01)
    currents_a = trace(GasAnalyser(gauge, seed=3), np.arange(0, 200_000.0, 5.0))
    relative = currents_a[:, 4] / currents_a[:, 4].mean() - 1
    assert relative.std() == pytest.approx(0.01, rel=0.1)
    later = 30  # 150 s
    correlation = np.mean(relative[later:] * relative[:-later]) / relative.var()
    assert correlation == pytest.approx(np.exp(-1), abs=0.08)


def test_air_goes_along_at_its_masses() -> None:
    gauge = replace(STEADY, slow_noise=0.01)
    slow = trace(GasAnalyser(gauge, seed=3), np.arange(0, 200_000.0, 50.0))
    together = np.corrcoef(slow.T)
    of = {mass: n for n, mass in enumerate(MASSES)}
    assert together[of[32], of[28]] > 0.3
    assert together[of[32], of[40]] > 0.5
    assert abs(together[of[32], of[44]]) < 0.2
    leak = [gauge.background_a(mass, 0.0) for mass in (28, 32, 40)]
    worse = [replace(gauge, leak_per_h=1.0).background_a(mass, 3600.0) for mass in (28, 32, 40)]
    rise = np.subtract(worse, leak)
    np.testing.assert_allclose(rise / rise[0], [1.0, 0.26, 0.014])


def test_spikes_stand_alone() -> None:
    gauge = replace(STEADY, spikes_per_h=200.0)
    currents_a = trace(GasAnalyser(gauge, seed=11), np.arange(0, 5 * 3600.0, 0.5))
    spikes = currents_a > currents_a.min(axis=0) * 1.01
    assert spikes.sum() == pytest.approx(1000, abs=110)
    assert (spikes[1:] & spikes[:-1]).sum() < 20
    assert (spikes.sum(axis=1) > 1).sum() < 60


def test_an_old_reading_comes_with_its_old_time() -> None:
    analyser = GasAnalyser(replace(Gauge(), stale=0.1), seed=2)
    asked_s = np.arange(0, 6000.0, 3.0).tolist()
    readings = [analyser.read(time_s) for time_s in asked_s]
    old = [n for n in range(1, len(readings)) if readings[n].time_s != asked_s[n]]
    assert len(old) == pytest.approx(200, abs=45)
    assert all(readings[n] == readings[n - 1] for n in old)


def test_one_seed_gives_one_trace() -> None:
    times_s = np.arange(0, 4000.0, 3.0)
    first, same, other = (trace(GasAnalyser(seed=seed), times_s) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).mean() > 0.99


def test_currents_are_those_of_a_real_gauge() -> None:
    currents_a = trace(GasAnalyser(seed=1), np.arange(0, 5 * 3600.0, 3.0))
    assert currents_a.min() > 1e-12
    assert currents_a.max() < 3e-8


def test_it_may_record_fewer_masses() -> None:
    analyser = GasAnalyser(seed=1, masses=(32, 44))
    assert list(analyser.read(1.0).currents_a) == [32, 44]


def test_it_forgets_what_nobody_can_read_any_more() -> None:
    analyser = GasAnalyser(seed=1)
    for time_s in np.arange(1.0, 20_000.0).tolist():
        analyser.feed(time_s, NOTHING)
    analyser.read(19_999.0)
    analyser.read(19_000.0)
    with pytest.raises(ValueError, match="read in order of time"):
        analyser.read(100.0)


def test_it_is_told_in_order_of_time() -> None:
    analyser = GasAnalyser(STEADY)
    analyser.feed(10.0, NOTHING)
    analyser.feed(5.0, Gases(1.0, 1.0, 1.0))
    analyser.feed(100.0, NOTHING)
    assert analyser.read(60.0).currents_a == pytest.approx(analyser.read(0.0).currents_a)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"pump_down": "slow"}, "no pump-down 'slow'; there are power"),
        ({"pumped_s": 0.0}, "pumped_s is 0.0"),
        ({"sensitivity_a_s": -1.0}, "sensitivity_a_s -1.0"),
        ({"delay_s": -1.0}, "delay_s is -1.0"),
    ],
)
def test_what_is_no_gauge_is_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Gauge(**wrong)  # type: ignore[arg-type]


def test_what_it_cannot_read_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no masses \[16\]"):
        GasAnalyser(masses=(16, 32))
    with pytest.raises(ValueError, match="before the analyser's start"):
        GasAnalyser(start_s=100.0).read(99.0)
