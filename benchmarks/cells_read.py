"""Cells read from their file in stretches and one by one, and count tables beside pandas.

    python benchmarks/cells_read.py [--cells 100000] [--table FILE]

Without a table (genes in rows, tab-separated, plain or gzip) one is made.
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from cistron.samples.cells.cell_file import CellFormat
from cistron.samples.cells.cell_formats import read_cell_file
from cistron.samples.cells.cell_stream import stream_cells

GENES, PER_CELL, POOLED = 20_000, 1_000, 4


def write_cells(path: Path, cells: int) -> None:
    """Write an h5ad of 20,000 genes, 1,000 of them in each cell, a piece at a time."""
    obs = pd.DataFrame(index=[f"cell{i}" for i in range(cells)])
    var = pd.DataFrame(index=[f"GENE{i}" for i in range(GENES)])
    anndata.AnnData(sparse.csr_matrix((cells, GENES), dtype=np.float32), obs, var).write_h5ad(path)
    rng = np.random.default_rng(1)
    with h5py.File(path, "r+") as file:
        group = file["X"]
        for name in ("data", "indices", "indptr"):
            del group[name]
        group["indptr"] = np.arange(cells + 1, dtype=np.int64) * PER_CELL
        size = cells * PER_CELL
        data = group.create_dataset("data", (size,), np.float32, chunks=(1 << 17,))
        indices = group.create_dataset("indices", (size,), np.int32, chunks=(1 << 17,))
        for start in range(0, cells, 1000):
            rows = min(1000, cells - start)
            part = slice(start * PER_CELL, (start + rows) * PER_CELL)
            step = GENES // PER_CELL
            columns = np.arange(0, GENES, step) + rng.integers(0, step, (rows, PER_CELL))
            indices[part] = columns.ravel()
            data[part] = rng.integers(1, 9, rows * PER_CELL)


def speed(read, batches) -> float:
    start = time.perf_counter()
    read_cells = sum(read(rows) for rows in batches)
    return read_cells / (time.perf_counter() - start)


def from_file(path: Path) -> None:
    matrix = read_cell_file(path, CellFormat(backed=True)).matrix
    rng = np.random.default_rng(2)
    cells, chunk = matrix.shape[0], matrix.chunk
    starts = rng.permutation(np.arange(0, cells - chunk, chunk))
    pools = [
        rng.permutation(np.concatenate([np.arange(a, a + chunk) for a in starts[i : i + POOLED]]))
        for i in range(0, len(starts), POOLED)
    ]
    single = [rng.permutation(cells)[:chunk] for _ in range(2)]

    def ours(rows) -> int:
        return matrix.read(rows).shape[0]

    backed = anndata.read_h5ad(path, backed="r")

    def by_anndata(rows) -> int:
        return backed.X[np.sort(rows)].shape[0]

    pooled = speed(ours, pools)
    print(f"{POOLED} pooled stretches of {chunk:,} rows: {pooled:,.0f} cells/s")
    for name, read in (("random rows", ours), ("random rows, anndata backed", by_anndata)):
        found = speed(read, single)
        print(f"{name}: {found:,.0f} cells/s; ratio {pooled / found:.1f}")
    backed.file.close()
    start = time.perf_counter()
    total = sum(len(part) for part in stream_cells(path, counts=True))
    print(f"streamed for prediction: {total / (time.perf_counter() - start):,.0f} cells/s")


def write_table(path: Path, genes: int = 5000, cells: int = 4000) -> None:
    rng = np.random.default_rng(3)
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write("\t".join(["GENE", *(f"c{i}" for i in range(cells))]) + "\n")
        for gene in range(genes):
            counts = rng.poisson(rng.gamma(0.1), cells)
            file.write(f"GENE{gene}\t" + "\t".join(map(str, counts.tolist())) + "\n")


OURS = """
from pathlib import Path
from cistron.samples.cells.cell_file import CellFormat
from cistron.samples.cells.cell_formats import read_cell_file
file = read_cell_file(Path(sys.argv[1]), CellFormat(orientation="genes_in_rows"))
print(file.matrix.shape)
"""
PANDAS = """
import pandas as pd
from scipy import sparse
frame = pd.read_csv(sys.argv[1], sep="\\t", index_col=0)
print(sparse.csr_matrix(frame.to_numpy().T, dtype="float32").shape)
"""
AROUND = """
import resource, sys, time
{}
print(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def from_text(path: Path) -> None:
    found = {}
    for name, code in (("Cistron", OURS), ("pandas", PANDAS)):
        arguments = [sys.executable, "-c", AROUND.format(code), str(path)]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True)
        shape, numbers = done.stdout.splitlines()
        seconds, memory = map(float, numbers.split())
        found[name] = seconds, memory
        print(f"{name}: {path.name} {shape}: {seconds:.1f} s, peak {memory:,.0f} MB (all imports)")
    (ours, held), (theirs, theirs_held) = found.values()
    print(f"ratio: time {theirs / ours:.1f}, memory {theirs_held / held:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cells(folder / "cells.h5ad", options.cells)
        from_file(folder / "cells.h5ad")
        table = options.table
        if table is None:
            table = folder / "table.txt.gz"
            write_table(table)
        from_text(table)


if __name__ == "__main__":
    main()
