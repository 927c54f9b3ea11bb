"""Cells × genes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from cistron.base.counts import Counts

DENSE = np.random.default_rng(1).poisson(0.5, (9, 4)).astype(np.float32)
GENES = ["A", "B", "C", "D"]


@given(rows=st.lists(st.integers(0, 8)), size=st.integers(1, 10))
def test_blocks_of_taken_cells_are_the_rows(rows: list[int], size: int) -> None:
    cells = Counts.of(DENSE, GENES).take(rows)
    found = [block.toarray() for block in cells.blocks(size)]
    assert len(cells) == len(rows)
    assert np.array_equal(np.concatenate([DENSE[:0], *found]), DENSE[rows])
    assert all(len(block) <= size for block in found)


def test_taking_twice_and_spans() -> None:
    cells = Counts.of(sparse.csc_matrix(DENSE), GENES, ensembl=["E1", "E2", "", "E4"])
    chosen = cells.take([8, 3, 3, 0]).take([1, 3])
    assert np.array_equal(chosen.read().toarray(), DENSE[[3, 0]])
    assert np.array_equal(cells.span(2, 5).read().toarray(), DENSE[2:5])
    assert [list(names) for names in cells.known] == [GENES, ["E1", "E2", "", "E4"]]


def test_names_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="4 columns and 3 genes"):
        Counts.of(DENSE, GENES[:3])
    with pytest.raises(ValueError, match="same name"):
        Counts.of(DENSE, ["A", "B", "A", "D"])
