"""One training epoch of `deepcre` and `lcre` on genes of 3,020 bp.

Ours: uint8 codes that become one-hot in the batch. Beside it the same PyTorch network, optimiser
and batch size fed by one-hot float32 arrays through a DataLoader; and the network in Keras, fed by
the same arrays, where Keras is installed with a backend (`KERAS_BACKEND=torch` or `jax`). Each way
runs in a process of its own. The sequences are random: their content changes neither time nor
memory. Memory is what the process grew by from before the data were made to its peak; most of it
are the network's activations, which are the same for both, so what the data take is told too.
Times are of the processor, so that a busy machine tells no lies: give one thread.

    OMP_NUM_THREADS=1 python benchmarks/regulatory_training.py --genes 5000
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import resource
import time

import numpy as np

LENGTH, BATCH = 3020, 64
WAYS = ("codes", "one-hot DataLoader", "keras")


def made(genes):
    """Return codes, shape (genes, LENGTH), and targets."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 4, (genes, LENGTH), dtype=np.uint8), rng.integers(0, 2, genes)


def one_hot(codes):
    return np.eye(4, dtype=np.float32)[codes]


def network(kind):
    import torch

    from cistron.encoders.one_hot import OneHotSettings
    from cistron.experiment.file import parse_model
    from cistron.models.input import Network

    torch.manual_seed(0)
    return Network(OneHotSettings(both_strands=False).shape(), parse_model(kind), 2).train()


def epoch(net, batches):
    import torch

    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-4)
    for number, (forward, targets) in enumerate(batches):
        if number == 1:  # the first step warms up, as Keras' compilation does
            started = time.process_time()
        loss = torch.nn.functional.cross_entropy(forward(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return time.process_time() - started


def with_codes(kind, genes):
    import torch

    from cistron.base.ragged import Ragged
    from cistron.training.batches import collate, input_lengths, shuffled

    net, before = network(kind), peak()
    codes, targets = made(genes + BATCH)
    x = Ragged(codes.reshape(-1), np.arange(len(codes) + 1) * LENGTH)
    rng, cpu = np.random.default_rng(0), torch.device("cpu")
    batches = shuffled(np.arange(len(codes)), input_lengths(x), BATCH, BATCH * LENGTH, rng)
    pairs = ((lambda b=b: net(*collate(x, b, cpu)), torch.from_numpy(targets[b])) for b in batches)
    return epoch(net, pairs), x.values.nbytes, before


def with_loader(kind, genes):
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    net, before = network(kind), peak()
    codes, targets = made(genes + BATCH)
    x = one_hot(codes)
    loader = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(targets)), BATCH, True)
    mask = torch.ones(BATCH, LENGTH, dtype=torch.bool)
    pad = torch.nn.functional.pad
    pairs = ((lambda a=a: pad(net.body(a, mask[: len(a)]), (1, 0)), y) for a, y in loader)
    return epoch(net, pairs), x.nbytes, before


def with_keras(kind, genes):
    import keras
    from keras import layers

    def block(filters):
        twice = [layers.Conv1D(filters, 8, padding="same", activation="relu") for _ in range(2)]
        return [*twice, layers.MaxPooling1D(8, padding="same"), layers.Dropout(0.25)]

    between = [layers.LayerNormalization(), layers.LSTM(64, return_sequences=True)]
    between = [*between, layers.Dropout(0.25)] if kind == "lcre" else []
    head = [layers.Flatten(), layers.Dense(128, "relu"), layers.Dropout(0.25)]
    head += [layers.Dense(64, "relu"), layers.Dense(1, "sigmoid")]
    entry = keras.Input((LENGTH, 4))
    net = keras.Sequential([entry, *block(64), *between, *block(128), *block(64), *head])
    net.compile(keras.optimizers.Adam(1e-4), "binary_crossentropy")
    net.train_on_batch(np.zeros((BATCH, LENGTH, 4)), np.zeros(BATCH))  # compiles
    before = peak()
    codes, targets = made(genes)
    x = one_hot(codes)
    started = time.process_time()
    net.fit(x, targets, batch_size=BATCH, verbose=0)
    return time.process_time() - started, x.nbytes, before


def peak():
    """Return the largest memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(way, kind, genes):
    """Return seconds, bytes of the data, and bytes that the process grew by."""
    run = {"codes": with_codes, "one-hot DataLoader": with_loader, "keras": with_keras}[way]
    seconds, data, before = run(kind, genes)
    return seconds, data, peak() - before


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=5000)
    parser.add_argument("--networks", nargs="+", default=["deepcre", "lcre"])
    options = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    ways = list(WAYS)
    if importlib.util.find_spec("keras") is None:
        ways.remove("keras")
        print("keras: absent (pip install keras brings it; the torch backend is there)")
    processes = multiprocessing.get_context("spawn")
    for kind in options.networks:
        found = {}
        for way in ways:
            with processes.Pool(1) as pool:
                found[way] = pool.apply(measure, (way, kind, options.genes))
            seconds, data, grown = found[way]
            print(
                f"{kind:<9}{way:<20}{options.genes / seconds:>9.1f} genes/s"
                f"{data / 1e6:>9.1f} MB of data{grown / 1e6:>9.0f} MB in all"
            )
        ours = found.pop("codes")
        for way, theirs in found.items():
            print(
                f"{kind}: codes against {way}: speed {theirs[0] / ours[0]:.2f}x, "
                f"data {theirs[1] / ours[1]:.1f}x smaller, memory {theirs[2] / ours[2]:.2f}x"
            )


if __name__ == "__main__":
    main()
