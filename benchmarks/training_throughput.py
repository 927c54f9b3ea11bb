"""Training throughput of `cnn_lstm` over proteins of different lengths.

Ours: batches of similar length. Beside it: the same network, optimiser and batch size, fed by a
plain PyTorch DataLoader that one-hot encodes each protein and pads it to the longest allowed
length. Both see the same proteins; the figure is real residues (not padding) a second.

    python benchmarks/training_throughput.py data --proteins 4000
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

import cistron
from cistron.encoders.proteins.residues import ResiduesSettings
from cistron.experiment.file import parse_model
from cistron.models.input import Network
from cistron.training.batches import collate, input_lengths, shuffled

MAX_LENGTH, BATCH = 1000, 64


class Padded(torch.utils.data.Dataset):
    """One-hot proteins, each padded to MAX_LENGTH."""

    def __init__(self, codes, targets, table):
        self.codes, self.targets, self.table = codes, targets, torch.from_numpy(table)

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, row):
        codes = torch.from_numpy(self.codes[row].astype(np.int64))
        x = torch.zeros(MAX_LENGTH, self.table.shape[1])
        x[: len(codes)] = self.table[codes]
        return x, int(self.targets[row])


def steps(network, batches):
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    network.train()
    for forward, targets in batches:
        loss = functional.cross_entropy(forward(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--proteins", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    files = {
        "negative": options.data / "reps_30_rep_seq_neg.fasta",
        "positive": options.data / "reps_30_rep_seq_pos.fasta",
    }
    samples = cistron.read_fasta(files, min_length=50, conflicts="drop")
    rows = np.random.default_rng(0).permutation(len(samples))[: options.proteins]
    samples = samples.take(rows)
    encoder = ResiduesSettings(max_length=MAX_LENGTH).fit(samples)
    encoded, targets = encoder.encode(samples), samples.targets
    residues = int(input_lengths(encoded).sum())
    cpu = torch.device("cpu")
    settings = parse_model("cnn_lstm")

    def ours():
        torch.manual_seed(0)
        network = Network(encoder.shape, settings, 2)
        order = np.arange(len(samples))
        batches = shuffled(order, input_lengths(encoded), BATCH, 131_072, np.random.default_rng(0))
        pairs = (
            (lambda b=b: network(*collate(encoded, b, cpu)), torch.from_numpy(targets[b]))
            for b in batches
        )
        steps(network, pairs)

    def padded():
        torch.manual_seed(0)
        network = Network(encoder.shape, settings, 2)
        body = network.body
        mask = torch.ones(BATCH, MAX_LENGTH, dtype=torch.bool)
        loader = torch.utils.data.DataLoader(
            Padded(encoded, targets, encoder.shape.table), BATCH, shuffle=True
        )
        pairs = ((lambda x=x: body(x, mask[: len(x)]), y) for x, y in loader)
        steps(network, pairs)

    print(f"{len(samples):,} proteins, {residues:,} residues, {torch.get_num_threads()} threads")
    speeds = {}
    for name, job in (("length-sorted batches", ours), ("padded DataLoader", padded)):
        times = []
        for _ in range(options.repeats):
            start = time.perf_counter()
            job()
            times.append(time.perf_counter() - start)
        speeds[name] = residues / min(times)
        print(f"{name:<24}{speeds[name]:>12,.0f} residues/s (best of {options.repeats})")
    print(f"ratio {speeds['length-sorted batches'] / speeds['padded DataLoader']:.2f}")


if __name__ == "__main__":
    main()
