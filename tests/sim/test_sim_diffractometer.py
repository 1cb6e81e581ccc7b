"""The diffractometer around a heated cathode: exposures beside others, frames, and faults."""

import gc
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bluesky.plans as bp
import h5py
import numpy as np
import pytest
from bluesky import Msg
from bluesky.protocols import Readable, Stageable, Triggerable, WritesExternalAssets
from event_model import DocumentNames, schema_validators
from numpy.testing import assert_allclose, assert_array_equal

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.devices.heating import pace_of
from cgnmc_bluesky.documents import RunReader
from cgnmc_bluesky.sim import Clock, DetectorFailure, Fault, SimulatedHotStage
from cgnmc_bluesky.sim.diffraction import TWO_THETA_DEG

Documents = list[tuple[str, dict[str, Any]]]


def exposed(stage: SimulatedHotStage, exposure_s: float = 60.0) -> np.ndarray[Any, Any]:
    """Counts of one exposure, taken by itself."""
    stage.diffractometer.exposure_s.put(exposure_s)
    stage.diffractometer.trigger().wait(5)
    counts: np.ndarray[Any, Any] = stage.diffractometer.read()["xrd_intensity"]["value"]
    return counts


def test_it_keeps_blueskys_protocols_and_tells_its_units() -> None:
    diffractometer = SimulatedHotStage().diffractometer
    for protocol in (Readable, Triggerable, Stageable):
        assert isinstance(diffractometer, protocol)
    assert not isinstance(diffractometer, WritesExternalAssets)
    assert pace_of(diffractometer) is diffractometer.exposure_s
    described = diffractometer.describe()
    assert {key: data_key["units"] for key, data_key in described.items()} == {
        "xrd_intensity": "counts",
        "xrd_two_theta": "deg",
        "xrd_exposure_s": "s",
    }
    assert described["xrd_intensity"]["shape"] == described["xrd_two_theta"]["shape"] == [3000]


def test_a_patterns_time_is_the_end_of_its_exposure() -> None:
    stage = SimulatedHotStage()
    begin_s = stage.clock.now_s()
    exposed(stage, 40.0)
    reading = stage.diffractometer.read()
    assert stage.clock.now_s() == begin_s + 40.0
    assert {value["timestamp"] for value in reading.values()} == {begin_s + 40.0}
    assert reading["xrd_exposure_s"]["value"] == 40.0
    assert_array_equal(reading["xrd_two_theta"]["value"], TWO_THETA_DEG)


def test_counts_are_poissons_and_the_seeds() -> None:
    first, again, other = (exposed(SimulatedHotStage(seed=seed)) for seed in (1, 1, 2))
    assert_array_equal(first, again)
    true = exposed(SimulatedHotStage(noise=False))
    assert np.std((other - true) / np.sqrt(true)) == pytest.approx(1.0, abs=0.05)
    assert TWO_THETA_DEG[true.argmax()] == pytest.approx(5.4, abs=0.01)


def test_an_exposure_beside_a_ramp_waits_for_those_that_let_time_pass() -> None:
    stage = SimulatedHotStage()
    begin_s = stage.clock.now_s()
    stage.furnace.heartbeat.put(1)
    exposure = stage.diffractometer.trigger()
    for _ in range(20):
        stage.rga.trigger().wait(1)
        assert not exposure.done
    assert stage.clock.now_s() == begin_s + 57.0
    stage.rga.trigger().wait(1)
    exposure.wait(1)
    assert stage.diffractometer.read()["xrd_intensity"]["timestamp"] == begin_s + 60.0


def test_a_pattern_is_of_the_whole_exposure() -> None:
    """Half of it cold, half of it hot: both are in it."""
    stage = SimulatedHotStage("conventional", noise=False)
    cold = exposed(stage, 1.0)
    stage.furnace.heartbeat.put(1)
    stage.diffractometer.exposure_s.put(60.0)
    exposure = stage.diffractometer.trigger()
    stage.clock.advance(30.0)
    stage._oven.body.sample_c = stage._oven.body.heater_c = 480.0
    stage.clock.advance(30.0)
    exposure.wait(1)
    mixed = stage.diffractometer.read()["xrd_intensity"]["value"] / 60.0
    hot = exposed(stage, 1.0)
    layered, rock_salt = (np.abs(TWO_THETA_DEG - at).argmin() for at in (18.455, 17.772))
    assert hot[layered] < mixed[layered] < cold[layered]
    assert cold[rock_salt] <= mixed[rock_salt] < hot[rock_salt]


