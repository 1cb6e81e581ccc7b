"""Ring, clock, monochromator and detectors: their physics, and the protocols they keep."""

import math
import threading
import time

import numpy as np
import pytest
from bluesky.protocols import Movable, Readable, Stageable, Stoppable, Triggerable
from ophyd.utils import LimitError, ReadOnlyError

from cgnmc_bluesky.sim import MATERIALS, Clock, SimulatedBeamline, StorageRing
from cgnmc_bluesky.sim.monochromator import Monochromator


def count(beamline: SimulatedBeamline, channel: str = "i0") -> float:
    device = getattr(beamline, channel)
    device.trigger().wait(5)
    return float(device.reading.get())


# Ring


def test_ring_decays_and_is_topped_up() -> None:
    ring = StorageRing(full_ma=200.0, top_up_ma=190.0, lifetime_s=3600.0)
    current_ma = np.array([ring.current_ma(time_s) for time_s in np.arange(0.0, 2000.0)])
    assert current_ma.max() == 200.0
    assert 190.0 < current_ma.min() < 190.2
    assert ring.current_ma(100.0) == pytest.approx(200 * math.exp(-100 / 3600))


def test_ring_loses_its_beam_on_a_plan_and_by_hand() -> None:
    ring = StorageRing(dumps_s=[(10.0, 20.0)])
    assert [ring.current_ma(time_s) > 0 for time_s in (9.9, 10.0, 19.9, 20.0)] == [
        True,
        False,
        False,
        True,
    ]
    ring.dump()
    assert ring.current_ma(5.0) == 0
    ring.inject()
    assert ring.current_ma(5.0) > 0


def test_a_ring_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="top-up at 300"):
        StorageRing(top_up_ma=300.0)


def test_ring_device_follows_the_time() -> None:
    beamline = SimulatedBeamline()
    before = beamline.ring.read()["ring_current"]["value"]
    beamline.clock.advance(60.0)
    beamline.ring.refresh()
    assert beamline.ring.read()["ring_current"]["value"] < before


def test_a_beam_lost_by_hand_is_published_at_once() -> None:
    beamline = SimulatedBeamline(noise=False)
    light = count(beamline)
    beamline.ring.dump()
    assert beamline.ring.current.get() == 0
    assert count(beamline) < 1e-11
    beamline.ring.inject()
    assert beamline.ring.current.get() > 198
    assert count(beamline) == pytest.approx(light, rel=1e-3)


# Clock


def test_at_infinite_speed_nothing_waits() -> None:
    clock = Clock(start_s=0.0)
    done = []
    clock.wait_until(1e6, lambda: done.append(clock.now_s()))
    assert done == [1e6]


def test_at_a_finite_speed_time_passes_by_itself() -> None:
    clock = Clock(speed=1e4, start_s=0.0)
    done = threading.Event()
    clock.wait_until(500.0, done.set)
    assert not done.is_set()
    assert done.wait(5)
    assert clock.now_s() >= 500.0
    clock.advance(1e6)
    assert clock.now_s() >= 1e6


def test_what_is_cancelled_does_not_happen() -> None:
    clock = Clock(speed=1.0)
    happened = threading.Event()
    cancel = clock.wait_until(clock.now_s() + 0.05, happened.set)
    cancel()
    assert not happened.wait(0.1)


def test_a_paced_clock_keeps_its_rate_for_all_channels_together() -> None:
    beamline = SimulatedBeamline(points_per_s=200.0)
    begin_s = time.monotonic()
    for energy_ev in np.arange(8300.0, 8310.0, 0.5):
        beamline.mono.set(float(energy_ev)).wait(5)
        for status in [device.trigger() for device in (beamline.i0, beamline.it, beamline.ir)]:
            status.wait(5)
    assert time.monotonic() - begin_s >= 20 / 200.0


@pytest.mark.parametrize("options", [{"speed": 0}, {"speed": 2.0, "points_per_s": 5.0}])
def test_an_impossible_clock_is_refused(options: dict) -> None:
    with pytest.raises(ValueError, match="speed"):
        Clock(**options)


# Monochromator


def test_backlash_shows_after_a_motion_downwards() -> None:
    mono = Monochromator(Clock(), backlash_ev=0.2, start_ev=8300.0)
    mono.set(8310.0)
    assert mono.true_energy_ev() - mono.position == pytest.approx(0.0, abs=1e-3)
    mono.set(8305.0)
    assert mono.true_energy_ev() - mono.position == pytest.approx(0.2, abs=1e-3)
    mono.set(8305.1)
    assert mono.true_energy_ev() - mono.position == pytest.approx(0.1, abs=1e-3)


