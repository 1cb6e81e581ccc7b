"""Fluorescence maps as different makers record them: the same numbers out of each."""

import numpy as np
import pytest
from map_documents import (
    MAKERS,
    MapRun,
    MeasuredMap,
    event_run,
    flyer_run,
    hxn_run,
    measured_map,
    ophyd_async_run,
    pixel_run,
)
from numpy.testing import assert_array_equal
from run_documents import as_from_tiled

from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.documents import RunReader

N_ROWS, N_PIXELS, N_DETECTORS, N_CHANNELS = 5, 7, 2, 1024


@pytest.fixture(scope="module")
def measured() -> MeasuredMap:
    random = np.random.default_rng(5)
    shape = (N_ROWS, N_PIXELS)
    return measured_map(
        random.integers(0, 4000, (*shape, N_DETECTORS, N_CHANNELS), dtype=np.uint32),
        i0=random.uniform(1e4, 1e5, shape),
        dead_time=random.uniform(1.0, 1.2, (*shape, N_DETECTORS)),
    )


def reader_of(run: MapRun) -> tuple[RunReader, tuple[int, int]]:
    beamline = Beamline.from_dict(run.configuration())
    roles = beamline.roles("xrf")
    return RunReader(roles, beamline.data.readable), roles["spectra_1"].channels


def pixels_of(blocks, oversampling: int = 1) -> dict[str, np.ndarray]:
    """Every role's readings pixel by pixel in the order of the rows, whatever their shapes."""
    by_row = sorted(blocks, key=lambda block: (block.seq_num[0], block.first_pixel))
    roles = {role for block in by_row for role in block.values}
    found = {}
    for role in roles:
        parts = [block.values[role] for block in by_row if role in block.values]
        keep = parts[0].shape[-1:] if role.startswith("spectra") else ()
        is_together = role in {"spectra_1", "dead_time_factor_1"} and (f"{role[:-1]}2" not in roles)
        within = (N_DETECTORS, *keep) if is_together else keep
        joined = np.concatenate([part.reshape(-1, *within) for part in parts])
        if is_together:
            found |= {f"{role[:-1]}{n + 1}": joined[:, n] for n in range(N_DETECTORS)}
        else:
            found[role] = joined[::oversampling] if role in {"x_um", "y_um"} else joined
    return found


def assert_is(found: dict[str, np.ndarray], measured: MeasuredMap, channels) -> None:
    first, end = channels
    counts = measured.counts.reshape(-1, N_DETECTORS, N_CHANNELS)
    dead_time = measured.dead_time.reshape(-1, N_DETECTORS)
    for n in range(N_DETECTORS):
        spectra = found[f"spectra_{n + 1}"]
        assert spectra.dtype == np.float32
        assert_array_equal(spectra, counts[:, n, first:end])
        assert_array_equal(found[f"dead_time_factor_{n + 1}"], dead_time[:, n])
    assert_array_equal(found["i0"], measured.i0.ravel())
    assert_array_equal(found["x_um"], measured.x_um.ravel())
    assert_array_equal(found["y_um"], measured.y_um.ravel())


@pytest.mark.parametrize("in_small_blocks", [False, True])
@pytest.mark.parametrize("maker", MAKERS)
def test_every_makers_map_is_read(measured, tmp_path, monkeypatch, maker, in_small_blocks) -> None:
    if in_small_blocks:
        monkeypatch.setattr("cgnmc_bluesky.documents.streams.NUMBERS_A_BLOCK", 2000)
        monkeypatch.setattr("cgnmc_bluesky.documents.streams.PIXELS_TOGETHER", 1)
    run = MAKERS[maker](measured, tmp_path)
    reader, channels = reader_of(run)
    blocks = [block for document in run.documents for block in reader(*document)]
    assert_is(pixels_of(blocks, run.xrf.get("oversampling", 1)), measured, channels)
    assert reader.notes == []
    assert reader.missing() == {}
    if in_small_blocks:
        assert len(blocks) > N_ROWS


@pytest.mark.parametrize(
    "make",
    [
        lambda *given: hxn_run(*given, in_file=False),
        lambda *given: event_run(*given, as_lists=True),
        lambda *given: pixel_run(*given, leading_one=True),
        lambda *given: flyer_run(*given, compression="gzip", chunks=True),
    ],
)
def test_plain_listed_and_compressed_maps_are_read(measured, tmp_path, make) -> None:
    run = make(measured, tmp_path)
    reader, channels = reader_of(run)
    blocks = [block for document in run.documents for block in reader(*document)]
    assert_is(pixels_of(blocks, run.xrf.get("oversampling", 1)), measured, channels)


@pytest.mark.parametrize("make", [flyer_run, ophyd_async_run])
def test_a_map_back_from_a_server_is_the_same(measured, tmp_path, make) -> None:
    run = make(measured, tmp_path)
    reader, channels = reader_of(run)
    blocks = [block for document in as_from_tiled(run.documents) for block in reader(*document)]
    assert_is(pixels_of(blocks), measured, channels)
    assert reader.notes == []


def test_rows_come_as_they_are_announced(measured, tmp_path) -> None:
    run = ophyd_async_run(measured, tmp_path, rows_a_datum=(2,))
    reader, _ = reader_of(run)
    sizes = [len(block) for document in run.documents for block in reader(*document)]
    assert sizes == [2, 2, 1]


def test_a_row_measured_again_is_given_again_as_a_whole(measured, tmp_path) -> None:
    """Not with the spectra of the second try and the positions of the first."""
    run = flyer_run(measured, tmp_path)
    for name, doc in run.documents:
        if name == "stream_datum" and doc["indices"]["start"] >= 2:
            doc["seq_nums"] = {edge: number - 1 for edge, number in doc["seq_nums"].items()}
    reader, (first, end) = reader_of(run)
    blocks = [block for document in run.documents for block in reader(*document)]
    assert [block.seq_num.tolist() for block in blocks] == [[1], [2], [2], [3], [4]]
    for row, block in enumerate(blocks):
        spectra = block.values["spectra_1"][0]
        assert_array_equal(spectra, measured.counts[row, :, 0, first:end])
        assert_array_equal(block.values["y_um"][0], measured.y_um[row])
