"""Rows come to the same table however they are cut into blocks."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from cgnmc_bluesky.analysis.rows import Block, Table

Row = tuple[int, float, float]


def block_of(rows: Sequence[Row], role: str = "i0") -> Block:
    seq_num, time_s, value = (list(column) for column in zip(*rows, strict=True))
    array = np.array(value, dtype=float)
    return Block("primary", np.array(seq_num), np.array(time_s), {role: array})


def expected(rows: Sequence[Row]) -> list[Row]:
    """The last of each sequence number, in order of time: told once more, row by row."""
    last: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: row[1]):
        last[row[0]] = row
    return sorted(last.values(), key=lambda row: (row[1], row[0]))


def rows_of(table: Table) -> list[Row]:
    merged = table.merged()
    return list(
        zip(
            merged.seq_num.tolist(),
            merged.time_s.tolist(),
            merged.values["i0"].tolist(),
            strict=True,
        )
    )


@st.composite
def rows_and_cuts(draw: st.DrawFn) -> tuple[list[Row], list[list[Row]], list[bool]]:
    times = draw(st.lists(st.integers(0, 1000), unique=True, min_size=1, max_size=30))
    numbers = draw(st.lists(st.integers(1, 12), min_size=len(times), max_size=len(times)))
    rows = [(number, float(t), t / 7) for number, t in zip(numbers, times, strict=True)]
    is_in_order = draw(st.booleans())
    given_rows = sorted(rows, key=lambda row: row[1]) if is_in_order else rows
    cuts = sorted(draw(st.sets(st.integers(1, len(rows)), max_size=5)) | {0, len(rows)})
    blocks = [given_rows[start:stop] for start, stop in pairwise(cuts)]
    looks = draw(st.lists(st.booleans(), min_size=len(blocks), max_size=len(blocks)))
    return rows, blocks, looks


@given(rows_and_cuts())
def test_any_cut_and_order_gives_the_same_table(case) -> None:
    rows, blocks, looks = case
    table = Table()
    for block, is_looked_at in zip(blocks, looks, strict=True):
        table.add(block_of(block))
        if is_looked_at:
            table.merged()
    assert rows_of(table) == expected(rows)


@given(rows_and_cuts())
def test_rows_given_out_stay_as_they_are(case) -> None:
    _, blocks, _ = case
    table = Table()
    seen = []
    for block in blocks:
        table.add(block_of(block))
        column = table.column("i0")
        seen.append((column, column.copy()))
        assert not column.flags.writeable
    for column, copy in seen:
        assert_array_equal(column, copy)


def test_an_empty_table_has_no_rows_and_no_roles() -> None:
    table = Table()
    table.add(Block("primary", np.empty(0, np.int64), np.empty(0), {}))
    assert len(table) == 0
    assert table.roles() == set()
    assert table.time_s().shape == (0,)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_role_that_some_rows_lack_is_nan_there(order: tuple[int, int]) -> None:
    blocks = [block_of([(1, 0.0, 5.0)], "i0"), block_of([(2, 1.0, 6.0)], "itrans")]
    table = Table()
    for index in order:
        table.add(blocks[index])
    assert table.roles() == {"i0", "itrans"}
    assert_array_equal(table.column("i0"), [5.0, np.nan])
    assert_array_equal(table.column("itrans"), [np.nan, 6.0])


def test_of_rows_alike_in_number_and_time_the_last_to_come_counts() -> None:
    table = Table()
    table.add(block_of([(1, 0.0, 5.0), (2, 1.0, 6.0)]))
    table.add(block_of([(2, 1.0, 7.0)]))
    assert_array_equal(table.column("i0"), [5.0, 7.0])


def test_arrays_keep_their_shape() -> None:
    table = Table()
    for seq_num in (1, 2, 3):
        spectra = {"spectra": np.full((1, 2, 4), float(seq_num))}
        table.add(Block("primary", np.array([seq_num]), np.array([float(seq_num)]), spectra))
    assert table.column("spectra").shape == (3, 2, 4)
    assert_array_equal(table.column("spectra")[:, 0, 0], [1.0, 2.0, 3.0])


def test_readings_of_another_shape_are_refused_by_shape() -> None:
    table = Table()
    table.add(block_of([(1, 0.0, 5.0)]))
    longer = Block("primary", np.array([2]), np.array([1.0]), {"i0": np.ones((1, 3))})
    with pytest.raises(ValueError, match=r"shape \(3,\) cannot follow rows of shape \(\)"):
        table.add(longer)