def test_axis_error_is_an_offset_that_drifts() -> None:
    clock = Clock()
    mono = Monochromator(clock, offset_ev=0.5, drift_ev_per_h=0.2, backlash_ev=0.0)
    assert mono.error_ev() == 0.5
    clock.advance(7200.0)
    assert mono.error_ev() == pytest.approx(0.9)
    assert mono.true_energy_ev() == pytest.approx(mono.position + 0.9)


def test_without_settling_it_still_swings() -> None:
    swings_ev = {}
    for settle_time_s in (0.0, 1.0):
        mono = Monochromator(Clock(), backlash_ev=0.0, start_ev=8300.0)
        mono.settle_time_s.put(settle_time_s)
        mono.set(8400.0)
        swings_ev[settle_time_s] = mono.true_energy_ev() - mono.position
    assert swings_ev[0.0] == pytest.approx(1.0)
    assert abs(swings_ev[1.0]) < 0.01


def test_a_motion_takes_its_time() -> None:
    clock = Clock(start_s=0.0)
    mono = Monochromator(clock, start_ev=8300.0, speed_ev_s=10.0)
    mono.set(8350.0)
    assert clock.now_s() == pytest.approx(5.1)


def test_energies_out_of_reach_are_refused_before_anything_moves() -> None:
    mono = Monochromator(Clock(), start_ev=8300.0)
    with pytest.raises(LimitError, match="cannot go to 99"):
        mono.set(99.0)
    assert mono.position == 8300.0
    with pytest.raises(ReadOnlyError, match="is measured"):
        mono.energy.set(1.0)


@pytest.mark.parametrize("success", [True, False])
def test_stopped_on_its_way_it_stays_there(success: bool) -> None:
    mono = Monochromator(Clock(speed=1.0), start_ev=8300.0, speed_ev_s=1.0)
    status = mono.set(8400.0)
    assert mono.moving
    mono.stop(success=success)
    assert not mono.moving
    assert 8300.0 <= mono.position < 8390.0
    assert isinstance(status.exception(5), type(None) if success else RuntimeError)


def test_a_new_target_ends_the_motion_before() -> None:
    mono = Monochromator(Clock(speed=50.0), start_ev=8300.0)
    first, second = mono.set(9000.0), mono.set(8310.0)
    assert isinstance(first.exception(5), RuntimeError)
    second.wait(5)
    assert mono.position == 8310.0


def test_a_readback_is_a_multiple_of_the_encoder_step() -> None:
    mono = Monochromator(Clock())
    mono.set(8333.00042)
    assert mono.position == 8333.0


# Detectors


def test_counting_noise_is_that_of_the_photons() -> None:
    steady = StorageRing(lifetime_s=1e12)
    beamline = SimulatedBeamline("empty", flux_ph_s=1e7, seed=3, ring=steady)
    beamline.it.gain_v_per_a.put(1e10)
    photons = beamline.endstation.moment("it").photons_s["it"] * beamline.it.dwell_s.get()
    readings = [count(beamline, "it") for _ in range(2000)]
    relative = np.std(readings) / np.mean(readings)
    assert relative == pytest.approx(1 / math.sqrt(photons), rel=0.06)


def test_a_longer_dwell_is_less_noisy_and_reads_the_same_current() -> None:
    means, spreads = [], []
    for dwell_s in (0.01, 1.0):
        beamline = SimulatedBeamline("empty", flux_ph_s=1e6, ring=StorageRing(lifetime_s=1e12))
        beamline.i0.dwell_s.put(dwell_s)
        readings = [count(beamline) for _ in range(400)]
        means.append(np.mean(readings))
        spreads.append(np.std(readings))
    assert means[0] == pytest.approx(means[1], rel=0.01)
    assert spreads[0] / spreads[1] == pytest.approx(10.0, rel=0.2)


def test_the_amplifier_saturates_and_its_gain_can_be_set() -> None:
    beamline = SimulatedBeamline("empty")
    free = count(beamline)
    beamline.i0.gain_v_per_a.put(1e10)
    assert count(beamline) == 1e-9 < free
    with pytest.raises(ValueError, match=r"i0_gain_v_per_a = 1.* V/A; give"):
        beamline.i0.gain_v_per_a.put(1e20)


