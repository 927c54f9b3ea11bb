"""Prediction of a million cells from a backed h5ad: cells a second, and constant memory.

Counts of 2,000 genes, 400 of them in each cell, are written chunk by chunk; logistic regression on
all genes, fitted on 4,000 cells of four donors, predicts them in a process of its own, as `cistron
predict` does. Times are without its start (imports), the summary included. Files are deleted in
the end; a million cells take 3.2 GB.

python benchmarks/cells_predict.py [--cells 100000 1000000] [--out .parquet] [--folder DIR]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from cistron.classifier.classifier import Classifier
from cistron.samples.cells.cells import read_cells

GENES, PER_CELL, ROWS = 2_000, 400, 5_000


def write_cells(path: Path, cells: int, seed: int) -> None:
    """Write an h5ad of cells of two classes, each with 100 genes that it has more of."""
    rng = np.random.default_rng(seed)
    obs = pd.DataFrame(index=[f"cell{number}" for number in range(cells)])
    obs["label"] = pd.Categorical(np.where(np.arange(cells) % 2, "treated", "untreated"))
    obs["donor"] = pd.Categorical([f"donor{number // 2 % 4}" for number in range(cells)])
    var = pd.DataFrame(index=[f"GENE{number}" for number in range(GENES)])
    anndata.AnnData(sparse.csr_matrix((cells, GENES), dtype=np.float32), obs, var).write_h5ad(path)
    with h5py.File(path, "r+") as file:
        group = file["X"]
        for name in ("data", "indices", "indptr"):
            del group[name]
        group["indptr"] = np.arange(cells + 1, dtype=np.int64) * PER_CELL
        size = cells * PER_CELL
        data = group.create_dataset("data", (size,), np.float32, chunks=(1 << 17,))
        indices = group.create_dataset("indices", (size,), np.int32, chunks=(1 << 17,))
        step = GENES // PER_CELL
        for start in range(0, cells, ROWS):
            rows = min(ROWS, cells - start)
            part = slice(start * PER_CELL, (start + rows) * PER_CELL)
            chosen = np.arange(0, GENES, step) + rng.integers(0, step, (rows, PER_CELL))
            depth = rng.lognormal(np.log(4), 0.4, (rows, 1))
            counts = rng.integers(1, 2 + depth.astype(np.int64), chosen.shape)
            treated = ((start + np.arange(rows)) % 2 == 1)[:, None]
            counts += np.where(treated, chosen < 100, chosen >= GENES - 100)
            indices[part], data[part] = chosen.ravel(), counts.ravel()


CHILD = """
import sys, time
import cistron
from cistron.classifier.predict.predict_cells import predict_cell_file
classifier = cistron.load(sys.argv[1])
begin, cpu = time.perf_counter(), time.process_time()
predict_cell_file(classifier, sys.argv[2], sys.argv[3])
print(time.perf_counter() - begin, time.process_time() - cpu)
# Not getrusage: what it says includes the parent's peak before exec.
lines = open("/proc/self/status").read().splitlines()
print(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))
"""


def measured(model: Path, source: Path, out: Path) -> list[float]:
    """Predict in a new process; return seconds on the clock, seconds of CPU and peak MB."""
    command = [sys.executable, "-c", CHILD, str(model), str(source), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()]


def main() -> None:
    """Measure each number of cells."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--out", default=".parquet", choices=[".parquet", ".tsv", ".h5ad"])
    parser.add_argument("--folder", type=Path, help="where there is room; a temporary one without")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        write_cells(folder / "train.h5ad", 4_000, seed=0)
        samples = read_cells(folder / "train.h5ad", "label", ["donor"])
        encoder = {"kind": "expression", "genes": {"kind": "all"}}
        Classifier(encoder, "logistic_regression").fit(samples).save(folder / "model")
        for cells in options.cells:
            source, out = folder / "cells.h5ad", folder / f"calls{options.out}"
            write_cells(source, cells, seed=1)
            wall, cpu, peak = measured(folder / "model", source, out)
            print(
                f"{cells:,} cells: {wall:.1f} s on the clock, {cpu:.1f} s of CPU "
                f"({cells / cpu:,.0f} cells a CPU second), peak {peak:,.0f} MB",
                flush=True,
            )
            source.unlink()
            out.unlink()


if __name__ == "__main__":
    main()
