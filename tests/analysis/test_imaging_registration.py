import numpy as np
import pytest
from simulated_stacks import one_thread, stack

from cgnmc_bluesky.analysis.imaging.registration import Registration, Unregistered, binned

__all__ = ["one_thread"]


def places(images, registration):
    found = []
    for image in images:
        shift = registration(binned(image, registration.binning))
        found.append((shift.y_px, shift.x_px))
    return np.array(found)


def test_the_drift_is_found_though_the_contrast_changes():
    taken = stack(side=96, jump=(5.0, -7.0))
    found = places(taken.images, Registration((96, 96)))
    assert np.max(np.abs(found - taken.drifts_px)) < 0.2
    assert np.sqrt(np.mean((found - taken.drifts_px) ** 2)) < 0.06


def test_binned_images_tell_parts_of_a_pixel():
    taken = stack(side=160, jump=(6.0, 4.0))
    found = places(taken.images[::3], Registration((160, 160), 2))
    assert np.sqrt(np.mean((found - taken.drifts_px[::3]) ** 2)) < 0.1


def test_a_sigma_is_what_the_places_scatter_by():
    pulls = []
    for seed in (1, 2):
        taken = stack(seed=seed, counts=100.0)
        registration = Registration((64, 64))
        for image, drift in zip(taken.images, taken.drifts_px, strict=True):
            shift = registration(image)
            if registration.n_images > 1:
                pulls.append((shift.x_px - drift[1]) / shift.x_sigma_px)
    assert 0.5 < np.std(pulls) < 2.0


def test_an_image_of_something_else_is_refused_and_leaves_no_trace():
    taken = stack()
    registration = Registration((64, 64))
    places(taken.images[:10], registration)
    noise = np.random.default_rng(3).poisson(400.0, (64, 64)).astype(np.float32)
    with pytest.raises(Unregistered, match="shows nothing of the others"):
        registration(noise)
    with pytest.raises(Unregistered, match="shows nothing"):
        registration(np.zeros((64, 64), np.float32))
    found = places(taken.images[10:], registration)
    assert np.max(np.abs(found - taken.drifts_px[10:])) < 0.3


def test_a_jump_that_is_not_believable_is_refused():
    taken = stack(walk_px=0.0, jump=(14.0, 0.0))
    registration = Registration((64, 64))
    half = len(taken.images) // 2
    places(taken.images[:half], registration)
    with pytest.raises(Unregistered, match=r"lies 14 pixels from the one before"):
        registration(taken.images[half])


def test_it_begins_anew_where_the_first_image_is_like_no_other():
    taken = stack()
    registration = Registration((64, 64))
    registration(np.random.default_rng(3).poisson(400.0, (64, 64)).astype(np.float32))
    with pytest.raises(Unregistered):
        registration(taken.images[0])
    assert (registration.n_beginnings, registration.n_images) == (2, 1)
    found = places(taken.images[1:], registration)
    assert np.max(np.abs(found - taken.drifts_px[1:])) < 0.3


def test_dead_pixels_do_not_hold_the_image():
    taken = stack()
    images = taken.images.copy()
    images[:, 20:23, 30] = np.nan
    found = places(images, Registration((64, 64)))
    assert np.max(np.abs(found - taken.drifts_px)) < 0.3


def test_small_images_are_refused():
    with pytest.raises(Unregistered, match="64 × 64 pixels, 4 taken together, are too small"):
        Registration((64, 64), 4)


@pytest.mark.parametrize("fault", ["column", "bright"])
def test_faults_of_the_camera_do_not_hold_the_images(fault):
    taken = stack(seed=2)
    images = taken.images.copy()
    if fault == "column":
        images[:, :, 30] = np.nan
    else:
        random = np.random.default_rng(0)
        rows, columns = random.integers(0, 64, (2, 12))
        images[:, rows, columns] = 5000.0
    found = places(images, Registration((64, 64)))
    assert np.sqrt(np.mean((found - taken.drifts_px) ** 2)) < 0.06
