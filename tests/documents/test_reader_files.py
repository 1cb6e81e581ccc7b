"""Readings kept in files: streamed, legacy, growing, truncated, and out of bounds."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cgnmc_bluesky.documents import Role, RunReader

HDF5 = "application/x-hdf5"
ROLES = {"spectra": Role("xs", ""), "x_um": Role("x", "um")}
STREAMED = {"dtype": "array", "external": "STREAM:"}


def spectra_of(n_rows: int, *shape: int) -> np.ndarray:
    return np.arange(n_rows * int(np.prod(shape)), dtype=np.uint32).reshape(n_rows, *shape)


def write(path: Path, array: np.ndarray, name: str = "entry/data/data") -> Path:
    with h5py.File(path, "w", libver="latest") as file:
        file[name] = array
    return path


def resource_of(run, path: Path, key: str = "xs", **parameters):
    parameters = parameters or {"dataset": "/entry/data/data"}
    uri = f"file://localhost{path}"
    bundle = run.run.compose_stream_resource(
        data_key=key, mimetype=HDF5, uri=uri, parameters=parameters
    )
    return ("stream_resource", bundle.stream_resource_doc), bundle.compose_stream_datum


def datum_of(compose, bundle, start: int, stop: int, first_seq_num: int | None = None):
    first = start + 1 if first_seq_num is None else first_seq_num
    doc = compose(
        indices={"start": start, "stop": stop},
        seq_nums={"start": first, "stop": first + stop - start},
        descriptor=bundle.descriptor_doc,
    )
    return "stream_datum", doc


@pytest.mark.parametrize(
    ("declared", "stored"),
    [
        ([4], (3, 4)),
        ([1, 4], (3, 4)),
        ([1, 4], (3, 1, 4)),
        ([5, 4], (15, 4)),
        ([5, 2, 4], (15, 2, 4)),
        ([5, 2, 4], (3, 5, 2, 4)),
        ([], (3,)),
        ([1], (3,)),
    ],
)
def test_an_index_is_a_row_or_as_many_rows_as_a_reading_has(
    run, read, number, tmp_path, declared, stored
) -> None:
    array = spectra_of(*stored)
    path = write(tmp_path / "xs.h5", array)
    bundle = run.describe("stream", {"xs": number(shape=declared, **STREAMED)})
    resource, compose = resource_of(run, path)
    documents = [*run.documents, resource, datum_of(compose, bundle, 0, 3)]
    [block] = read(documents, ROLES, [tmp_path]).blocks
    assert_array_equal(block.values["spectra"], array.reshape(3, *declared))
    assert block.seq_num.tolist() == [1, 2, 3]


def test_rows_without_events_have_the_time_of_their_stream(run, read, number, tmp_path) -> None:
    path = write(tmp_path / "xs.h5", spectra_of(2, 4))
    bundle = run.describe("stream", {"xs": number(shape=[4], **STREAMED)})
    resource, compose = resource_of(run, path)
    documents = [*run.documents, resource, datum_of(compose, bundle, 0, 2)]
    [block] = read(documents, ROLES, [tmp_path]).blocks
    assert block.time_s.tolist() == [bundle.descriptor_doc["time"]] * 2
    assert np.isnan([block.event_s, block.stamp_s]).all()


def test_plain_and_external_keys_share_a_row(run, read, number, tmp_path) -> None:
    array = spectra_of(2, 4)
    bundle = run.describe("primary", {"xs": number(shape=[4], **STREAMED), "x": number("mm")})
    resource, compose = resource_of(run, write(tmp_path / "xs.h5", array))
    start, descriptor = run.documents
    reader = RunReader(ROLES, [tmp_path])
    for name, doc in (start, descriptor, resource, datum_of(compose, bundle, 0, 2)):
        assert reader(name, doc) == []
    for seq_num in (1, 2):
        event = run.event(bundle, seq_num, float(seq_num), x=seq_num * 0.5)
        [block] = reader("event", event)
        assert block.values["x_um"].tolist() == [seq_num * 500.0]
        assert_array_equal(block.values["spectra"], array[seq_num - 1 : seq_num])
        assert block.time_s.tolist() == [float(seq_num)]
        assert block.event_s.tolist() == block.stamp_s.tolist() == [float(seq_num)]


def test_stream_resources_of_the_older_kind_are_read(run, read, number, tmp_path) -> None:
    array = spectra_of(6, 4)
    write(tmp_path / "xs.h5", array)
    bundle = run.describe("stream", {"xs": number(shape=[2, 4], **STREAMED)})
    resource = {
        "uid": "old",
        "data_key": "xs",
        "spec": "AD_HDF5_SWMR",
        "root": str(tmp_path),
        "resource_path": "xs.h5",
        "resource_kwargs": {"path": "entry/data/data", "frame_per_point": 2},
    }
    datum = {
        "uid": "old/0",
        "stream_resource": "old",
        "descriptor": bundle.descriptor_doc["uid"],
        "indices": {"start": 0, "stop": 3},
        "seq_nums": {"start": 1, "stop": 4},
    }
    documents = [*run.documents, ("stream_resource", resource), ("stream_datum", datum)]
    [block] = read(documents, ROLES, [tmp_path]).blocks
    assert_array_equal(block.values["spectra"], array.reshape(3, 2, 4))


def test_a_row_measured_again_is_that_of_the_later_event_and_frame(
    run, read, number, tmp_path
) -> None:
    array = spectra_of(3, 4)
    bundle = run.describe("primary", {"xs": number(shape=[4], **STREAMED), "x": number("um")})
    resource, compose = resource_of(run, write(tmp_path / "xs.h5", array))
    first, second, again = (
        ("event", run.event(bundle, seq_num, time, x=time))
        for seq_num, time in ((1, 1.0), (2, 2.0), (2, 3.0))
    )
    datums = [datum_of(compose, bundle, i, i + 1, n) for i, n in ((0, 1), (1, 2), (2, 2))]
    start, descriptor = run.documents[:2]
    for order in (
        [datums[0], first, datums[1], second, datums[2], again],
        [first, second, again, *datums],
        [*datums[::-1], again, second, first],
    ):
        result = read([start, descriptor, resource, *order], ROLES, [tmp_path])
        table = result.tables()["primary"]
        assert table.column("x_um").tolist() == [1.0, 3.0]
        assert_array_equal(table.column("spectra"), array[[0, 2]])


class Writer:
    """Writes rows as an area detector does: SWMR, a flush after each row."""

    def __init__(self, path: Path, *shape: int) -> None:
        self.file = h5py.File(path, "w", libver="latest")
        self.data = self.file.create_dataset(
            "entry/data/data", (0, *shape), maxshape=(None, *shape), chunks=(1, *shape), dtype="u4"
        )
        self.file.swmr_mode = True

    def add(self, row: np.ndarray) -> None:
        self.data.resize(len(self.data) + 1, axis=0)
        self.data[-1] = row
        self.data.flush()


def test_a_file_is_read_while_it_grows(run, number, tmp_path) -> None:
    array = spectra_of(3, 4)
    bundle = run.describe("stream", {"xs": number(shape=[4], **STREAMED)})
    path = tmp_path / "xs.h5"
    resource, compose = resource_of(run, path)
    reader = RunReader(ROLES, [tmp_path])
    for document in (*run.documents, resource, datum_of(compose, bundle, 0, 1)):
        assert reader(*document) == []
    assert reader.is_waiting
    writer = Writer(path, 4)
    assert list(reader.poll()) == []
    writer.add(array[0])
    [block] = reader.poll()
    assert_array_equal(block.values["spectra"], array[:1])
    assert not reader.is_waiting
    writer.add(array[1])
    [block] = reader(*datum_of(compose, bundle, 1, 2))
    assert_array_equal(block.values["spectra"], array[1:2])
    assert reader(*datum_of(compose, bundle, 2, 3)) == []
    writer.add(array[2])
    writer.file.close()
    [block] = reader("stop", run.run.compose_stop())
    assert_array_equal(block.values["spectra"], array[2:])
    assert reader.notes == []


GROW = """
import sys, h5py, numpy as np
with h5py.File(sys.argv[1], "w", libver="latest") as file:
    data = file.create_dataset("d", (0, 4), maxshape=(None, 4), chunks=(1, 4), dtype="u4")
    file.swmr_mode = True
    for row, _ in enumerate(sys.stdin):
        data.resize(row + 1, axis=0)
        data[row] = np.full(4, row)
        data.flush()
        print(row, flush=True)