def test_behind_the_closed_shutter_there_is_the_dark_current() -> None:
    beamline = SimulatedBeamline(noise=False)
    light = count(beamline, "it")
    beamline.shutter.set("closed")
    dark_a = beamline.roles()["xanes"]["dark"]["itrans"]
    assert count(beamline, "it") == dark_a < light
    assert count(beamline, "if_") == 0
    beamline.shutter.set("open")
    assert count(beamline, "it") == pytest.approx(light, rel=1e-3)


def test_sample_and_foil_are_seen_by_the_chambers_behind_them() -> None:
    beamline = SimulatedBeamline("NiO", noise=False, energy_offset_ev=0.0, backlash_ev=0.0)
    steps = {}
    for energy_ev in (8300.0, 8700.0):
        beamline.mono.set(energy_ev)
        light = [count(beamline, channel) for channel in ("i0", "it", "ir", "if_")]
        steps[energy_ev] = light
    before, after = steps[8300.0], steps[8700.0]
    ratios = [math.log(before[n + 1] / before[n] * after[n] / after[n + 1]) for n in (0, 1)]
    assert ratios[0] == pytest.approx(0.85, abs=0.1)
    assert ratios[1] == pytest.approx(0.95, abs=0.15)
    assert after[3] > 20 * before[3]


def test_without_a_foil_the_third_chamber_sees_no_edge() -> None:
    beamline = SimulatedBeamline("NiO", foil=None, noise=False)
    ratio = []
    for energy_ev in (8300.0, 8400.0):
        beamline.mono.set(energy_ev)
        ratio.append(count(beamline, "it") / count(beamline, "ir"))
    assert ratio[1] == pytest.approx(ratio[0], rel=0.05)


def test_fluorescence_of_a_thick_sample_is_self_absorbed() -> None:
    white_line = []
    for edge_step in (0.01, 3.0):
        sample = MATERIALS["NiO"].with_edge_step("Ni", edge_step)
        beamline = SimulatedBeamline(sample, noise=False)
        light = []
        for energy_ev in (8350.0, 8370.0):
            beamline.mono.set(energy_ev)
            light.append(count(beamline, "if_"))
        white_line.append(light[0] / light[1])
    assert white_line[1] < 0.85 * white_line[0]


def test_channels_that_count_together_see_one_moment() -> None:
    beamline = SimulatedBeamline()
    begin_s = beamline.clock.now_s()
    for device in (beamline.i0, beamline.it, beamline.ir, beamline.ring):
        device.trigger()
    assert beamline.clock.now_s() == pytest.approx(begin_s + 0.1)
    beamline.i0.trigger()
    assert beamline.clock.now_s() == pytest.approx(begin_s + 0.2)


# Protocols


def test_devices_keep_the_protocols() -> None:
    devices = SimulatedBeamline().devices()
    for device in devices.values():
        assert isinstance(device, Readable)
        assert isinstance(device, Stageable)
        assert device.stage()
        assert device.unstage()
    for name in ("i0", "it", "ir", "if_", "ring"):
        assert isinstance(devices[name], Triggerable)
    for name in ("mono", "sample", "shutter"):
        assert isinstance(devices[name], Movable)
    assert isinstance(devices["mono"], Stoppable)


def test_data_keys_carry_units() -> None:
    units = {}
    for device in SimulatedBeamline().devices().values():
        units |= {key: data_key.get("units") for key, data_key in device.describe().items()}
    assert units == {
        "mono_energy": "eV",
        "i0": "A",
        "it": "A",
        "ir": "A",
        "if": "counts",
        "ring_current": "mA",
        "sample": None,
        "shutter": None,
    }


def test_hints_name_what_is_plotted() -> None:
    beamline = SimulatedBeamline()
    assert beamline.mono.hints == {"fields": ["mono_energy"]}
    assert beamline.i0.hints == {"fields": ["i0"]}


def test_unknown_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="sample is 'gold'; mounted are empty"):
        SimulatedBeamline("gold")
    with pytest.raises(ValueError, match="edge is 'Au L3'; the simulated beamline knows Ni K"):
        SimulatedBeamline(edge="Au L3")
    beamline = SimulatedBeamline()
    with pytest.raises(ValueError, match="sample has no 'gold'"):
        beamline.sample.set("gold")
    assert "NiO" in beamline.sample.positions
