"""Fitting on 16,000 cells x 20,000 genes: Cistron, and scanpy with the same model by hand.

Each way runs in a process of its own, on one thread unless OMP_NUM_THREADS says otherwise. The
ratio is of CPU time, which other work on the machine changes little. Peak memory is what the
process needed beyond what it held with the cells read and everything imported.

python benchmarks/cells_fit.py [--cells 16000] [--genes 20000] [--epochs 5]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse

WAYS = {
    "logistic regression on 2,000 genes": ("cistron_regression", "by_hand_regression"),
    "logistic regression on 50 components": ("cistron_components", "by_hand_components"),
    "mlp on 2,000 genes": ("cistron_network", "by_hand_network"),
}


def make_cells(cells, genes, seed=0):
    """Return counts with about 5 % not zero, as of PC9 cells; the second class has 200 genes up."""
    rng = np.random.default_rng(seed)
    level = rng.lognormal(0.0, 2.0, genes)
    chances = []
    for up in (slice(0, 100), slice(100, 200)):
        mine = level.copy()
        mine[up] = 3 * mine[up] + np.median(level)
        chances.append(np.cumsum(mine / mine.sum()))
    classes = np.arange(cells) % 2
    rows, columns = [], []
    for cell, depth in enumerate(rng.lognormal(np.log(1300), 0.4, cells).astype(int)):
        drawn = np.searchsorted(chances[classes[cell]], rng.random(depth))
        columns.append(np.minimum(drawn, genes - 1).astype(np.int32))
        rows.append(np.full(depth, cell, np.int32))
    place = (np.concatenate(rows), np.concatenate(columns))
    values = sparse.coo_matrix((np.ones(len(place[0]), np.float32), place), (cells, genes)).tocsr()
    return values, classes


def encoded(values, components=None):
    from cistron.base.counts import Counts
    from cistron.experiment.file import parse_encoder
    from cistron.samples.samples import make_samples

    samples = make_samples(Counts.of(values, [f"g{i}" for i in range(values.shape[1])]))
    choice = {"kind": "highly_variable", "number": 2000, "method": "seurat"}
    keys = {"kind": "expression", "genes": choice, "components": components}
    encoder = parse_encoder(keys).fit(samples)
    return encoder.encode(samples)


def cistron_regression(values, classes, _epochs, components=None):
    from cistron.experiment.file import parse_model
    from cistron.models.classical.classical import fit_classical, log_probabilities

    x = encoded(values, components)
    weights = np.ones(len(classes))
    model = fit_classical(parse_model("logistic_regression"), x, classes, weights, 1)
    return float((log_probabilities(model, x).argmax(axis=1) == classes).mean())


def cistron_components(values, classes, epochs):
    return cistron_regression(values, classes, epochs, components=50)


def cistron_network(values, classes, epochs):
    import torch

    from cistron.base.encoded import InputShape
    from cistron.experiment.file import parse_model
    from cistron.models.input import Network
    from cistron.training.examples import Examples
    from cistron.training.fit import train
    from cistron.training.outputs import compute_logits
    from cistron.training.settings import TrainingSettings

    x = encoded(values)
    torch.manual_seed(0)
    network = Network(InputShape("vector", x.shape[1]), parse_model("mlp"), 2)
    settings = TrainingSettings(epochs=epochs, patience=epochs, device="cpu")
    rows = np.arange(len(classes))
    few = rows[::10]
    ones = np.ones(len(classes), np.float32)
    train(
        network,
        Examples(x, classes, ones),
        Examples(x.take(few), classes[few], ones[few]),
        settings,
    )
    return float((compute_logits(network, x, settings).argmax(axis=1) == classes).mean())


def prepared(values, components=None):
    """Return what the tutorials of scanpy make of counts."""
    import anndata
    import scanpy

    data = anndata.AnnData(values)
    scanpy.pp.normalize_total(data)
    scanpy.pp.log1p(data)
    scanpy.pp.highly_variable_genes(data, n_top_genes=2000)
    data = data[:, data.var.highly_variable].copy()
    scanpy.pp.scale(data, max_value=10)
    if components is None:
        return np.asarray(data.X)
    scanpy.pp.pca(data, n_comps=components)
    return data.obsm["X_pca"]


def by_hand_regression(values, classes, _epochs, components=None):
    from sklearn.linear_model import LogisticRegression

    x = prepared(values, components)
    return float(LogisticRegression(max_iter=1000).fit(x, classes).score(x, classes))


def by_hand_components(values, classes, epochs):
    return by_hand_regression(values, classes, epochs, components=50)


def by_hand_network(values, classes, epochs):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from cistron.experiment.file import parse_model

    x, y = torch.from_numpy(prepared(values).astype(np.float32)), torch.from_numpy(classes)
    torch.manual_seed(0)
    network = parse_model("mlp").build(x.shape[1], 2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

    def predicted(rows):
        network.eval()
        with torch.inference_mode():
            return torch.cat([network(part) for part in x[rows].split(256)]).argmax(dim=1)

    for _ in range(epochs):
        network.train()
        for part, targets in DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(part), targets).backward()
            optimizer.step()
        predicted(slice(None, None, 10))
    return float((predicted(slice(None)) == y).float().mean())


def resident(key):
    """Return megabytes that the process holds (VmRSS) or has held at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1024


