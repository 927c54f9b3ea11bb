from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cistron.base.ragged import Ragged

rows_of_numbers = st.lists(st.lists(st.integers(0, 250), max_size=9), min_size=1, max_size=12)


def ragged(rows: list[list[int]]) -> Ragged:
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
    return Ragged(np.array([x for r in rows for x in r], dtype=np.uint8), offsets)


def as_lists(array: Ragged) -> list[list[int]]:
    return [array[i].tolist() for i in range(len(array))]


@given(rows_of_numbers, st.randoms())
def test_take_equals_list_indexing(rows, random):
    picked = [random.randrange(len(rows)) for _ in range(6)]
    assert as_lists(ragged(rows).take(picked)) == [rows[i] for i in picked]


@given(rows_of_numbers)
def test_padded_holds_each_row_from_the_left(rows):
    rectangle, lengths = ragged(rows).padded(np.arange(len(rows)), fill=255)
    assert lengths.tolist() == [len(r) for r in rows]
    for row, line, n in zip(rows, rectangle, lengths, strict=True):
        assert line[:n].tolist() == row
        assert (line[n:] == 255).all()


@given(rows_of_numbers, rows_of_numbers)
def test_stack_keeps_all_rows_in_order(first, second):
    assert as_lists(Ragged.stack([ragged(first), ragged(second)])) == first + second


def test_padded_keeps_channels():
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    array = Ragged(values, np.array([0, 1, 4]))
    rectangle, lengths = array.padded(np.array([0, 1]))
    assert rectangle.shape == (2, 3, 3)
    assert lengths.tolist() == [1, 3]
    np.testing.assert_array_equal(rectangle[1], values[1:])
    assert (rectangle[0, 1:] == 0).all()
