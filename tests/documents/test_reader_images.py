"""Images: one a file, or many in one event page."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tifffile import imwrite

from cgnmc_bluesky.documents import Role, RunReader
from cgnmc_bluesky.documents.streams import NUMBERS_A_BLOCK

ROLES = {"image": Role("peem", "", is_image=True), "energy_ev": Role("pgm", "eV")}
STREAMED = {"dtype": "array", "external": "STREAM:"}
IMAGES = np.random.default_rng(1).integers(0, 60000, (4, 6, 5), dtype=np.uint16)


def announced(run, folder, number, *, declared=(1, 6, 5), **parameters):
    keys = {"peem": number(shape=list(declared), **STREAMED), "pgm": number(units="eV")}
    bundle = run.describe("primary", keys)
    resource = run.run.compose_stream_resource(
        data_key="peem",
        mimetype="multipart/related;type=image/tiff",
        uri=f"file://localhost{folder}/",
        parameters={"template": "peem_{:03d}.tif", "chunk_shape": (1, 6, 5), **parameters},
    )
    documents = [*run.documents, ("stream_resource", resource.stream_resource_doc)]
    for at in range(4):
        data = {"pgm": 850.0 + at}
        event = bundle.compose_event(data=data, timestamps={"pgm": 0.0})
        datum = resource.compose_stream_datum(
            indices={"start": at, "stop": at + 1},
            seq_nums={"start": at + 1, "stop": at + 2},
            descriptor=bundle.descriptor_doc,
        )
        documents += [("stream_datum", datum), ("event", event)]
    return documents


def blocks_of(reader, documents):
    return [block for document in documents for block in reader(*document)]


def test_every_image_is_a_file(run, number, tmp_path) -> None:
    for at, image in enumerate(IMAGES):
        imwrite(tmp_path / f"peem_{at:03d}.tif", image)
    blocks = blocks_of(RunReader(ROLES, [tmp_path]), announced(run, tmp_path, number))
    images = np.concatenate([block.values["image"] for block in blocks])
    assert images.dtype == np.float32
    assert_array_equal(images.reshape(IMAGES.shape), IMAGES)
    assert [block.values["energy_ev"].tolist() for block in blocks] == [
        [850.0],
        [851.0],
        [852.0],
        [853.0],
    ]


def test_several_files_make_one_reading(run, number, tmp_path) -> None:
    for at in range(8):
        imwrite(tmp_path / f"image{at:06d}.tif", IMAGES[at // 2] + at % 2)
    parameters = {"template": "%s%s_%06d.tif".replace("_", ""), "filename": "image"}
    documents = announced(run, tmp_path, number, declared=(2, 6, 5), **parameters)
    [first, *_] = blocks_of(RunReader(ROLES, [tmp_path]), documents)
    assert_array_equal(first.values["image"][0], np.stack([IMAGES[0], IMAGES[0] + 1]))


def test_an_image_is_waited_for_and_in_the_end_missed(run, number, tmp_path) -> None:
    reader = RunReader(ROLES, [tmp_path])
    documents = announced(run, tmp_path, number)
    imwrite(tmp_path / "peem_000.tif", IMAGES[0])
    assert len(blocks_of(reader, documents)) == 1
    assert reader.is_waiting
    imwrite(tmp_path / "peem_001.tif", IMAGES[1])
    [late] = reader.poll()
    assert late.seq_num.tolist() == [2]
    rest = reader("stop", {"num_events": {"primary": 4}})
    assert np.isnan(np.concatenate([block.values["image"] for block in rest])).all()
    assert any("peem" in note for note in reader.notes)


def test_images_beyond_the_readable_folders_are_refused(run, number, tmp_path) -> None:
    inside, beyond = tmp_path / "inside", tmp_path / "beyond"
    for folder in (inside, beyond):
        folder.mkdir()
    imwrite(beyond / "peem_000.tif", IMAGES[0])
    (inside / "peem_000.tif").symlink_to(beyond / "peem_000.tif")
    reader = RunReader(ROLES, [inside])
    blocks_of(reader, announced(run, inside, number))
    reader("stop", {})
    assert any("outside the readable folders" in note for note in reader.notes)


@pytest.mark.parametrize("n_images", [3, 7])
def test_a_page_of_images_comes_a_few_at_a_time(run, number, n_images) -> None:
    side = int(np.sqrt(NUMBERS_A_BLOCK / 2)) - 1
    images = np.ones((n_images, side, side), np.uint8)
    keys = {"peem": number(shape=[side, side], dtype="array"), "pgm": number(units="eV")}
    bundle = run.describe("primary", keys)
    page = {
        "descriptor": bundle.descriptor_doc["uid"],
        "seq_num": list(range(1, n_images + 1)),
        "time": [0.0] * n_images,
        "uid": [str(at) for at in range(n_images)],
        "data": {"peem": list(images), "pgm": [850.0] * n_images},
        "timestamps": {"peem": [0.0] * n_images, "pgm": [0.0] * n_images},
        "filled": {},
    }
    reader = RunReader(ROLES)
    blocks = blocks_of(reader, [*run.documents, ("event_page", page)])
    assert max(map(len, blocks)) <= 2
    assert sum(map(len, blocks)) == n_images
    assert {block.values["image"].dtype for block in blocks} == {np.dtype(np.float32)}