def run_one(way, folder, epochs):
    warnings.simplefilter("ignore")
    values = sparse.load_npz(folder / "cells.npz")
    classes = np.load(folder / "classes.npy")
    import cistron.classifier.classifier
    import cistron.training.fit  # noqa: F401

    if way.startswith("by_hand"):
        import scanpy  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    before = resident("VmRSS")
    start, worked = time.perf_counter(), time.process_time()
    accuracy = globals()[way](values, classes, epochs)
    seconds = time.perf_counter() - start
    cpu = time.process_time() - worked
    found = {
        "seconds": seconds,
        "cpu": cpu,
        "megabytes": resident("VmHWM") - before,
        "accuracy": accuracy,
    }
    print(json.dumps(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=16_000)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--way", help="run this one, on the cells in the folder")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.way:
        run_one(given.way, given.folder, given.epochs)
        return
    with tempfile.TemporaryDirectory() as name:
        values, classes = make_cells(given.cells, given.genes)
        sparse.save_npz(Path(name) / "cells.npz", values, compressed=False)
        np.save(Path(name) / "classes.npy", classes)
        size = (values.data.nbytes + values.indices.nbytes + values.indptr.nbytes) / 2**20
        share = values.nnz / np.prod(values.shape)
        print(f"{given.cells:,} cells x {given.genes:,} genes, {share:.1%} not zero, {size:.0f} MB")
        for what, pair in WAYS.items():
            found = []
            for way in pair:
                arguments = ["--way", way, "--folder", name, "--epochs", str(given.epochs)]
                run = subprocess.run(
                    [sys.executable, __file__, *arguments],
                    capture_output=True,
                    text=True,
                    check=True,
                    env={"OMP_NUM_THREADS": "1", **os.environ},
                )
                found.append(json.loads(run.stdout.splitlines()[-1]))
                each = found[-1]
                print(
                    f"  {way:20} {each['cpu']:6.1f} s of CPU, {each['seconds']:6.1f} s by the "
                    f"clock, {each['megabytes']:5.0f} MB, "
                    f"accuracy {each['accuracy']:.3f}",
                    flush=True,
                )
            ours, theirs = found
            print(
                f"{what}: {theirs['cpu'] / ours['cpu']:.1f} times as fast, "
                f"{ours['megabytes'] / theirs['megabytes']:.2f} of the memory "
                f"(aim: at most {1.5 * size + 500 - size:.0f} MB beyond the matrix)",
                flush=True,
            )


if __name__ == "__main__":
    main()
