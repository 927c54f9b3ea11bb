"""From reading cells to predicting others, a sparse matrix never becomes dense."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

CELLS, GENES, PER_CELL = 3_000, 60_000, 60

WHOLE_WAY = """
import resource, sys
from pathlib import Path
from cistron.experiment.file import make_experiment
from cistron.classifier.load import load
from cistron.pipeline.pipeline import fit
from cistron.classifier.predict.predict_cells import NewCells, predict_cell_file

def way(path, model):
    experiment = make_experiment({
        "name": "memory",
        "samples": {"kind": "cells", "path": path, "label": "label", "groups": ["donor"]},
        "split": {"kind": "group", "columns": "donor"},
        "encoder": {"kind": "expression", "genes": {"kind": "highly_variable", "number": 500}},
        "model": {"kind": model},
        "training": {"epochs": 1, "device": "cpu"},
        "evaluation": {"bootstrap": 100},
    })
    run = Path(path).with_suffix(f".{model}")
    fit(experiment, run)
    how = NewCells(label="label", groups=("donor",))
    found = predict_cell_file(load(run), path, run / "calls.parquet", how=how)
    assert found["scores"]["accuracy"]["value"] > 0.7, found["scores"]["accuracy"]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

small, large = (
    max(way(path, model) for model in ("logistic_regression", "mlp")) for path in sys.argv[1:]
)
print((large - small) / 1024)
"""


def write(path: Path, cells: int) -> Path:
    """Write sparse cells of two classes from five donors; 40 genes tell the classes apart."""
    rng = np.random.default_rng(0)
    kind = np.arange(cells) % 2
    columns = rng.integers(80, GENES, (cells, PER_CELL))
    columns[:, :20] = rng.integers(0, 40, (cells, 20)) + 40 * kind[:, None]
    place = (np.repeat(np.arange(cells), PER_CELL), columns.ravel())
    values = sparse.coo_matrix((np.ones(columns.size, np.float32), place), (cells, GENES)).tocsr()
    obs = pd.DataFrame({"label": np.array(["a", "b"])[kind]}, index=[f"c{i}" for i in range(cells)])
    obs["donor"] = [f"d{i // 2 % 5}" for i in range(cells)]
    var = pd.DataFrame(index=[f"g{i}" for i in range(GENES)])
    anndata.AnnData(values, obs, var).write_h5ad(path)
    return path


def test_fit_and_predict_never_make_all_cells_dense(tmp_path):
    paths = [write(tmp_path / f"{cells}.h5ad", cells) for cells in (500, CELLS)]
    arguments = [sys.executable, "-c", WHOLE_WAY, *map(str, paths)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    dense_megabytes = CELLS * GENES * 4 / 2**20  # 687
    assert float(done.stdout) < 200 < dense_megabytes
