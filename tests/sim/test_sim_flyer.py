"""Stage, flyer and nanoprobe: what they record, the protocols they keep, and what goes wrong."""

import gc
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from bluesky.protocols import (
    Collectable,
    Flyable,
    Movable,
    Pausable,
    Preparable,
    Readable,
    Stageable,
    Stoppable,
    WritesStreamAssets,
)
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from ophyd.utils import LimitError

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.devices.flying import FlyLine
from cgnmc_bluesky.sim import (
    PARTICLES,
    Clock,
    DetectorElement,
    DetectorFailure,
    Fault,
    SimulatedBeamline,
    SimulatedNanoprobe,
)
from cgnmc_bluesky.sim.nanobeam import Nanobeam
from cgnmc_bluesky.sim.nanoprobe import STANDARD
from cgnmc_bluesky.sim.stage import make_stage

N = 6
ROWS_UM = (-0.2, 0.0, 0.2)
READER = """
import sys, h5py
with h5py.File(sys.argv[1], "r", swmr=True, locking=False) as file:
    dataset = file["entry/xs_channel1"]
    print(dataset.shape[0], int(dataset[-6:].sum()), flush=True)
    sys.stdin.readline()
    dataset.refresh()
    print(dataset.shape[0], int(dataset[-6:].sum()), flush=True)
"""


