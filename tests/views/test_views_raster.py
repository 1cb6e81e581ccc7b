import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgnmc_bluesky.views.raster import along_line, grid_of, raster_of


def _snake(columns, rows, step_um=0.5, *, swap=False):
    x = np.concatenate([np.arange(columns)[:: (-1) ** row] for row in range(rows)]) * step_um
    y = np.repeat(np.arange(rows), columns) * 2 * step_um
    line = np.repeat(np.arange(rows), columns).astype(float)
    return (y, x, line) if swap else (x, y, line)


@pytest.mark.parametrize("swap", [False, True])
def test_lines_to_and_fro_are_laid_out_where_they_were(swap):
    x, y, line = _snake(7, 4, swap=swap)
    grid = grid_of(x, y, line)
    np.testing.assert_allclose(grid.of(x), np.tile(grid.x_um, (len(grid.y_um), 1)))
    np.testing.assert_allclose(grid.of(y).T, np.tile(grid.y_um, (len(grid.x_um), 1)))
    assert grid.is_measured.all()


@given(st.randoms(use_true_random=False), st.integers(1, 27))
def test_the_order_of_pixels_and_an_early_end_change_no_place(random, n_measured):
    x, y, line = _snake(7, 4)
    order = list(range(n_measured))
    random.shuffle(order)
    early, mixed = (grid_of(x[at], y[at], line[at]) for at in (range(n_measured), order))
    np.testing.assert_array_equal(early.of(x[:n_measured]), mixed.of(x[order]))
    assert early.is_measured.sum() == n_measured


def test_a_pixel_without_a_position_leaves_its_cell_empty():
    x, y, line = _snake(5, 3)
    x[7] = np.nan
    grid = grid_of(x, y, line)
    assert grid.index.shape == (3, 5)
    assert 7 not in grid.index
    assert np.isnan(grid.of(np.ones(15))).sum() == 1


def test_a_line_that_never_came_leaves_its_row_empty():
    x, y, line = _snake(5, 8)
    came = line != 3
    raster = raster_of(x[came], y[came], line[came])
    across = raster.of(y[came])[:, raster.index.shape[1] // 2]
    assert np.isnan(across).any()
    assert np.isfinite(across[[0, -1]]).all()


def test_encoder_positions_place_the_pixels():
    x, y, line = _snake(21, 11)
    x = x + 0.3 * np.sin(2 * x)
    assert grid_of(x, y, line) is None
    raster = raster_of(x, y, line)
    off = np.abs(raster.of(x) - raster.x_um)
    assert np.nanmax(off) < 0.4
    assert raster.is_measured.mean() > 0.95


def test_points_without_lines_are_seen_where_they_are():
    turn = np.sqrt(np.arange(400.0))
    x, y = turn * np.cos(2.4 * turn**2), turn * np.sin(2.4 * turn**2)
    raster = raster_of(x, y, np.zeros(400))
    inside = np.hypot(*np.meshgrid(raster.x_um, raster.y_um)) < 15
    assert raster.is_measured[inside].all()
    assert not raster.is_measured[0, 0]
    assert along_line(x, y, np.zeros(400)) is None


@pytest.mark.parametrize("n", [1, 2])
def test_one_pixel_and_one_line_are_maps_too(n):
    grid = grid_of(np.arange(1.0 * n), np.zeros(n), np.zeros(n))
    assert grid.index.tolist() == [list(range(n))]
    assert all(np.diff(grid.extent)[::2] > 0)


def test_a_line_is_told_from_a_map():
    x, y, line = _snake(9, 1)
    np.testing.assert_array_equal(along_line(x, y, line), x)
    np.testing.assert_array_equal(along_line(y, x, line), x)
    oblique = along_line(0.6 * x, 0.8 * x, line)
    np.testing.assert_allclose(np.diff(oblique), np.diff(x))
    assert along_line(*_snake(9, 2)) is None


def test_a_map_without_any_position_is_refused():
    with pytest.raises(ValueError, match="no pixel of the map has a position"):
        raster_of(np.full(4, np.nan), np.zeros(4), np.zeros(4))


def test_encoders_that_lag_to_and_fro_are_a_grid():
    x, y, line = _snake(21, 11)
    x = x + np.where(line % 2, 0.21, -0.21) + 0.02 * np.sin(7 * x)
    grid = grid_of(x, y, line)
    assert grid.index.shape == (11, 21)
    assert np.abs(grid.of(x) - grid.x_um).max() < 0.3
