"""What EvoAug costs a training step, and how many sequences it changes in a second.

A step of `deepdife` and `cnn` on sequences of 600 bp in batches of 100, with and without EvoAug;
and EvoAug alone beside the usual way, a loop over the sequences of a batch that changes each
one-hot array in NumPy. Both do the same changes with the same probabilities; the sequences are
random.

    python benchmarks/augmentation.py
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from cistron.encoders.one_hot import OneHotSettings
from cistron.experiment.file import parse_model
from cistron.models.input import Network
from cistron.training.augment.evoaug import EvoAug, EvoAugSettings

LENGTH, BATCH = 600, 100
SETTINGS = EvoAugSettings()


def one_by_one(batch, rng):
    """Change one-hot arrays, shape (length, 4), one after the other."""
    s = SETTINGS

    def random_letters(n):
        return np.eye(4, dtype=np.float32)[rng.integers(0, 4, n)]

    changed = []
    for x in batch:
        for kind in rng.choice(s.kinds, size=s.most, replace=False):
            n = len(x)
            if kind == "reverse_complement" and rng.random() < s.reverse_complement:
                x = x[::-1, ::-1]
            elif kind == "deletion":
                size = rng.integers(0, s.deletion + 1)
                start = rng.integers(0, n - size + 1)
                x = np.concatenate([x[:start], x[start + size :]])
            elif kind == "insertion":
                start = rng.integers(0, n + 1)
                put = random_letters(rng.integers(0, s.insertion + 1))
                x = np.concatenate([x[:start], put, x[start:]])
            elif kind == "translocation":
                x = np.roll(x, rng.integers(-s.translocation, s.translocation + 1), axis=0)
            elif kind == "mutation":
                hit = np.flatnonzero(rng.random(n) < s.mutation / 0.75)
                x = x.copy()
                x[hit] = random_letters(len(hit))
            elif kind == "noise":
                x = x + rng.normal(0, s.noise, x.shape).astype(np.float32)
        changed.append(x)
    padded = np.zeros((len(changed), max(map(len, changed)), 4), dtype=np.float32)
    for row, x in enumerate(changed):
        padded[row, : len(x)] = x
    return padded


def median(run, repeats):
    """Return the median time of a call in seconds, after two calls to warm up."""
    seconds = []
    for _ in range(repeats + 2):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[2:]))


def interleaved(first, second, repeats):
    """Return the median times of two calls made in turn: a busy machine slows both alike."""
    seconds = [[], []]
    for number in range(2 * repeats + 4):
        started = time.perf_counter()
        (first, second)[number % 2]()
        seconds[number % 2].append(time.perf_counter() - started)
    return [float(np.median(one[2:])) for one in seconds]


def steps(kind, x, lengths, repeats):
    """Return the seconds of a training step without and with EvoAug."""
    torch.manual_seed(0)
    settings = parse_model(kind)
    net = Network(OneHotSettings(both_strands=False).shape(), settings, 2).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)
    targets = torch.arange(BATCH) % 2
    evoaug = EvoAug(SETTINGS, getattr(settings, "length", None))
    generator = torch.Generator().manual_seed(0)

    def step(*inputs):
        loss = torch.nn.functional.cross_entropy(net(*inputs), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def augmented():
        step(*evoaug(x, lengths, generator))

    return interleaved(lambda: step(x, lengths), augmented, repeats)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (BATCH, LENGTH), dtype=np.uint8)
    x, lengths = torch.from_numpy(codes), torch.full((BATCH,), LENGTH)
    for kind in ("deepdife", "cnn"):
        plain, augmented = steps(kind, x, lengths, options.repeats)
        print(
            f"{kind:<10}step {plain * 1e3:7.1f} ms, with EvoAug {augmented * 1e3:7.1f} ms: "
            f"{augmented / plain - 1:+.1%}"
        )
    evoaug, generator = EvoAug(SETTINGS), torch.Generator().manual_seed(0)
    ours = median(lambda: evoaug(x, lengths, generator), 10 * options.repeats)
    one_hot = np.eye(4, dtype=np.float32)[codes]
    theirs = median(lambda: one_by_one(one_hot, rng), options.repeats)
    print(
        f"EvoAug alone {ours * 1e3:.2f} ms a batch, {BATCH / ours:,.0f} sequences/s; one by one in "
        f"NumPy {theirs * 1e3:.2f} ms, {BATCH / theirs:,.0f} sequences/s: ratio {theirs / ours:.1f}"
    )


if __name__ == "__main__":
    main()
