"""Cells in windows, and how much memory that takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy import sparse

from cistron.base.errors import InputError
from cistron.samples.cells.cell_file import CellFormat
from cistron.samples.cells.cell_stream import stream_cells
from cistron.samples.samples import Samples
from tests.samples.cells.cells_made import (
    barcodes,
    gene_names,
    made_anndata,
    made_counts,
    usual_obs,
    write_10x,
    write_10x_h5,
    write_text,
    write_zarr,
)

COUNTS = made_counts()
COUNTS[[0, 17, 39]] = 0
SILENT = [0, 17, 39]
KINDS = ["csr", "csc", "zarr", "dense", "10x", "h5", "genes", "cells"]


def write(kind: str, folder: Path) -> Path:
    if kind in ("csr", "csc", "dense", "zarr"):
        stored = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix}.get(kind, np.asarray)
        data = made_anndata(stored(COUNTS), **usual_obs())
        if kind == "zarr":
            return write_zarr(data, folder / "a.zarr")
        data.write_h5ad(folder / "a.h5ad")
        return folder / "a.h5ad"
    if kind == "10x":
        return write_10x(folder / "run", COUNTS)
    if kind == "h5":
        return write_10x_h5(folder / "a.h5", COUNTS)
    if kind == "genes":
        return write_text(folder / "a.csv", COUNTS.T, gene_names(), barcodes())
    return write_text(folder / "a.tsv.gz", COUNTS, barcodes(), gene_names())


def together(windows: list[Samples]) -> tuple[np.ndarray, list[str], list[int]]:
    values = np.concatenate([part.payload.read().toarray() for part in windows])
    records = [int(record) for part in windows for record in part.dropped["record"]]
    return values, [name for part in windows for name in part.ids], records


@pytest.mark.parametrize("window", [7, 40, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_windows_are_all_cells_in_order(kind: str, window: int, tmp_path: Path) -> None:
    path = write(kind, tmp_path)
    windows = list(stream_cells(path, window, counts=True))
    values, names, dropped = together(windows)
    used = np.setdiff1d(np.arange(40), SILENT)
    assert np.array_equal(values, COUNTS[used])
    assert names == [barcodes()[row] for row in used]
    assert dropped == [row + 1 for row in SILENT]
    sizes = [len(part) + len(part.dropped) for part in windows]
    assert sizes[:-1] == [window] * (len(sizes) - 1)
    assert all(part.payload.genes is windows[0].payload.genes for part in windows)
    assert all(part.payload.chunk == 0 for part in windows)
    for skip in (1, len(windows)):
        again = list(stream_cells(path, window, skip=skip, counts=True))
        assert [part.ids.tolist() for part in again] == [
            part.ids.tolist() for part in windows[skip:]
        ]
        assert [part.dropped["record"].tolist() for part in again] == [
            part.dropped["record"].tolist() for part in windows[skip:]
        ]


def test_columns_of_obs_come_along(tmp_path: Path) -> None:
    windows = list(stream_cells(write("csr", tmp_path), 16, columns={"label": "kind", "x": "none"}))
    labels = [label for part in windows for label in part.table["label"]]
    assert labels == [usual_obs()["kind"][row] for row in range(40) if row not in SILENT]
    assert windows[0].table["x"].isna().all()
    assert windows[1].table["detected"].tolist() == [
        int((COUNTS[row] > 0).sum()) for row in range(16, 32) if row not in SILENT
    ]


def test_which_side_are_genes_is_told_by_those_of_training(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", COUNTS, [f"s{i}" for i in range(40)], gene_names())
    with pytest.raises(InputError, match="nothing tells for certain"):
        next(stream_cells(path))
    first = next(stream_cells(path, genes=gene_names()[3:5]))
    assert first.payload.genes.tolist() == gene_names()
    first = next(stream_cells(path, how=CellFormat(orientation="genes_in_rows")))
    assert first.payload.genes.tolist() == [f"s{i}" for i in range(40)]


def test_what_is_no_count_is_refused_where_counts_are_promised(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    made_anndata(COUNTS / 2).write_h5ad(path)
    with pytest.raises(InputError, match="Counts are whole numbers"):
        list(stream_cells(path, 8, counts=True))
    assert sum(len(part) for part in stream_cells(path, 8)) == 37


MEASURE = """
import resource, sys
import numpy as np
import anndata.io
import cistron
from cistron.samples.cells.cell_stream import stream_cells

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

small, large = sys.argv[1:]
samples = cistron.read_cells(small, "kind", backed=True)
sum(part.payload.read().nnz for part in stream_cells(small, 512))
before = peak()
samples = cistron.read_cells(large, "kind", backed=True)
assert samples.payload.chunk
rows = np.random.default_rng(1).permutation(len(samples))[:512]
assert samples.payload.take(rows).read().shape[0] == 512
total = sum(part.payload.read().nnz for part in stream_cells(large, 512))
assert total == 16_000_000, total
print(peak() - before)
"""


def write_large(path: Path, cells: int, genes: int, per_cell: int) -> Path:
    """Write an h5ad whose rows all have the same number of counts, a piece at a time."""
    made_anndata(
        sparse.csr_matrix((cells, genes), dtype=np.float32), kind=["a", "b"] * (cells // 2)
    ).write_h5ad(path)
    columns = np.sort(np.random.default_rng(1).permutation(genes)[:per_cell]).astype(np.int32)
    with h5py.File(path, "r+") as file:
        group = file["X"]
        for name in ("data", "indices", "indptr"):
            del group[name]
        group["indptr"] = np.arange(cells + 1, dtype=np.int64) * per_cell
        size = cells * per_cell
        data = group.create_dataset("data", (size,), np.float32, chunks=(1 << 16,))
        indices = group.create_dataset("indices", (size,), np.int32, chunks=(1 << 16,))
        for start in range(0, cells, 1000):
            part = slice(start * per_cell, min(start + 1000, cells) * per_cell)
            indices[part] = np.tile(columns, (part.stop - part.start) // per_cell)
            data[part] = 1
    return path


def test_a_large_file_is_read_and_streamed_in_little_memory(tmp_path: Path) -> None:
    # 40,000 cells x 20,000 genes, 2 %: 128 MB as a sparse matrix, 3.2 GB as a dense one.
    small = write_large(tmp_path / "small.h5ad", 1000, 20_000, 400)
    large = write_large(tmp_path / "large.h5ad", 40_000, 20_000, 400)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), str(large)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 80e6