@cache
def beam() -> Nanobeam:
    return Nanobeam([STANDARD], self_absorption=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def make_nanoprobe(folder: Path, n_elements: int = 1, **options: Any) -> SimulatedNanoprobe:
    elements = [DetectorElement(share=1 / n_elements)] * n_elements
    return SimulatedNanoprobe(beam(), folder=folder, **{"elements": elements, **options})


def line_of(nanoprobe: SimulatedNanoprobe, dwell_s: float = 0.05, num: int = N) -> FlyLine:
    return FlyLine(nanoprobe.stage.x, -0.5, 0.5, num, dwell_s)


def fly(nanoprobe: SimulatedNanoprobe, line: FlyLine) -> list[tuple[str, Any]]:
    flyer = nanoprobe.xspress3
    flyer.prepare(line).wait(5)
    flyer.kickoff().wait(5)
    flyer.complete().wait(10)
    return list(flyer.collect_asset_docs())


def map_with(nanoprobe: SimulatedNanoprobe, dwell_s: float = 0.05) -> dict[str, NDArray[Any]]:
    """Three rows there and back, as they are in the file."""
    nanoprobe.xspress3.stage()
    line = line_of(nanoprobe, dwell_s)
    for row, y_um in enumerate(ROWS_UM):
        nanoprobe.stage.y.set(y_um).wait(5)
        fly(nanoprobe, line.reversed() if row % 2 else line)
    nanoprobe.xspress3.unstage()
    return contents(nanoprobe)


def contents(nanoprobe: SimulatedNanoprobe) -> dict[str, NDArray[Any]]:
    newest = max(nanoprobe.folder.glob("*.h5"), key=lambda path: path.stat().st_mtime_ns)
    with h5py.File(newest) as file:
        return {name: dataset[:] for name, dataset in file["entry"].items()}


# Stage


def test_an_axis_sweeps_at_the_speed_that_is_asked_for() -> None:
    clock = Clock(start_s=0.0)
    stage = make_stage(clock, speed_um_s=100.0)
    stage.x.set(-10.0).wait(5)
    assert clock.now_s() == pytest.approx(0.1)
    stage.x.sweep(10.0, 2.0).wait(5)
    assert clock.now_s() == pytest.approx(10.1)
    assert stage.read()["stage_x"]["value"] == 10.0
    with pytest.raises(LimitError, match=r"stage_y cannot go to 200.* it reaches -100"):
        stage.y.set(200.0)


def test_an_axis_that_is_stopped_stays_where_it_is() -> None:
    stage = make_stage(Clock(speed=1.0), speed_um_s=10.0)
    sweep = stage.x.sweep(50.0, 1.0)
    assert stage.x.moving
    stage.x.stop(success=True)
    sweep.wait(5)
    assert 0.0 <= stage.x.position < 5.0
    assert not stage.x.moving


def test_devices_keep_blueskys_protocols(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder)
    for protocol in (Preparable, Flyable, Collectable, WritesStreamAssets, Stageable, Pausable):
        assert isinstance(nanoprobe.xspress3, protocol)
    for protocol in (Movable, Readable, Stoppable, Stageable):
        assert isinstance(nanoprobe.stage.x, protocol)


# What is recorded


@pytest.mark.parametrize("compression", ["gzip", None])
def test_a_row_is_of_the_shapes_that_are_described(folder: Path, compression: str | None) -> None:
    nanoprobe = make_nanoprobe(folder, 3, oversampling=4, compression=compression)
    flyer = nanoprobe.xspress3
    flyer.stage()
    fly(nanoprobe, line_of(nanoprobe))
    keys = flyer.describe_collect()
    flyer.unstage()
    data = contents(nanoprobe)
    assert set(data) == set(keys)
    assert keys["xs_channel3"]["shape"] == [N, 4096]
    assert keys["stage_y"]["shape"] == [4 * N]
    assert {key: list(array.shape) for key, array in data.items()} == {
        key: described["shape"] for key, described in keys.items()
    }
    assert {array.dtype.str for array in data.values()} == {"<u4", "<f8"}
    assert {key: keys[key]["units"] for key in ("stage_x", "sclr_i0", "xs_channel1_dt")} == {
        "stage_x": "um",
        "sclr_i0": "counts",
        "xs_channel1_dt": "",
    }


def test_encoders_follow_the_axis_which_lags_behind(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder, oversampling=10)
    data = map_with(nanoprobe)
    x_um = data["stage_x"].reshape(3, N, 10).mean(2)
    centres_um = np.linspace(-0.5, 0.5, N)
    lag_um = nanoprobe.stage.x.lag_s * 0.2 / 0.05
    assert_allclose(x_um[0], centres_um - lag_um, atol=0.003)
    assert_allclose(x_um[1], centres_um[::-1] + lag_um, atol=0.003)
    assert_allclose(data["stage_y"].reshape(3, -1).mean(1), ROWS_UM, atol=0.003)
    assert np.ptp(data["stage_x"][:10]) == pytest.approx(0.2 * 9 / 10, abs=0.02)


def test_the_particle_is_where_the_encoders_say(folder: Path) -> None:
    data = map_with(make_nanoprobe(folder), dwell_s=2.0)
    nickel = data["xs_channel1"][:, 730:770].sum(1) / data["sclr_i0"]
    centre_um = (nickel * data["stage_x"]).sum() / nickel.sum()
    assert centre_um == pytest.approx(0.0, abs=0.01)
    assert nickel.reshape(3, N)[1].max() > 4 * nickel.reshape(3, N)[1].min()


def test_dead_time_grows_with_the_counts(folder: Path) -> None:
    slow = DetectorElement(dead_time_s=1e-5)
    data = map_with(make_nanoprobe(folder, elements=[slow]))
    factor, counts = data["xs_channel1_dt"], data["xs_channel1"].sum(1)
    assert factor.min() > 1.0
    assert np.corrcoef(factor, counts)[0, 1] > 0.9
    assert (counts * factor / data["sclr_i0"]).max() > (counts / data["sclr_i0"]).max()


def test_a_seed_makes_a_map_again(folder: Path) -> None:
    maps = [map_with(make_nanoprobe(folder / name, seed=3)) for name in ("a", "b")]
    for key, array in maps[0].items():
        assert_array_equal(array, maps[1][key])
    other = map_with(make_nanoprobe(folder / "c", seed=4))
    assert (other["xs_channel1"] != maps[0]["xs_channel1"]).any()


def test_two_maps_of_one_nanoprobe_have_noise_of_their_own(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder)
    first, second = map_with(nanoprobe), map_with(nanoprobe)
    assert len(list(folder.glob("*.h5"))) == 2
    assert (first["xs_channel1"] != second["xs_channel1"]).any()


def test_another_process_reads_a_row_before_the_next_one_comes(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder)
    nanoprobe.xspress3.stage()
    fly(nanoprobe, line_of(nanoprobe))
    (path,) = folder.glob("*.h5")
    command = [sys.executable, "-c", READER, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        first = reader.stdout.readline().split()
        fly(nanoprobe, line_of(nanoprobe).reversed())
        second = reader.communicate("\n", timeout=30)[0].split()
    nanoprobe.xspress3.unstage()
    counts = contents(nanoprobe)["xs_channel1"].reshape(2, -1).sum(1)
    assert [first, second] == [[str(N), str(counts[0])], [str(2 * N), str(counts[1])]]


# Protocol


def test_rows_are_announced_once_and_numbered_from_zero(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder)
    nanoprobe.xspress3.stage()
    documents = [fly(nanoprobe, line_of(nanoprobe)) for _ in range(2)]
    assert list(nanoprobe.xspress3.collect_asset_docs()) == []
    assert nanoprobe.xspress3.get_index() == 2
    names = [[name for name, _ in of_row] for of_row in documents]
    assert names == [["stream_resource", "stream_datum"] * 5, ["stream_datum"] * 5]
    indices = [doc["indices"] for name, doc in documents[1] if name == "stream_datum"]
    assert indices == [{"start": 1, "stop": 2}] * 5
    nanoprobe.xspress3.unstage()
    assert list(nanoprobe.xspress3.collect_asset_docs()) == []


def test_a_row_that_was_not_collected_is_dropped(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder)
    flyer = nanoprobe.xspress3
    flyer.stage()
    flyer.prepare(line_of(nanoprobe).reversed()).wait(5)
    flyer.kickoff().wait(5)
    flyer.complete().wait(5)
    assert flyer.get_index() == 1
    assert list(flyer.collect_asset_docs(index=0)) == []
    documents = fly(nanoprobe, line_of(nanoprobe))
    flyer.unstage()
    assert documents[-1][1]["indices"] == {"start": 0, "stop": 1}
    data = contents(nanoprobe)
    assert data["stage_x"].shape == (N,)
    assert (np.diff(data["stage_x"]) > 0).all()


def test_a_row_on_its_way_is_stopped_with_its_axis(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder, speed=1.0)
    flyer = nanoprobe.xspress3
    nanoprobe.stage.x.speed = 1e6
    flyer.stage()
    flyer.prepare(line_of(nanoprobe)).wait(5)
    for end in (flyer.pause, flyer.stop):
        flyer.kickoff().wait(5)
        done = flyer.complete()
        assert nanoprobe.stage.x.moving
        end()
        error = done.exception(5)
        assert not nanoprobe.stage.x.moving
        assert (error is None) == (end == flyer.pause)
    flyer.unstage()
    assert flyer.get_index() == 0


def test_what_makes_no_sense_is_refused(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder)
    flyer = nanoprobe.xspress3
    flyer.stage()
    for call, message in [
        (flyer.kickoff, "was not prepared"),
        (flyer.describe_collect, "was not prepared"),
        (flyer.complete, "was not kicked off"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            call()
    flyer.prepare(line_of(nanoprobe)).wait(5)
    with pytest.raises(ValueError, match="prepared for 6 pixels a line, not 7"):
        flyer.prepare(line_of(nanoprobe, num=7))
    with pytest.raises(ValueError, match="mono cannot be swept; give stage_x or stage_y"):
        flyer.prepare(FlyLine(SimulatedBeamline().mono, 0.0, 1.0, N, 0.1))
    flyer.unstage()
    with pytest.raises(ValueError, match="particles are 'graded'; mounted are gradient"):
        SimulatedNanoprobe("graded")


# Faults


def test_a_short_row_lacks_its_end(folder: Path) -> None:
    data = map_with(make_nanoprobe(folder, faults=[Fault("short", points=[2])]))
    x_um = data["stage_x"].reshape(3, N)
    assert np.isnan(x_um).sum(1).tolist() == [0, 3, 0]
    assert data["xs_channel1"].reshape(3, N, -1)[1, 3:].sum() == 0


def test_the_last_row_of_a_file_is_missing_or_short(folder: Path) -> None:
    for kind, rows in (("missing", 2 * N), ("short", 2 * N + 3)):
        data = map_with(make_nanoprobe(folder / kind, faults=[Fault(kind, points=[3])]))  # type: ignore[arg-type]
        assert {len(array) for array in data.values()} == {rows}


def test_a_row_that_never_comes_is_announced_all_the_same(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder, faults=[Fault("missing", points=[1])])
    nanoprobe.xspress3.stage()
    documents = fly(nanoprobe, line_of(nanoprobe))
    nanoprobe.xspress3.unstage()
    assert documents[-1][1]["indices"] == {"start": 0, "stop": 1}
    assert contents(nanoprobe)["xs_channel1"].shape == (0, 4096)


def test_a_row_is_repeated(folder: Path) -> None:
    data = map_with(make_nanoprobe(folder, faults=[Fault("repeated", points=[3])]))
    for array in data.values():
        rows = array.reshape(3, N, -1)
        assert_array_equal(rows[1], rows[2])
        assert (rows[0] != rows[2]).any()


def test_single_data_keys_fail(folder: Path) -> None:
    faults = [
        Fault("zero", channel="xs_channel2"),
        Fault("nan", points=[2], channel="stage_y"),
        Fault("zero", points=[1], channel="sclr_i0"),
    ]
    data = map_with(make_nanoprobe(folder, 2, faults=faults))
    assert data["xs_channel2"].sum() == 0 < data["xs_channel1"].sum()
    assert np.isnan(data["stage_y"]).reshape(3, N).all(1).tolist() == [False, True, False]
    assert (data["sclr_i0"] == 0).reshape(3, N).all(1).tolist() == [True, False, False]


def test_a_detector_that_does_not_answer_fails_its_row(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder, faults=[Fault("raise", points=[1], channel="xs_channel1")])
    flyer = nanoprobe.xspress3
    flyer.stage()
    flyer.prepare(line_of(nanoprobe)).wait(5)
    flyer.kickoff().wait(5)
    with pytest.raises(DetectorFailure, match="xs_channel1 does not come in row 1"):
        flyer.complete().wait(5)
    assert not nanoprobe.stage.x.moving
    flyer.unstage()


def test_a_truncated_file_cannot_be_read(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder, faults=[Fault("truncated")])
    with pytest.raises((OSError, KeyError, RuntimeError)):
        map_with(nanoprobe)


# Nanoprobe


def test_roles_are_a_configuration(folder: Path) -> None:
    nanoprobe = make_nanoprobe(folder, 3, oversampling=10)
    xrf = Beamline.from_dict(nanoprobe.roles()).xrf
    assert xrf is not None
    assert xrf.spectra == ("xs_channel1", "xs_channel2", "xs_channel3")
    assert (xrf.oversampling, xrf.incident_energy_ev) == (10, 9000.0)


def test_particles_are_brought_under_the_beam(folder: Path) -> None:
    nanoprobe = SimulatedNanoprobe("gradient", folder=folder)
    nanoprobe.particle.set("conventional").wait(5)
    metadata = nanoprobe.metadata()
    assert metadata["sample"] == "conventional"
    assert metadata["truth"]["particles"] == [PARTICLES["conventional"].truth()]


def test_files_go_with_the_nanoprobe_where_it_has_no_folder() -> None:
    nanoprobe = SimulatedNanoprobe()
    folder = nanoprobe.folder
    assert folder.is_dir()
    del nanoprobe
    gc.collect()
    assert not folder.exists()
