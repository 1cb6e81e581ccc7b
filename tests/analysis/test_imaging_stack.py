from dataclasses import replace

import numpy as np
import pytest
from simulated_stacks import ENERGIES_EV, KEYS, nickel, one_thread, stack

from cgnmc_bluesky.analysis.estimate import Status
from cgnmc_bluesky.analysis.imaging.stack import StackAccumulator
from cgnmc_bluesky.sim.soft.spectra import l_shapes

__all__ = ["one_thread"]


def analysed(taken, model=None, *, size=1, ended=True):
    accumulator = StackAccumulator(model or nickel())
    for block in taken.blocks(size):
        accumulator.add(block)
    return accumulator.result(ended=ended)


@pytest.fixture(scope="module")
def taken():
    return stack(jump=(2.0, -3.0), off_ev=0.12)


@pytest.fixture(scope="module")
def found(taken):
    return analysed(taken)


def with_images(taken, images):
    return replace(taken, images=images)


def test_the_map_is_that_of_least_squares_in_every_pixel_without_drift():
    still = stack(walk_px=0.0)
    found = analysed(still)
    ni2, ni3 = (l_shapes()[name](ENERGIES_EV) for name in ("NiO", "LiNiO2"))
    design = np.stack([ni2, ni3, np.ones_like(ni2), (ENERGIES_EV - 852.7) / 80], axis=1)
    over_mesh = (still.images / still.i0[:, None, None]).reshape(len(ENERGIES_EV), -1)
    amounts, residual, *_ = np.linalg.lstsq(design, over_mesh, rcond=None)
    oracle = (amounts[0] / (amounts[0] + amounts[1])).reshape(64, 64)
    mapped = found.curves["image"]["ni2_fraction"]
    seen = np.isfinite(mapped) & (still.amount > 0.8)
    assert np.count_nonzero(seen) > 500
    sigma = found.curves["image"]["ni2_fraction_sigma"]
    assert np.sqrt(np.mean((mapped - oracle)[seen] ** 2)) < 0.5 * np.median(sigma[seen])
    assert abs(np.mean((mapped - oracle)[seen])) < 0.005
    free = len(ENERGIES_EV) - 4
    inverse = np.linalg.inv(design.T @ design)
    variance = (residual / free).reshape(64, 64)
    total = (amounts[0] + amounts[1]).reshape(64, 64)
    share = oracle
    spread = (
        (1 - share) ** 2 * inverse[0, 0]
        + share**2 * inverse[1, 1]
        - 2 * share * (1 - share) * inverse[0, 1]
    )
    of_oracle = np.sqrt(spread * variance) / total
    assert np.median(sigma[seen] / of_oracle[seen]) == pytest.approx(1.0, abs=0.2)


def test_the_values_are_those_of_the_field(taken, found):
    assert found.status is Status.FINAL
    seen = np.isfinite(found.curves["image"]["ni2_fraction"])
    truth = np.average(taken.fraction[seen], weights=taken.amount[seen])
    value, sigma = found.values["ni2_fraction"], found.sigmas["ni2_fraction"]
    assert abs(value - truth) < 4 * sigma
    assert sigma < 0.02
    assert found.values["ni3_fraction"] == pytest.approx(1 - value)
    assert found.values["fraction_NiO"] == pytest.approx(value)
    assert found.values["mean_valence"] == pytest.approx(3 - value)
    assert found.values["frames"] == len(ENERGIES_EV)
    assert found.values["pixels"] == np.count_nonzero(seen)
    weights = taken.amount[seen] ** 2
    spread = np.sqrt(np.average((taken.fraction[seen] - truth) ** 2, weights=weights))
    assert found.values["fraction_spread"] == pytest.approx(spread, rel=0.15)


def test_pixels_are_as_far_from_the_truth_as_their_sigmas_say(taken, found):
    mapped, sigma = (
        found.curves["image"][name].astype(float) for name in ("ni2_fraction", "ni2_fraction_sigma")
    )
    inside = np.isfinite(mapped) & (taken.amount > 0.8)
    within = np.abs(mapped - taken.fraction)[inside] < sigma[inside]
    assert 0.58 < within.mean() < 0.76


def test_the_drift_is_that_of_the_last_image(taken, found):
    for axis, truth in zip("yx", taken.drifts_px[-1], strict=True):
        assert found.values[f"drift_{axis}_px"] == pytest.approx(truth, abs=0.15)
        assert 0 < found.sigmas[f"drift_{axis}_px"] < 0.1
    drift = found.curves["drift"]
    assert np.max(np.abs(drift["drift_x_px"] - taken.drifts_px[:, 1])) < 0.3
    assert drift["row"].tolist() == list(range(1, len(ENERGIES_EV) + 1))


def test_what_has_no_signal_or_was_not_always_seen_has_no_fraction(taken, found):
    mapped = found.curves["image"]["ni2_fraction"]
    assert not np.isfinite(mapped[taken.amount < 0.02]).any()
    right = int(np.ceil(np.max(taken.drifts_px[:, 1])))
    below = int(np.ceil(np.max(taken.drifts_px[:, 0])))
    assert not np.isfinite(mapped[:, 64 - right :]).any()
    assert not np.isfinite(mapped[64 - below :]).any()


@pytest.mark.parametrize("size", [3, 100])
def test_however_the_rows_are_cut_the_result_is_the_same_to_the_last_bit(taken, found, size):
    again = analysed(taken, size=size)
    assert again.values == found.values
    assert again.sigmas == found.sigmas
    for group, arrays in found.curves.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(again.curves[group][name], array)


def test_looking_in_between_and_rows_out_of_order_change_nothing(taken, found):
    accumulator = StackAccumulator(nickel())
    blocks = list(taken.blocks())
    order = [1, 0, *range(2, 10), 11, 10, *range(12, len(blocks))]
    for at in order:
        accumulator.add(blocks[at])
        accumulator.result()
    again = accumulator.result(ended=True)
    assert again.values == found.values