def test_an_exposure_that_is_broken_off_leaves_nothing() -> None:
    stage = SimulatedHotStage()
    before = exposed(stage)
    stage.furnace.heartbeat.put(1)
    broken, other = stage.diffractometer.trigger(), stage.diffractometer
    other.stop()
    with pytest.raises(RuntimeError, match="diffractometer was stopped"):
        broken.wait(1)
    ended = other.trigger()
    other.unstage()
    ended.wait(1)
    stage.clock.advance(300.0)
    assert_array_equal(other.read()["xrd_intensity"]["value"], before)


def test_time_that_passes_by_itself_ends_an_exposure() -> None:
    stage = SimulatedHotStage(speed=3000.0)
    stage.furnace.heartbeat.put(1)
    stage.diffractometer.trigger().wait(5)
    assert stage.diffractometer.read()["xrd_intensity"]["value"].sum() > 1e6


# Faults


def test_a_pattern_lacks_its_end() -> None:
    stage = SimulatedHotStage(faults=[Fault("short", points=[2])])
    stage.diffractometer.stage()
    sizes = []
    for _ in range(3):
        sizes.append(exposed(stage).size)
        assert stage.diffractometer.read()["xrd_two_theta"]["value"].size == sizes[-1]
    assert sizes == [3000, 2400, 3000]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("nan", lambda good: np.full(3000, np.nan)),
        ("zero", lambda good: np.zeros(3000)),
        ("stuck", lambda good: good[0]),
        ("spike", lambda good: 60.0 * good[1]),
    ],
)
def test_a_pattern_goes_wrong(kind: Any, expected: Callable[[Any], Any]) -> None:
    faulty = SimulatedHotStage(faults=[Fault(kind, points=[2], channel="xrd_intensity")])
    sound = SimulatedHotStage()
    good, bad = ([exposed(stage) for _ in range(3)] for stage in (sound, faulty))
    assert_allclose(bad[1], expected(good))
    for n in (0, 2):
        assert_array_equal(bad[n], good[n])


def test_it_may_fail_be_gone_or_say_what_it_said_before() -> None:
    stage = SimulatedHotStage(
        faults=[
            Fault("raise", points=[2], channel="xrd_intensity"),
            Fault("stale", points=[3], channel="diffractometer"),
            Fault("late", points=[4], channel="diffractometer", size=90.0),
            Fault("gone", points=[5], channel="diffractometer"),
        ]
    )
    first = exposed(stage)
    for point in (2, 5, 6):
        while stage.diffractometer._point < point - 1:
            again = exposed(stage)
            assert (stage.diffractometer._point == 3) == np.array_equal(again, first)
        with pytest.raises(DetectorFailure, match=f"does not answer at exposure {point}"):
            stage.diffractometer.trigger()
    stamp_s = stage.diffractometer.read()["xrd_intensity"]["timestamp"]
    assert stamp_s == stage.clock.now_s() + 90.0


# Frames


@pytest.fixture(scope="module")
def imaging(tmp_path_factory: pytest.TempPathFactory) -> SimulatedHotStage:
    return SimulatedHotStage(seed=1, frames=True, folder=tmp_path_factory.mktemp("frames"))


def test_frames_are_integrated_and_kept(
    imaging: SimulatedHotStage, documents: Callable[[Any], Documents]
) -> None:
    docs = documents(bp.count([imaging.diffractometer], 3, md=imaging.metadata()))
    for name, doc in docs:
        schema_validators[DocumentNames[name]].validate(doc)
    assert Counter(name for name, _ in docs) == {
        "start": 1,
        "descriptor": 1,
        "stream_resource": 1,
        "stream_datum": 3,
        "event": 3,
        "stop": 1,
    }
    events = [doc for name, doc in docs if name == "event"]
    assert set(events[0]["data"]) == {"xrd_intensity", "xrd_two_theta", "xrd_exposure_s"}
    (path,) = imaging.folder.glob("*.h5")
    with h5py.File(path) as file:
        frames = file["entry/xrd_image"][:]
    assert frames.shape == (3, 1024, 1024)
    assert frames.dtype == np.uint32
    assert not np.array_equal(frames[0], frames[1])
    true = exposed(SimulatedHotStage(noise=False))
    counts = events[1]["data"]["xrd_intensity"]
    assert_allclose(counts.sum(), true.sum(), rtol=0.005)
    assert np.std((counts - true) / np.sqrt(true)) == pytest.approx(1.0, abs=0.1)


def test_a_run_with_frames_is_read_like_any_other(
    imaging: SimulatedHotStage, documents: Callable[[Any], Documents]
) -> None:
    beamline = Beamline.from_dict(imaging.roles())
    assert beamline.data.readable == (imaging.folder,)
    roles = {
        name: role
        for name, role in beamline.heating.roles().items()
        if name in {"pattern", "two_theta_deg", "exposure_s"}
    }
    docs = documents(bp.count([imaging.diffractometer], 2))
    reader = RunReader(roles, beamline.data.readable)
    blocks = [block for name, doc in docs for block in reader(name, doc)]
    patterns = np.concatenate([block.values["pattern"] for block in blocks])
    assert patterns.shape == (2, 3000)
    assert reader.notes == []


