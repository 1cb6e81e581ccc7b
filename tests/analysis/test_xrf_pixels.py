import numpy as np
import pytest

from cgnmc_bluesky.analysis.xrf.pixels import lines_of


def raster(n_lines: int, n_pixels: int, *, snake: bool, noise_um: float = 0.0):
    """Positions of a map, pixel by pixel."""
    random = np.random.default_rng(1)
    fast_um = np.tile(np.arange(n_pixels) * 0.1, (n_lines, 1))
    if snake:
        fast_um[1::2] = fast_um[1::2, ::-1]
    slow_um = np.repeat(np.arange(n_lines) * 0.1, n_pixels)
    positions = (fast_um.ravel(), slow_um)
    return [axis + noise_um * random.normal(size=axis.size) for axis in positions]


@pytest.mark.parametrize("snake", [True, False])
@pytest.mark.parametrize("shape", [(4, 7), (7, 4), None])
def test_lines_end_where_the_fast_axis_turns_or_jumps_back(snake, shape):
    lines = lines_of(1, 28, shape, *raster(4, 7, snake=snake, noise_um=0.003))
    assert lines.tolist() == np.repeat(np.arange(4), 7).tolist()


def test_an_aborted_map_has_as_many_lines_as_it_got_to():
    positions_um = [axis[:17] for axis in raster(4, 7, snake=True)]
    assert lines_of(17, 1, (7, 4), *positions_um).tolist() == [0] * 7 + [1] * 7 + [2] * 3


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), None])
def test_a_single_line_is_one(shape):
    assert set(lines_of(1, 9, shape, *raster(1, 9, snake=True))) == {0}


def test_rows_are_lines_whatever_the_positions():
    nowhere = np.full(6, np.nan)
    assert lines_of(2, 3, None, nowhere, nowhere).tolist() == [0, 0, 0, 1, 1, 1]
    assert lines_of(1, 6, (2, 3), nowhere, nowhere).tolist() == [0, 0, 0, 1, 1, 1]
    assert lines_of(1, 6, None, nowhere, nowhere).tolist() == [0] * 6
