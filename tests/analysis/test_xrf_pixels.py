import numpy as np
import pytest

from cgnmc_bluesky.analysis.rows import Block, Table
from cgnmc_bluesky.analysis.xrf.pixels import PixelReadings, lines_of, of_pixels

ROWS = [1, 2, 3]


def tables_of(**values):
    table = Table()
    numbers = np.array(ROWS)
    table.add(Block("primary", numbers, numbers.astype(float), values))
    return {"primary": table}


def test_readings_of_every_shape_become_one_a_pixel():
    scalar = tables_of(i0=np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(of_pixels(scalar, "i0", ROWS, 2), [[1, 1], [2, 2], [3, 3]])
    single = tables_of(i0=np.array([[1.0], [2.0], [3.0]]))
    np.testing.assert_array_equal(of_pixels(single, "i0", ROWS, 2), [[1, 1], [2, 2], [3, 3]])
    each = tables_of(i0=np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(of_pixels(each, "i0", ROWS, 2), [[0, 1], [2, 3], [4, 5]])


def test_oversampled_positions_are_averaged():
    tables = tables_of(x_um=np.arange(12.0).reshape(3, 4))
    found = of_pixels(tables, "x_um", ROWS, 2, oversampling=2)
    np.testing.assert_array_equal(found, [[0.5, 2.5], [4.5, 6.5], [8.5, 10.5]])


def test_a_detector_axis_is_kept():
    tables = tables_of(dead_time_factor_1=np.ones((3, 2, 4)))
    assert of_pixels(tables, "dead_time_factor_1", ROWS, 2).shape == (3, 2, 4)


def test_rows_that_lack_a_reading_are_nan_and_roles_that_lack_are_none():
    found = of_pixels(tables_of(i0=np.ones(3)), "i0", [2, 3, 4], 1)
    np.testing.assert_array_equal(found, [[1], [1], [np.nan]])
    assert of_pixels(tables_of(i0=np.ones(3)), "x_um", ROWS, 1) is None


def test_readings_that_cannot_be_shared_are_left_out_with_the_remedy():
    tables = tables_of(x_um=np.ones((3, 30)))
    with pytest.raises(ValueError, match="30 readings for 3 pixels a row; correct oversampling"):
        of_pixels(tables, "x_um", ROWS, 3)
    readings = PixelReadings(tables, {"x_um": "stage_x"}, ROWS, 3)
    assert np.isnan(readings.position("x_um")).all()
    assert any("stage_x" in note and "oversampling" in note for note in readings.notes)


def test_wrong_readings_are_masked_and_counted():
    i0 = np.array([[1.0, 0.0], [np.nan, 2.0], [2.0, 2.0]])
    factor = np.array([[1.0, 1.1], [0.5, 1.0], [1.0, 1.0]])
    readings = PixelReadings(
        tables_of(i0=i0, dead_time_factor_1=factor),
        {"i0": "sclr_i0", "dead_time_factor_1": "xs_channel1_dt"},
        ROWS,
        2,
    )
    weight = readings.weight()
    assert np.isnan(weight).tolist() == [False, True, True, False, False, False]
    assert weight[3] == 1.0
    readings.dead_time_factor("spectra_1", "xs_channel1")
    assert "sclr_i0: 2 pixels in 2 rows with no or zero intensity, masked" in readings.notes
    masked = "xs_channel1_dt: 1 pixel in 1 row with a dead time factor below 1, masked"
    assert masked in readings.notes


@pytest.mark.parametrize("snake", [True, False])
def test_lines_of_one_long_row_are_told_by_its_turns(snake):
    along = np.linspace(-1.0, 1.0, 21)
    rng = np.random.default_rng(0)
    lines = [along[::-1] if snake and n % 2 else along for n in range(8)]
    x_um = np.concatenate(lines) + rng.normal(0, 0.005, 168)
    y_um = np.repeat(np.linspace(0, 0.7, 8), 21) + rng.normal(0, 0.005, 168)
    expected = np.repeat(np.arange(8), 21)
    assert np.mean(lines_of(1, 168, None, x_um, y_um) == expected) > 0.95
    np.testing.assert_array_equal(lines_of(1, 168, (8, 21), x_um, y_um), expected)
    np.testing.assert_array_equal(lines_of(8, 21, None, x_um, y_um), expected)
    np.testing.assert_array_equal(lines_of(168, 1, (8, 21), x_um, y_um), expected)


def test_a_map_without_a_shape_or_positions_is_one_line():
    nowhere = np.full(12, np.nan)
    np.testing.assert_array_equal(lines_of(12, 1, None, nowhere, nowhere), np.zeros(12))