def test_a_frame_that_nobody_collected_is_taken_again(
    imaging: SimulatedHotStage, documents: Callable[[Any], Documents]
) -> None:
    diffractometer = imaging.diffractometer

    def twice() -> Any:
        yield Msg("stage", diffractometer)
        yield Msg("open_run")
        for _ in range(2):
            yield Msg("trigger", diffractometer, group="twice")
            yield Msg("wait", group="twice")
        yield Msg("create", name="primary")
        yield Msg("read", diffractometer)
        yield Msg("save")
        yield Msg("close_run")
        yield Msg("unstage", diffractometer)

    docs = documents(twice())
    (datum,) = [doc for name, doc in docs if name == "stream_datum"]
    assert datum["indices"] == {"start": 0, "stop": 1}


def test_without_pyfai_frames_are_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyFAI.detectors", None)
    with pytest.raises(ImportError, match=r"pip install 'cgnmc-bluesky\[frames\]'"):
        SimulatedHotStage(frames=True, folder=tmp_path)


def test_a_frame_that_cannot_be_kept_fails_its_exposure(tmp_path: Path) -> None:
    (tmp_path / "frames").write_text("no folder")
    stage = SimulatedHotStage(frames=True, folder=tmp_path / "frames")
    exposure = stage.diffractometer.trigger()
    with pytest.raises(OSError, match="frames"):
        exposure.wait(1)


def test_without_a_folder_frames_go_with_the_hot_stage() -> None:
    stage = SimulatedHotStage(frames=True)
    folder: Path = stage.folder
    exposed(stage, 1.0)
    stage.diffractometer.unstage()
    assert len(list(folder.glob("*.h5"))) == 1
    del stage
    gc.collect()
    assert not folder.exists()


# The hot stage


@pytest.mark.parametrize("material", ["conventional", "gradient", "weak", "stable"])
def test_what_is_in_the_furnace_can_be_changed(material: str) -> None:
    stage = SimulatedHotStage()
    stage.sample.set(material).wait(1)
    metadata = stage.metadata()
    assert metadata["sample"] == stage._mounted[material].name
    assert (metadata["truth"]["t_peak_c"] is None) == (material == "stable")
    assert stage.devices()["capillary"].position == material


def test_truth_is_of_the_ramp_that_its_plan_says() -> None:
    stage = SimulatedHotStage()
    slow, fast = (
        stage.metadata({"rate_c_per_min": rate, "target_c": 400.0})["truth"] for rate in (2.0, 20.0)
    )
    assert slow["t_peak_c"] < fast["t_peak_c"] - 5.0
    assert slow["temperature_c"] == 400.0
    assert stage.metadata({"target_c": 20.0})["truth"] == {}


def test_an_unknown_material_is_named() -> None:
    with pytest.raises(ValueError, match="material is 'NMC'; mounted are conventional, gradient"):
        SimulatedHotStage("NMC")


def test_a_material_of_ones_own_is_mounted_beside_the_others() -> None:
    own = SimulatedHotStage()._mounted["weak"]
    stage = SimulatedHotStage(own)
    assert stage.metadata()["sample"] == own.name
    assert "gradient" in stage.sample.positions


# The clock


def test_what_is_put_off_comes_in_the_order_of_time() -> None:
    clock = Clock(start_s=0.0)
    came: list[tuple[str, float]] = []
    for name, time_s in (("late", 8.0), ("early", 2.0), ("never", 5.0), ("far", 99.0)):
        cancel = clock.at(time_s, lambda name=name: came.append((name, clock.now_s())))
        if name == "never":
            cancel()
    assert clock.now_s() == 0.0
    clock.at(0.0, lambda: came.append(("now", clock.now_s())))
    clock.wait_until(10.0, lambda: came.append(("then", clock.now_s())))
    assert came == [("now", 0.0), ("early", 2.0), ("late", 8.0), ("then", 10.0)]
    clock.advance(100.0)
    assert came[-1] == ("far", 99.0)
    assert clock.now_s() == 110.0


def test_what_is_put_off_may_put_off_more() -> None:
    clock = Clock(start_s=0.0)
    came: list[float] = []

    def again() -> None:
        came.append(clock.now_s())
        if len(came) < 3:
            clock.at(clock.now_s() + 2.0, again)

    clock.at(2.0, again)
    clock.advance(5.0)
    assert came == [2.0, 4.0]
    clock.advance(5.0)
    assert came == [2.0, 4.0, 6.0]