"""


def test_a_file_is_read_while_another_process_writes_it(run, number, tmp_path) -> None:
    path = tmp_path / "xs.h5"
    bundle = run.describe("stream", {"xs": number(shape=[4], **STREAMED)})
    resource, compose = resource_of(run, path, dataset="d")
    reader = RunReader(ROLES, [tmp_path])
    for document in (*run.documents, resource):
        reader(*document)
    with subprocess.Popen(
        [sys.executable, "-c", GROW, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        for row in range(3):
            writer.stdin.write("next\n")
            writer.stdin.flush()
            writer.stdout.readline()
            [block] = reader(*datum_of(compose, bundle, row, row + 1))
            assert_array_equal(block.values["spectra"], np.full((1, 4), row))
        writer.stdin.close()
    assert reader("stop", run.run.compose_stop()) == []


def test_rows_that_a_truncated_file_lacks_are_nan_and_noted(run, read, number, tmp_path) -> None:
    bundle = run.describe("primary", {"xs": number(shape=[2, 4], **STREAMED), "x": number("um")})
    resource, compose = resource_of(run, write(tmp_path / "xs.h5", spectra_of(5, 4)))
    for seq_num in (1, 2, 3):
        run.event(bundle, seq_num, float(seq_num), x=0.0)
    run.documents += [resource, datum_of(compose, bundle, 0, 3)]
    result = read(run.stop(), ROLES, [tmp_path])
    table = result.tables()["primary"]
    assert np.isnan(table.column("spectra")).all(axis=(1, 2)).tolist() == [False, False, True]
    assert table.column("x_um").tolist() == [0.0, 0.0, 0.0]
    assert result.reader.notes == ["xs: row missing (row 3)"]


@pytest.mark.parametrize("content", [None, b"", b"no HDF5 at all"])
def test_a_file_that_cannot_be_opened_is_noted_by_name(
    run, read, number, tmp_path, content
) -> None:
    path = tmp_path / "broken.h5"
    if content is not None:
        path.write_bytes(content)
    bundle = run.describe("primary", {"xs": number(shape=[4], **STREAMED), "x": number("um")})
    resource, compose = resource_of(run, path)
    run.event(bundle, 1, 1.0, x=3.0)
    run.documents += [resource, datum_of(compose, bundle, 0, 1)]
    result = read(run.stop(), ROLES, [tmp_path])
    [block] = result.blocks
    assert block.values["x_um"].tolist() == [3.0]
    assert np.isnan(block.values["spectra"]).all()
    assert block.values["spectra"].shape == (1, 4)
    if content is None:
        assert "it does not exist" in result.reader.notes[0]
    opened, row = result.reader.notes
    assert opened.startswith(f"xs: file {str(path)!r} cannot be read (")
    assert row == "xs: row missing (row 1)"


def test_a_chunk_that_cannot_be_read_costs_its_own_row(run, read, number, tmp_path) -> None:
    path = tmp_path / "xs.h5"
    array = spectra_of(3, 64)
    with h5py.File(path, "w", libver="latest") as file:
        options = {"chunks": (1, 64), "fletcher32": True}
        data = file.create_dataset("d", data=array, **options)
        offset = data.id.get_chunk_info(1).byte_offset
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 8)
    bundle = run.describe("stream", {"xs": number(shape=[64], **STREAMED)})
    resource, compose = resource_of(run, path, dataset="d")
    run.documents += [resource, datum_of(compose, bundle, 0, 3)]
    result = read(run.stop(), ROLES, [tmp_path])
    spectra = result.tables()["stream"].column("spectra")
    assert_array_equal(spectra[[0, 2]], array[[0, 2]])
    assert np.isnan(spectra[1]).all()
    [note] = result.reader.notes
    assert note.startswith("xs: row cannot be read: ")
    assert note.endswith("(row 2)")


def test_a_stream_datum_that_never_comes_leaves_a_row_of_nan(run, read, number, tmp_path) -> None:
    keys = {key: number(shape=[4], **STREAMED) for key in ("xs", "other")}
    bundle = run.describe("primary", keys | {"x": number("um")})
    run.event(bundle, 1, 1.0, x=3.0)
    result = read(run.stop(), ROLES, [tmp_path])
    assert np.isnan(result.tables()["primary"].column("spectra")).all()
    assert result.reader.notes == ["xs: row missing (row 1)"]


def test_a_frame_whose_event_never_comes_is_left_out_and_noted(run, read, number, tmp_path) -> None:
    bundle = run.describe("primary", {"xs": number(shape=[4], **STREAMED), "x": number("um")})
    resource, compose = resource_of(run, write(tmp_path / "xs.h5", spectra_of(2, 4)))
    run.documents += [resource, datum_of(compose, bundle, 0, 2)]
    run.event(bundle, 1, 1.0, x=3.0)
    result = read(run.stop(), ROLES, [tmp_path])
    assert [block.seq_num.tolist() for block in result.blocks] == [[1]]
    assert result.reader.notes == ["primary: row without its event (row 2)"]


def masked(documents, folder: Path) -> None:
    """Read a run whose file is out of bounds: its rows are NaN, and the notes say why."""
    reader = RunReader(ROLES, [folder])
    blocks = [block for document in documents for block in reader(*document)]
    for block in blocks:
        assert np.isnan(block.values["spectra"]).all()
    outside, rows = reader.notes
    for part in ("xs: ", "outside the readable folders", "[data] readable"):
        assert part in outside
    assert rows.startswith("xs: row missing (row")


def test_files_outside_the_readable_folders_are_refused(run, number, tmp_path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    path = write(outside / "xs.h5", spectra_of(3, 4))
    (inside / "link.h5").symlink_to(path)
    for named in (path, inside / "link.h5", inside / ".." / "outside" / "xs.h5"):
        made_up = type(run)()
        bundle = made_up.describe("stream", {"xs": number(shape=[4], **STREAMED)})
        resource, compose = resource_of(made_up, named)
        datums = [datum_of(compose, bundle, row, row + 1) for row in range(3)]
        made_up.documents += [resource, *datums]
        masked(made_up.stop(), inside)


@pytest.mark.parametrize("kind", ["link", "mapped", "raw"])
def test_files_behind_the_file_are_held_to_the_folders_too(run, number, tmp_path, kind) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    beyond = write(outside / "xs.h5", spectra_of(1, 4), "d")
    raw = outside / "xs.raw"
    raw.write_bytes(b"\0" * 16)
    with h5py.File(inside / "xs.h5", "w", libver="latest") as file:
        if kind == "link":
            file["d"] = h5py.ExternalLink(str(beyond), "d")
        elif kind == "mapped":
            layout = h5py.VirtualLayout((1, 4), "u4")
            layout[:] = h5py.VirtualSource(str(beyond), "d", (1, 4))
            file.create_virtual_dataset("d", layout)
        else:
            file.create_dataset("d", (1, 4), "u4", external=[(str(raw), 0, 16)])
    bundle = run.describe("stream", {"xs": number(shape=[4], **STREAMED)})
    resource, compose = resource_of(run, inside / "xs.h5", dataset="d")
    run.documents += [resource, datum_of(compose, bundle, 0, 1)]
    masked(run.stop(), inside)


def test_without_readable_folders_nothing_is_read(run, read, number, tmp_path) -> None:
    bundle = run.describe("stream", {"xs": number(shape=[4], **STREAMED)})
    resource, compose = resource_of(run, write(tmp_path / "xs.h5", spectra_of(1, 4)))
    run.documents += [resource, datum_of(compose, bundle, 0, 1)]
    result = read(run.stop(), ROLES)
    assert np.isnan(result.tables()["stream"].column("spectra")).all()
    assert any("outside the readable folders" in note for note in result.reader.notes)


@pytest.mark.parametrize(
    ("uri", "mimetype", "fault"),
    [
        ("s3://bucket/xs.h5", HDF5, "is not a file"),
        (
            "file://localhost{folder}/xs.tif",
            "image/tiff",
            "files of type 'image/tiff' are not read",
        ),
    ],
)
def test_files_of_unknown_kinds_are_noted(
    run, read, number, tmp_path, uri, mimetype, fault
) -> None:
    bundle = run.describe("stream", {"xs": number(shape=[4], **STREAMED)})
    composed = run.run.compose_stream_resource(
        data_key="xs", mimetype=mimetype, uri=uri.format(folder=tmp_path), parameters={}
    )
    datum = datum_of(composed.compose_stream_datum, bundle, 0, 1)
    run.documents += [("stream_resource", composed.stream_resource_doc), datum]
    result = read(run.stop(), ROLES, [tmp_path])
    assert np.isnan(result.blocks[0].values["spectra"]).all()
    assert any(fault in note for note in result.reader.notes)


def test_large_streams_come_in_several_blocks_read_as_they_are_asked_for(
    run, number, tmp_path
) -> None:
    shape = (8, 1024, 256)
    with h5py.File(tmp_path / "xs.h5", "w") as file:
        file.create_dataset("d", (5, *shape), "u1", chunks=(1, *shape))
    bundle = run.describe("stream", {"xs": number(shape=list(shape), **STREAMED)})
    resource, compose = resource_of(run, tmp_path / "xs.h5", dataset="d")
    reader = RunReader(ROLES, [tmp_path])
    for document in (*run.documents, resource):
        reader(*document)
    blocks = reader.blocks(*datum_of(compose, bundle, 0, 5))
    assert [len(block) for block in blocks] == [2, 2, 1]
    reader.close()


def legacy(run, spec: str, path: Path, **settings):
    return run.run.compose_resource(
        spec=spec, root="/", resource_path=str(path).lstrip("/"), resource_kwargs=settings
    )


def test_legacy_resources_are_read_in_any_order(run, read, number, tmp_path) -> None:
    array = spectra_of(4, 3)
    composed = legacy(run, "AD_HDF5", write(tmp_path / "xs.h5", array), frame_per_point=2)
    bundle = run.describe(
        "primary", {"xs": number(shape=[2, 3], external="FILESTORE:"), "x": number("um")}
    )
    datums = [composed.compose_datum({"point_number": point}) for point in (0, 1)]
    for seq_num, datum in enumerate(datums, 1):
        run.event(
            bundle, seq_num, float(seq_num), x=0.0, xs=datum["datum_id"], filled={"xs": False}
        )
    start, descriptor, *events = run.documents
    resource = ("resource", composed.resource_doc)
    pages = [("datum_page", composed.compose_datum_page({"point_number": [0, 1]}))]
    pages[0][1]["datum_id"] = [datum["datum_id"] for datum in datums]
    singly = [("datum", datum) for datum in datums]
    bulk = {
        "resource": composed.resource_doc["uid"],
        "datum_ids": [datum["datum_id"] for datum in datums],
        "datum_kwarg_list": [datum["datum_kwargs"] for datum in datums],
    }
    for order in (
        [resource, *singly, *events],
        [*events, *pages, resource],
        [*singly[::-1], events[0], resource, events[1]],
        [resource, ("bulk_datum", bulk), *events],
    ):
        result = read([start, descriptor, *order], ROLES, [tmp_path])
        assert_array_equal(
            result.tables()["primary"].column("spectra"), array.reshape(2, 2, 3), err_msg=str(order)
        )
        assert sum(map(len, result.blocks)) == 2


def test_readings_that_are_filled_in_already_are_taken_as_they_are(run, read, number) -> None:
    bundle = run.describe("primary", {"xs": number(shape=[3], external="FILESTORE:")})
    run.event(bundle, 1, 1.0, xs=[1.0, 2.0, 3.0], filled={"xs": True})
    [block] = read(run.documents, ROLES).blocks
    assert block.values["spectra"].tolist() == [[1.0, 2.0, 3.0]]


def test_a_datum_that_never_comes_is_a_missing_row(run, read, number) -> None:
    keys = {"xs": number(shape=[3], external="FILESTORE:"), "x": number("um")}
    bundle = run.describe("primary", keys)
    run.event(bundle, 1, 1.0, xs="nowhere/0", x=2.0, filled={"xs": False})
    result = read(run.stop(), ROLES)
    assert result.tables()["primary"].column("x_um").tolist() == [2.0]
    assert result.reader.notes == ["xs: row missing (row 1)"]


def test_handlers_that_are_installed_read_other_files(run, read, number, tmp_path) -> None:
    for index in range(2):
        np.save(tmp_path / f"frame_{index}.npy", np.full((2, 2), index))
    composed = legacy(run, "NPY_SEQ", tmp_path / "frame")
    bundle = run.describe("primary", {"xs": number(shape=[2, 2], external="FILESTORE:")})
    documents = [("resource", composed.resource_doc)]
    for index in range(2):
        datum = composed.compose_datum({"index": index})
        documents.append(("datum", datum))
        run.event(bundle, index + 1, float(index), xs=datum["datum_id"], filled={"xs": False})
    run.documents += documents
    result = read(run.stop(), ROLES, [tmp_path])
    spectra = result.tables()["primary"].column("spectra")
    assert spectra[:, 0, 0].tolist() == [0.0, 1.0]


def test_a_kind_without_handler_is_noted(run, read, number, tmp_path) -> None:
    composed = legacy(run, "UNHEARD_OF", tmp_path / "x")
    bundle = run.describe("primary", {"xs": number(shape=[2], external="FILESTORE:")})
    datum = composed.compose_datum({})
    run.event(bundle, 1, 1.0, xs=datum["datum_id"], filled={"xs": False})
    run.documents += [("resource", composed.resource_doc), ("datum", datum)]
    result = read(run.stop(), ROLES, [tmp_path])
    assert any("no handler for files of kind 'UNHEARD_OF'" in note for note in result.reader.notes)


def test_an_empty_stop_ends_a_run_whose_documents_ended_without_one(run, number, tmp_path) -> None:
    bundle = run.describe("primary", {"xs": number(shape=[4], **STREAMED), "x": number("um")})
    run.event(bundle, 1, 1.0, x=3.0)
    reader = RunReader(ROLES, [tmp_path])
    for document in run.documents:
        assert reader(*document) == []
    [block] = reader("stop", {})
    assert block.values["x_um"].tolist() == [3.0]
    assert reader("stop", {}) == []


def test_a_handler_that_cannot_be_imported_is_noted(
    run, read, number, tmp_path, monkeypatch
) -> None:
    def broken(spec: str) -> None:
        raise ImportError("No module named 'pims'")

    monkeypatch.setattr("cgnmc_bluesky.documents.files._handler", broken)
    composed = legacy(run, "AD_TIFF", tmp_path)
    bundle = run.describe("primary", {"xs": number(shape=[2], external="FILESTORE:")})
    datum = composed.compose_datum({"point_number": 0})
    run.event(bundle, 1, 1.0, xs=datum["datum_id"], filled={"xs": False})
    run.documents += [("resource", composed.resource_doc), ("datum", datum)]
    result = read(run.stop(), ROLES, [tmp_path])
    assert any("No module named 'pims'" in note for note in result.reader.notes)


@pytest.mark.parametrize("content", ["nothing", "a group", "a number"])
def test_a_data_set_that_is_not_there_is_noted(run, read, number, tmp_path, content) -> None:
    path = tmp_path / "xs.h5"
    with h5py.File(path, "w") as file:
        if content == "a group":
            file.create_group("d")
        elif content == "a number":
            file["d"] = 1.0
    bundle = run.describe("primary", {"xs": number(shape=[4], **STREAMED), "x": number("um")})
    resource, compose = resource_of(run, path, dataset="d")
    run.event(bundle, 1, 1.0, x=3.0)
    run.documents += [resource, datum_of(compose, bundle, 0, 1)]
    result = read(run.stop(), ROLES, [tmp_path])
    assert np.isnan(result.blocks[0].values["spectra"]).all()
    opened, row = result.reader.notes
    assert "it holds no data set 'd' with rows" in opened
    assert row == "xs: row missing (row 1)"


@pytest.mark.parametrize(
    "options", [{}, {"chunks": (1, 64)}, {"chunks": (1, 64), "compression": 1}]
)
@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_rows_behind_the_cut_of_a_file_are_no_zeros(
    run, read, number, tmp_path, options, version
) -> None:
    array = spectra_of(100, 64) + 1
    path = tmp_path / "xs.h5"
    with h5py.File(path, "w", libver=version) as file:
        file.create_dataset("d", data=array, **options)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)
    bundle = run.describe("stream", {"xs": number(shape=[64], **STREAMED)})
    resource, compose = resource_of(run, path, dataset="d")
    run.documents += [resource, datum_of(compose, bundle, 0, 100)]
    result = read(run.stop(), ROLES, [tmp_path])
    spectra = result.tables()["stream"].column("spectra")
    is_there = ~np.isnan(spectra).all(axis=1)
    assert_array_equal(spectra[is_there], array[is_there])
    assert not is_there[-1]
    assert len(spectra) == 100
    assert any("cut off" in note or "cannot be read" in note for note in result.reader.notes)
    assert any("row" in note for note in result.reader.notes)


def test_a_reading_that_fails_is_tried_again(run, number, tmp_path, monkeypatch) -> None:
    """A file that is written meanwhile may be between two states."""
    array = spectra_of(1, 4)
    bundle = run.describe("stream", {"xs": number(shape=[4], **STREAMED)})
    resource, compose = resource_of(run, write(tmp_path / "xs.h5", array))
    failures = iter([OSError("bad chunk"), OSError("bad chunk")])
    get = h5py.Dataset.__getitem__

    def failing(dataset, selection, **options):
        if (failure := next(failures, None)) is not None:
            raise failure
        return get(dataset, selection, **options)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", failing)
    reader = RunReader(ROLES, [tmp_path])
    for document in (*run.documents, resource, datum_of(compose, bundle, 0, 1)):
        assert reader(*document) == []
    assert reader.is_waiting
    assert list(reader.poll()) == []
    [block] = reader.poll()
    assert_array_equal(block.values["spectra"], array)
    assert not reader.is_waiting
