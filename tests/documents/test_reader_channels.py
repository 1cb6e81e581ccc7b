"""Spectra of which some channels are read, in rows that may be too large for one block."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cgnmc_bluesky.documents import Role

CHANNELS = (2, 6)
ROLES = {"spectra": Role("xs", "", channels=CHANNELS), "x_um": Role("x", "um")}
HDF5 = "application/x-hdf5"

SHAPES = [
    ([8], (3, 8)),
    ([8], (24,)),
    ([1, 8], (3, 8)),
    ([1, 8], (3, 1, 8)),
    ([5, 8], (15, 8)),
    ([5, 8], (3, 5, 8)),
    ([5, 2, 8], (15, 2, 8)),
    ([5, 2, 8], (3, 5, 2, 8)),
]


def counts(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 1000, shape, dtype=np.uint32)


def kept(run, number, array: np.ndarray, declared: list[int], folder: Path, n_rows: int = 3):
    """Documents of a run whose spectra are in a file, with an x for each row."""
    path = folder / "xs.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file["d"] = array
    keys = {"xs": number(shape=declared, dtype="array", external="STREAM:"), "x": number("um")}
    bundle = run.describe("primary", keys)
    resource = run.run.compose_stream_resource(
        data_key="xs", mimetype=HDF5, uri=f"file://localhost{path}", parameters={"dataset": "d"}
    )
    datum = resource.compose_stream_datum(
        indices={"start": 0, "stop": n_rows},
        seq_nums={"start": 1, "stop": n_rows + 1},
        descriptor=bundle.descriptor_doc,
    )
    run.documents += [
        ("stream_resource", resource.stream_resource_doc),
        ("stream_datum", datum),
    ]
    for seq_num in range(1, n_rows + 1):
        run.event(bundle, seq_num, float(seq_num), x=seq_num * 1.0)
    return run.stop()


@pytest.fixture
def small_blocks(monkeypatch) -> None:
    """Blocks of at most 16 numbers, parts of a row that begin anywhere."""
    monkeypatch.setattr("cgnmc_bluesky.documents.streams.NUMBERS_A_BLOCK", 16)
    monkeypatch.setattr("cgnmc_bluesky.documents.streams.PIXELS_TOGETHER", 1)


def joined(blocks, n_rows: int) -> list[np.ndarray]:
    """Spectra of each row, its pieces put together in the order of their pixels."""
    return [
        np.concatenate(
            [
                block.values["spectra"][block.seq_num == seq_num][0]
                for block in sorted(blocks, key=lambda block: block.first_pixel)
                if seq_num in block.seq_num and "spectra" in block.values
            ]
        )
        for seq_num in range(1, n_rows + 1)
    ]


@pytest.mark.parametrize(("declared", "stored"), SHAPES)
def test_of_a_file_only_the_channels_are_read(
    run, read, number, tmp_path, monkeypatch, declared, stored
) -> None:
    array = counts(*stored)
    asked: list[tuple[int, ...]] = []
    get = h5py.Dataset.__getitem__

    def getitem(dataset, selection, **options):
        found = get(dataset, selection, **options)
        asked.append(found.shape)
        return found

    monkeypatch.setattr(h5py.Dataset, "__getitem__", getitem)
    result = read(kept(run, number, array, declared, tmp_path), ROLES, [tmp_path])
    spectra = np.concatenate([block.values["spectra"] for block in result.blocks])
    assert spectra.dtype == np.float32
    assert_array_equal(spectra, array.reshape(3, *declared)[..., 2:6])
    assert result.reader.notes == []
    if stored[-1] == declared[-1]:
        assert {shape[-1] for shape in asked} == {4}


@pytest.mark.parametrize("as_lists", [False, True])
@pytest.mark.parametrize("shape", [(8,), (1, 8), (5, 8), (5, 2, 8)])
@pytest.mark.parametrize("in_page", [False, True])
def test_of_plain_spectra_only_the_channels_are_taken(
    run, read, number, shape, as_lists, in_page
) -> None:
    import event_model

    array = counts(3, *shape)
    keys = {"xs": number(shape=list(shape), dtype="array"), "x": number("um")}
    bundle = run.describe("primary", keys)
    for seq_num, spectra in enumerate(array, 1):
        reading = spectra.tolist() if as_lists else spectra
        run.event(bundle, seq_num, float(seq_num), xs=reading, x=0.0)
    if in_page:
        events = [doc for name, doc in run.documents if name == "event"]
        page = event_model.pack_event_page(*events)
        run.documents[2:] = [("event_page", page)]
    result = read(run.stop(), ROLES)
    spectra = result.tables()["primary"].column("spectra")
    assert spectra.dtype == np.float32
    assert_array_equal(spectra, array[..., 2:6])


def test_channels_beyond_the_last_are_left_out_and_noted(run, read, number, tmp_path) -> None:
    roles = {"spectra": Role("xs", "", channels=(6, 10))}
    array = counts(3, 8)
    documents = kept(run, number, array, [8], tmp_path)
    result = read(documents, roles, [tmp_path])
    assert_array_equal(result.tables()["primary"].column("spectra"), array[:, 6:])
    assert result.reader.notes == ["xs: channels 8 to 9 are not there"]


def test_spectra_of_another_width_are_masked(run, read, number) -> None:
    bundle = run.describe("primary", {"xs": number(shape=[8], dtype="array"), "x": number("um")})
    for seq_num, width in enumerate((8, 7, 8), 1):
        run.event(bundle, seq_num, float(seq_num), xs=[1.0] * width, x=0.0)
    result = read(run.stop(), ROLES)
    spectra = result.tables()["primary"].column("spectra")
    assert np.isnan(spectra).all(axis=1).tolist() == [False, True, False]
    assert result.reader.notes == ["xs: row of shape (7,) instead of (8,) (row 2)"]


@pytest.mark.parametrize(("declared", "stored"), SHAPES[4:])
def test_a_row_that_is_too_large_comes_in_pieces(
    run, read, number, tmp_path, small_blocks, declared, stored
) -> None:
    array = counts(*stored).reshape(3, *declared)
    documents = kept(run, number, array.reshape(stored), declared, tmp_path)
    blocks = read(documents, ROLES, [tmp_path]).blocks
    for block in blocks:
        assert len(block) == 1
        assert block.values["spectra"].size <= 16
        assert ("x_um" in block.values) == (block.first_pixel == 0)
    for spectra, expected in zip(joined(blocks, 3), array, strict=True):
        assert_array_equal(spectra, expected[..., 2:6])


@pytest.mark.parametrize("as_lists", [False, True])
def test_a_plain_row_that_is_too_large_comes_in_pieces(
    run, read, number, small_blocks, as_lists
) -> None:
    array = counts(7, 8)
    keys = {"xs": number(shape=[7, 8], dtype="array"), "x": number("um", shape=[7], dtype="array")}
    bundle = run.describe("primary", keys)
    reading = array.tolist() if as_lists else array
    run.event(bundle, 1, 1.0, xs=reading, x=list(range(7)))
    blocks = read(run.stop(), ROLES).blocks
    assert [block.first_pixel for block in blocks] == [0, 4]
    assert blocks[0].values["x_um"].tolist() == [[0, 1, 2, 3, 4, 5, 6]]
    assert_array_equal(joined(blocks, 1)[0], array[:, 2:6])