def test_a_point_that_is_measured_again_counts_the_second_time(taken, found):
    accumulator = StackAccumulator(nickel())
    for block in taken.blocks():
        if block.seq_num[0] == 12:
            spoilt = {**block.values, "image": block.values["image"] * 0.5}
            accumulator.add(replace(block, values=spoilt, time_s=block.time_s - 0.5))
        accumulator.add(block)
    assert accumulator.result(ended=True).values == found.values


def test_it_waits_until_the_edge_is_passed(taken):
    accumulator = StackAccumulator(nickel())
    states = []
    for block in taken.blocks():
        accumulator.add(block)
        states.append(accumulator.result().status)
    first = states.index(Status.PROVISIONAL)
    assert taken.energy_ev[first] > 860.0
    assert set(states[:first]) == {Status.WAITING}
    assert set(states[first:]) == {Status.PROVISIONAL}


def test_a_stack_that_ends_early_says_so(taken):
    short = replace(taken, images=taken.images[:12], energy_ev=taken.energy_ev, i0=taken.i0)
    told = analysed(short)
    assert told.status is Status.WAITING
    assert "behind the edge" in told.reason
    assert "the run ended before that" in told.reason
    assert set(told.values.values()) == {None}


def test_images_without_numbers_beam_or_energy_are_named_and_left_out(taken):
    images, i0 = taken.images.copy(), taken.i0.copy()
    energy_ev = taken.energy_ev.copy()
    images[4] = np.nan
    i0[6], i0[7], i0[8], energy_ev[10] = 0.0, np.nan, 1e-12, np.nan
    told = analysed(replace(taken, images=images, i0=i0, energy_ev=energy_ev))
    assert told.status is Status.FINAL
    for said in (
        "peem without numbers in row 5",
        "mesh zero or negative in row 7",
        "mesh missing in row 8",
        "mesh without beam in row 9",
        "pgm missing in row 11",
    ):
        assert said in told.reason
    assert told.values["frames"] == len(images) - 5


def test_an_image_that_cannot_be_laid_on_the_others_is_named(taken):
    images = taken.images.copy()
    images[0] = images[14] = np.random.default_rng(1).poisson(500.0, (64, 64))
    told = analysed(with_images(taken, images))
    assert "peem shows nothing of the others in rows 1, 15" in told.reason
    assert told.values["frames"] == len(images) - 2
    assert told.status is Status.FINAL


def test_a_drift_out_of_the_field_is_named():
    far = stack(walk_px=0.0)
    images = [np.roll(image, 7 * at, axis=1) for at, image in enumerate(far.images)]
    told = analysed(replace(far, images=np.array(images)))
    assert told.status is Status.FAILED
    assert "most images cannot be used" in told.reason


def test_a_mesh_that_jumps_once_does_not_move_the_field(taken, found):
    i0 = taken.i0.copy()
    i0[13] *= 1.3
    told = analysed(replace(taken, i0=i0))
    assert "peem glitch left out at" in told.reason
    assert "the maps hold what the field left out" in told.reason
    assert told.values["ni2_fraction"] == pytest.approx(found.values["ni2_fraction"], abs=0.01)


def test_dead_pixels_are_left_out_of_the_map_alone(taken, found):
    images = taken.images.copy()
    images[:, 30, 30] = np.nan
    told = analysed(with_images(taken, images))
    assert told.status is Status.FINAL
    assert told.values["ni2_fraction"] == pytest.approx(found.values["ni2_fraction"], abs=0.03)
    assert not np.isfinite(told.curves["image"]["signal"][30, 30])
    assert told.values["pixels"] > 0.8 * found.values["pixels"]


def test_without_a_mesh_nothing_is_said_unless_images_are_divided_already(taken):
    assert analysed(replace(taken, i0=np.full(len(taken.i0), np.nan))).status is Status.FAILED
    keys = {role: key for role, key in KEYS.items() if role != "i0"}
    divided = with_images(taken, taken.images / (taken.i0 / 1e-9)[:, None, None])
    told = analysed(divided, nickel(keys=keys))
    assert told.status is Status.FINAL


def test_dark_and_flat_images_are_taken_out(taken, found):
    flat = np.linspace(0.7, 1.3, 64, dtype=np.float32)[None] * np.ones((64, 1), np.float32)
    dark = np.full((64, 64), 80.0, np.float32)
    seen = with_images(taken, taken.images * flat + dark)
    told = analysed(seen, nickel(dark=dark, flat=flat))
    assert told.values["ni2_fraction"] == pytest.approx(found.values["ni2_fraction"], abs=0.003)
    wrong = analysed(seen, nickel(dark=dark[:32]))
    assert "dark is of (32, 64) pixels, an image of (64, 64)" in wrong.reason


def test_a_stack_on_another_axis_is_not_believed():
    told = analysed(stack(off_ev=2.5))
    assert told.status is Status.FAILED
    assert set(told.values.values()) == {None}


def test_maps_are_over_micrometres_where_these_are_known(taken):
    told = analysed(taken, nickel(pixel_um=0.05))
    assert told.curves["axis"]["x_um"][:3] == pytest.approx([0.0, 0.05, 0.1])
    assert "y_um" in told.curves["image"]


def test_readings_that_are_no_images_are_refused(taken):
    [block, *_] = taken.blocks(5)
    accumulator = StackAccumulator(nickel())
    accumulator.add(replace(block, values={**block.values, "image": np.ones((5, 7), np.float32)}))
    told = accumulator.result(ended=True)
    assert (told.status, told.reason) == (Status.FAILED, "peem holds no images")
