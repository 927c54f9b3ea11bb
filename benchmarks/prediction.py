"""`predict` against the bare forward passes on the same batches, and its memory over size.

python benchmarks/prediction.py
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

import cistron
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.predict import WINDOW, predict_file
from cistron.samples.sequences.stream import stream
from cistron.training.batches import by_length, collate, input_lengths

LETTERS = np.frombuffer(b"ARNDCQEGHILKMFPSTWYV", dtype=np.uint8)


def write_proteins(path, n, mean_length, seed=0):
    rng = np.random.default_rng(seed)
    with path.open("wb") as stream_:
        for first in range(0, n, 10_000):
            lengths = rng.gamma(2, mean_length / 2, min(10_000, n - first)).astype(int) + 20
            letters = LETTERS[rng.integers(0, 20, lengths.sum())].tobytes()
            ends = np.cumsum(lengths)
            lines = [
                b">p%d\n%s\n" % (first + i, letters[end - size : end])
                for i, (end, size) in enumerate(zip(ends, lengths, strict=True))
            ]
            stream_.write(b"".join(lines))


def classifier(folder, model):
    path = folder / "train.fasta"
    write_proteins(path, 400, 300, seed=1)
    samples = cistron.read_fasta(path)
    samples = cistron.make_samples(samples.payload, labels=["a", "b"] * 200)
    return Classifier("residues", model, {"epochs": 1}).fit(samples)


def bare(model, path):
    """Only what cannot be saved: the network over the batches that predict would use."""
    settings, total = model.training_, 0.0
    model.model_.eval()
    for samples in stream(path, "protein", window=WINDOW):
        encoded = model.encoder_.encode(samples)
        rows = by_length(input_lengths(encoded), 4 * settings.batch_size, settings.max_tokens)
        batches = [collate(encoded, r, torch.device("cpu")) for r in rows]
        start = time.perf_counter()
        with torch.inference_mode():
            for batch in batches:
                model.model_(*batch)
        total += time.perf_counter() - start
    return total


def memory_of(run, path, out):
    code = (
        "import sys, cistron\n"
        "from cistron.classifier.predict.predict import predict_file\n"
        "predict_file(cistron.load(sys.argv[1]), sys.argv[2], sys.argv[3])\n"
        # Not getrusage: what it says includes the parent's peak before exec.
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(next(int(x.split()[1]) / 1024 for x in lines if x.startswith('VmHWM')))"
    )
    start = time.perf_counter()
    arguments = [sys.executable, "-c", code, str(run), str(path), str(out)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return float(done.stdout), time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="cnn_lstm")
    parser.add_argument("--proteins", type=int, default=20_000)
    parser.add_argument("--most", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = classifier(folder, options.model)
        path = folder / "proteins.fasta"
        write_proteins(path, options.proteins, 350)
        forward = min(bare(model, path) for _ in range(3))
        whole = []
        for _ in range(3):
            start = time.perf_counter()
            predict_file(model, path, folder / "p.tsv", force=True)
            whole.append(time.perf_counter() - start)
        print(f"{options.proteins:,} proteins of mean length 370, {options.model}")
        print(
            f"bare forward passes {forward:.2f} s; predict {min(whole):.2f} s; "
            f"ratio {min(whole) / forward:.2f}"
        )
        small = Classifier("composition", "logistic_regression")
        samples = cistron.read_fasta(folder / "train.fasta")
        small.fit(cistron.make_samples(samples.payload, labels=["a", "b"] * 200))
        small.save(folder / "small")
        n = 10_000
        while n <= options.most:
            write_proteins(path, n, 60)
            peak, seconds = memory_of(folder / "small", path, folder / f"{n}.tsv")
            print(f"{n:>9,} records: peak {peak:,.0f} MB, {seconds:.1f} s")
            n *= 10


if __name__ == "__main__":
    main()
