"""Matrices of which rows are read from their file."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from cistron.base.counts import InMemory, Matrix
from cistron.base.errors import InputError
from cistron.samples.cells import stored
from cistron.samples.cells.anndata_files import read_anndata
from cistron.samples.cells.cell_file import CellFormat
from cistron.samples.cells.rearranged import OtherColumns, Stacked, put_columns, stack
from cistron.samples.cells.stored import StoredRows, stretches
from tests.samples.cells.cells_made import made_anndata, made_counts, write_zarr

BACKED = CellFormat(backed=True)
DENSE = made_counts(60, 9)


@pytest.fixture(scope="module", params=["csr.h5ad", "dense.h5ad", "csr.zarr", "dense.zarr"])
def backed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    path = tmp_path_factory.mktemp("stored") / request.param
    data = made_anndata(sparse.csr_matrix(DENSE) if "csr" in request.param else DENSE)
    if path.suffix == ".zarr":
        write_zarr(data, path, version=2 if "csr" in request.param else 3)
    else:
        data.write_h5ad(path, compression="gzip")
    return read_anndata(path, BACKED).matrix


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(rows=st.lists(st.integers(0, 59), max_size=70))
def test_rows_in_any_order_are_those_of_the_matrix(backed: Matrix, rows: list[int]) -> None:
    found = backed.read(np.array(rows, dtype=np.int64))
    assert np.array_equal(found.toarray(), DENSE[rows])
    assert found.dtype == np.float32
    assert found.has_sorted_indices
    assert backed.chunk == 2048


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_pieces_change_nothing(backed: Matrix, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "PIECE", piece)
    rows = np.array([0, 1, 2, 5, 6, 40, 59, 20, 2])
    assert np.array_equal(backed.read(rows).toarray(), DENSE[rows])


def test_it_can_be_sent_to_another_process(backed: Matrix) -> None:
    again = pickle.loads(pickle.dumps(backed))
    assert np.array_equal(again.read(np.array([7])).toarray(), DENSE[[7]])


def test_consecutive_rows_are_read_in_one_go() -> None:
    assert stretches(np.array([1, 2, 3, 9, 10, 30]), 0) == [(0, 3), (3, 5), (5, 6)]
    assert stretches(np.array([1, 2, 3, 9, 10, 30]), 5) == [(0, 5), (5, 6)]
    assert stretches(np.array([], dtype=int), 5) == []


def test_by_gene_is_read_whole_and_said(tmp_path: Path) -> None:
    path = tmp_path / "csc.h5ad"
    made_anndata(sparse.csc_matrix(DENSE)).write_h5ad(path)
    file = read_anndata(path, CellFormat())
    assert isinstance(file.matrix, InMemory)
    assert np.array_equal(file.matrix.read(np.arange(60)).toarray(), DENSE)
    assert "stored by gene" in file.notes[0]
    with pytest.raises(InputError, match=r"samples.backed.*tocsr"):
        read_anndata(path, BACKED)


def test_small_is_held_and_large_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    made_anndata(sparse.csr_matrix(DENSE)).write_h5ad(path)
    assert isinstance(read_anndata(path, CellFormat()).matrix, InMemory)
    assert isinstance(read_anndata(path, CellFormat(), limit=100).matrix, StoredRows)
    assert isinstance(read_anndata(path, CellFormat(backed=False), limit=1).matrix, InMemory)


@given(
    columns=st.lists(st.integers(-1, 4), min_size=9, max_size=9),
    rows=st.lists(st.integers(0, 59), max_size=9),
)
def test_columns_that_meet_are_added_up(columns: list[int], rows: list[int]) -> None:
    held = InMemory(sparse.csr_matrix(DENSE))
    matrix = OtherColumns(held, np.array(columns), 5)
    moved = put_columns(held, np.array(columns), 5).read(np.arange(60))
    assert (moved != matrix.read(np.arange(60))).nnz == 0
    wanted = np.zeros((60, 5))
    for column, target in enumerate(columns):
        if target >= 0:
            wanted[:, target] += DENSE[:, column]
    assert matrix.shape == (60, 5)
    assert np.array_equal(matrix.read(np.array(rows, dtype=int)).toarray(), wanted[rows])


@given(rows=st.lists(st.integers(0, 59), max_size=30))
def test_stacked_files_are_one_matrix(rows: list[int]) -> None:
    parts = [InMemory(sparse.csr_matrix(DENSE[a:b])) for a, b in ((0, 10), (10, 11), (11, 60))]
    assert isinstance(stack(parts), InMemory)
    matrix = Stacked(tuple(parts))
    assert matrix.shape == (60, 9)
    assert np.array_equal(matrix.read(np.array(rows, dtype=int)).toarray(), DENSE[rows])


def test_numbers_of_genes_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    made_anndata(sparse.csr_matrix(DENSE)).write_h5ad(path)
    with h5py.File(path, "r+") as file:
        file["X/indices"][3] = 99
    with pytest.raises(InputError, match="numbers of genes that do not exist"):
        read_anndata(path, CellFormat())
