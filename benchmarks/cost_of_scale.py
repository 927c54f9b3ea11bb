"""What a core does in a second, and what that makes of UniRef50, 100 genomes and 100 M cells.

Times are of the processor, one thread, best of a few repeats; language models have random weights
of ESM-2's published shapes. Core hours are work / rate / 3,600; `--cores` divides them, which holds
where shards, folds and trials are more than cores, and `--price` multiplies them.

    OMP_NUM_THREADS=1 python benchmarks/cost_of_scale.py --sizes 8M 35M 150M 650M
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from cells_predict import Classifier, measured, read_cells, write_cells
from embedding import make_model
from prediction import classifier, write_proteins

import cistron
from cistron.classifier.predict.predict import predict_file
from cistron.encoders.language_models.load import load_language_model
from cistron.encoders.one_hot import OneHotSettings
from cistron.experiment.file import parse_model
from cistron.models.input import Network
from cistron.training.examples import Examples
from cistron.training.fit import train
from cistron.training.outputs import compute_logits
from cistron.training.settings import TrainingSettings

RESIDUES = 300  # of a protein, on average
WINDOW = 3_020  # bases of a gene
WORK = (  # what, how much of it, in what the rate counts
    ("embed UniRef50 (60 M proteins of 300 residues)", "embed-{}", 60e6 * RESIDUES),
    ("predict UniRef50 with cnn_lstm", "predict residues", 60e6 * RESIDUES),
    ("train cnn_lstm on UniRef50, one epoch", "train residues", 60e6 * RESIDUES),
    ("predict 100 genomes of 30,000 genes with deepcre", "predict windows", 3e6),
    ("train deepcre on 100 genomes, one epoch", "train windows", 3e6),
    ("cross-validate deepcre, 12 chromosomes, 30 epochs", "train windows", 3e6 * 12 * 30),
    ("predict 100 M cells of 2,000 genes", "predict cells", 100e6),
)
CHILD = """
import sys
import cistron
samples = cistron.read_fasta(sys.argv[1])
lines = open("/proc/self/status").read().splitlines()
print(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))
"""


def rate(job, work, repeats=2):
    """Return how much of the work a second of the processor does."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        job()
        best = min(best, time.process_time() - start)
    return work / best


def embedding(folder, sizes):
    """Return residues a second of each size, in the precision that `auto` takes on a CPU."""
    found = {}
    for size in sizes:
        place = folder / size
        place.mkdir()
        make_model(place, size)
        n = {"8M": 64, "35M": 32, "150M": 12}.get(size, 4)
        write_proteins(folder / "embed.fasta", n, RESIDUES)
        proteins = cistron.read_fasta(folder / "embed.fasta").payload
        proteins = proteins.take(np.flatnonzero(proteins.lengths <= 1022))
        model = load_language_model(str(place), device="cpu")
        model.embed(proteins.take([0]))
        found[f"embed-{size}"] = rate(
            lambda m=model, p=proteins: m.embed(p), proteins.lengths.sum()
        )
    return found


def proteins_of_a_cnn_lstm(folder):
    """Return residues a second of one training epoch, and of `predict` from a FASTA file."""
    model = classifier(folder, "cnn_lstm")
    write_proteins(folder / "new.fasta", 4_000, RESIDUES)
    samples = cistron.read_fasta(folder / "new.fasta")
    total = int(samples.payload.lengths.sum())
    encoded = model.encoder_.encode(samples)
    n = len(samples)
    known = Examples(encoded, np.arange(n) % 2, np.ones(n, np.float32))
    few = Examples(encoded.take(np.arange(2)), known.targets[:2], known.weights[:2])
    settings = TrainingSettings(epochs=1, device="cpu")
    network = Network(model.encoder_.shape, parse_model("cnn_lstm"), 2)

    def predicted():
        predict_file(model, folder / "new.fasta", folder / "new.tsv", force=True)

    trained = rate(lambda: train(network, known, few, settings), total)
    return {"train residues": trained, "predict residues": rate(predicted, total)}


def genes_of_deepcre(genes=320):
    """Return windows a second of one training epoch and of the logits."""
    from cistron.base.ragged import Ragged

    codes = np.random.default_rng(0).integers(0, 4, genes * WINDOW, dtype=np.uint8)
    x = Ragged(codes, np.arange(genes + 1) * WINDOW)
    known = Examples(x, np.arange(genes) % 2, np.ones(genes, np.float32))
    few = Examples(x.take(np.arange(2)), known.targets[:2], known.weights[:2])
    settings = TrainingSettings(epochs=1, device="cpu")
    network = Network(OneHotSettings(both_strands=False).shape(), parse_model("deepcre"), 2)
    return {
        "train windows": rate(lambda: train(network, known, few, settings), genes),
        "predict windows": rate(lambda: compute_logits(network, x, settings), genes),
    }


def cells(folder, number=100_000):
    """Return cells a second of `predict` from a backed h5ad by logistic regression."""
    write_cells(folder / "train.h5ad", 4_000, seed=0)
    samples = read_cells(folder / "train.h5ad", "label", ["donor"])
    encoder = {"kind": "expression", "genes": {"kind": "all"}}
    Classifier(encoder, "logistic_regression").fit(samples).save(folder / "cells")
    write_cells(folder / "cells.h5ad", number, seed=1)
    out = folder / "calls.parquet"
    _, seconds, _ = measured(folder / "cells", folder / "cells.h5ad", out)
    return {"predict cells": number / seconds}


def memory(folder):
    """Return bytes that reading a labelled protein takes, from the peaks of two sizes."""
    peaks = []
    for number in (100_000, 500_000):
        write_proteins(folder / "many.fasta", number, RESIDUES)
        command = [sys.executable, "-c", CHILD, str(folder / "many.fasta")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout) * 1e6)
    return (peaks[1] - peaks[0]) / 400_000


def main():
    """Measure the rates and print what they make of large work."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["8M", "35M"])
    parser.add_argument("--price", type=float, default=0.04, help="of a core hour, in dollars")
    parser.add_argument("--cores", type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rates = embedding(folder, options.sizes)
        rates |= proteins_of_a_cnn_lstm(folder) | genes_of_deepcre() | cells(folder)
        each = memory(folder)
    print("a second of one core:")
    for what, number in rates.items():
        print(f"  {what:<18}{number:>12,.0f}")
    print(f"reading a protein takes {each:,.0f} bytes of memory\n")
    print(f"{'work':<52}{'core hours':>12}{f'on {options.cores} cores':>14}{'dollars':>10}")
    for what, kind, amount in WORK:
        for size in options.sizes if "{}" in kind else [""]:
            hours = amount / rates[kind.format(size)] / 3600
            label = f"{what}, {size}" if size else what
            money = hours * options.price
            print(f"{label:<52}{hours:>12,.1f}{hours / options.cores:>12,.2f} h{money:>10,.2f}")


if __name__ == "__main__":
    main()
