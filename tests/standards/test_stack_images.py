import numpy as np
import pytest

from cgnmc_bluesky.analysis.xanes.model import EdgeModel
from cgnmc_bluesky.beamline import Beamline, ConfigurationError
from cgnmc_bluesky.standards.images import stack_model

SECTION = {"image": "peem", "energy_ev": "pgm", "i0": "mesh"}
EDGE = EdgeModel("Ni L3", 852.7)


def section(folder, **settings):
    return Beamline.from_dict({"xpeem": {**SECTION, **settings}}, folder)


def test_numbers_and_images_of_the_camera(tmp_path):
    from tifffile import imwrite

    flat = np.linspace(0.5, 1.5, 30, dtype=np.float32).reshape(5, 6)
    np.save(tmp_path / "flat.npy", flat)
    imwrite(tmp_path / "dark.tif", np.stack([np.full((5, 6), n, np.uint16) for n in (10, 14)]))
    model = stack_model(section(tmp_path, dark="dark.tif", flat="flat.npy").xpeem, EDGE)
    np.testing.assert_array_equal(model.dark, np.full((5, 6), 12.0))
    np.testing.assert_array_equal(model.flat, flat)
    assert model.keys == {"image": "peem", "energy_ev": "pgm", "i0": "mesh"}
    assert stack_model(section(tmp_path, dark=100).xpeem, EDGE).dark == 100.0


def test_results_rest_on_what_the_files_hold(tmp_path):
    np.save(tmp_path / "flat.npy", np.ones((5, 6)))
    before = section(tmp_path, flat="flat.npy").content_hash()
    np.save(tmp_path / "flat.npy", np.full((5, 6), 2.0))
    assert section(tmp_path, flat="flat.npy").content_hash() != before


def test_roles_of_a_stack(tmp_path):
    roles = section(tmp_path, energy_unit="keV").roles("xpeem")
    assert roles["image"].is_image
    assert (roles["energy_ev"].unit, roles["energy_ev"].recorded_unit) == ("eV", "keV")
    assert set(section(tmp_path).roles("xpeem")) == {"image", "energy_ev", "i0"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dark": "dark.png"}, "dark.png is no image; name a .tif or .npy"),
        ({"flat": "line.npy"}, r"line.npy is no image \(its shape is \(4,\)\)"),
        ({"flat": "text.npy"}, "text.npy cannot be read"),
        ({"flat": "gone.npy"}, r"\[xpeem\] flat names a file that does not exist"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path, settings, said):
    (tmp_path / "dark.png").write_bytes(b"")
    (tmp_path / "text.npy").write_text("1 2 3")
    np.save(tmp_path / "line.npy", np.ones(4))
    with pytest.raises(ConfigurationError, match=said):
        stack_model(section(tmp_path, **settings).xpeem, EDGE)


def test_a_wrong_key_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ConfigurationError, match=r"\[xpeem\] has no key 'pixel_size'"):
        section(tmp_path, pixel_size=0.1)
