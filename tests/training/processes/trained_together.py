"""Trainings whose result must not depend on the number of processes.

The tests run `outcomes` in one process, and this file as a script in two.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cistron.base.cell_vectors import Transformed
from cistron.base.encoded import InputShape
from cistron.base.ragged import Ragged
from cistron.models.cnn import CNNSettings
from cistron.models.gene_attention import GeneAttentionSettings
from cistron.models.input import Network
from cistron.models.mlp import MLPSettings
from cistron.models.published.oncopersistnet import OncoPersistNetSettings
from cistron.models.published.pooled_bilstm import PooledBiLSTMSettings
from cistron.targets.one_class import OneClass
from cistron.training.examples import Examples
from cistron.training.fit import train
from cistron.training.outputs import compute_logits
from cistron.training.processes.processes import together
from cistron.training.settings import TrainingSettings
from tests.models.test_networks import BOTH_STRANDS, EMBEDDING, READERS, named
from tests.models.test_vector_networks import FEATURES, SMALL
from tests.training.test_cell_batches import vectors

VECTOR = InputShape("vector", FEATURES)
SETTINGS = TrainingSettings(
    epochs=1, batch_size=5, learning_rate=1e-3, warmup=0, device="cpu", weight_decay=0.1
)
CNN = CNNSettings(filters=8)
ROWS = 23  # batches of five rows and one of three: two processes have three and two, two and one
ONE_LEFT = 21  # a last batch of one row, which leaves the second process without any


class HalfUsed(nn.Module):
    """A network of which a part never has a gradient, and weight decay must not touch it."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(FEATURES, 3), nn.Linear(4, 4)

    def forward(self, x, lengths=None):
        return self.used(x)


class Broken(Exception):
    pass


def smooth() -> None:
    """Let AdamW not make steps of noise: without it a gradient of 1e-9 moves as far as one of 1."""
    torch.optim.AdamW = partial(torch.optim.AdamW, eps=1e-2)


def outcomes(which: str, checkpoints: Path) -> dict[str, np.ndarray]:
    """Return the logits, and the losses behind them, of every case."""
    found = {}
    for name, network, examples, settings in cases(which):
        file = checkpoints / f"{name}.safetensors"
        history = train(network, examples, examples, settings, checkpoint=file)
        logits = compute_logits(network, examples.x, settings, torch.device("cpu"))
        losses = [e[key] for e in history for key in ("train_loss", "validation_loss")]
        found[name] = np.concatenate([logits.ravel(), losses])
        if isinstance(network, HalfUsed):
            found[name] = np.append(found[name], network.unused.weight.detach().numpy())
    return found


def cases(which: str) -> Iterator[tuple[str, nn.Module, Examples, TrainingSettings]]:
    """Return name, network, examples and settings of every case of `networks` or `others`."""
    yield from {"networks": networks, "others": others, "resumed": resumed}[which]()


def networks():
    for settings in READERS:
        yield case(named(settings), settings, EMBEDDING, of_sequences(ROWS))
    for settings in (
        *SMALL,
        MLPSettings(hidden=8),
        GeneAttentionSettings(width=8, queries=2, hidden=16),
        OncoPersistNetSettings(penalty=0.1),
        PooledBiLSTMSettings(),
    ):
        yield case(settings.kind, settings, VECTOR, of_vectors(ROWS))


def others():
    yield case("one_left", CNN, EMBEDDING, of_sequences(ONE_LEFT))
    # A single vector has no variance: it is normalised as after training.
    yield case("one_vector_left", MLPSettings(hidden=8), VECTOR, of_vectors(ONE_LEFT))
    rows = replace(BOTH_STRANDS, strands_as_rows=True)
    yield case("strands", CNN, rows, of_sequences(ROWS, letters=4))
    balanced = SETTINGS.model_copy(update={"sampling": "balanced", "epochs": 3})
    averaged = SETTINGS.model_copy(update={"ema": 0.9, "label_smoothing": 0.1, "epochs": 2})
    frozen = SETTINGS.model_copy(update={"frozen": ("body.blocks.1", "body.blocks.0.norm.*")})
    yield case("frozen", CNN, EMBEDDING, of_sequences(ROWS), frozen)
    yield case("averaged", CNN, EMBEDDING, of_sequences(ROWS), averaged)
    yield case("balanced", CNN, EMBEDDING, of_sequences(ROWS), balanced)
    yield case("several", CNN, EMBEDDING, memberships(of_sequences(ROWS)))
    yield case("number", CNN, EMBEDDING, numbers(of_sequences(ROWS)), outputs=1)
    yield case("two_heads", CNN, EMBEDDING, two_heads(of_sequences(ROWS)), outputs=5)
    cells = vectors(ROWS, FEATURES, chunk=4)[1]
    doubled = Transformed(cells.matrix, partial(operator.mul, 2), FEATURES)
    of_file = replace(of_vectors(ROWS), x=replace(cells, matrix=doubled))
    yield case("cells_of_a_file", MLPSettings(hidden=8), VECTOR, of_file)
    torch.manual_seed(0)
    yield "half_used", HalfUsed(), of_vectors(ROWS), SETTINGS
    yield from resumed()


def resumed():
    longer = SETTINGS.model_copy(update={"epochs": 4, "patience": 9})
    yield case("resumed", CNN, EMBEDDING, of_sequences(ROWS), longer)


def begin(folder: Path) -> None:
    """Train `resumed` for two of its epochs, and break off."""

    def broken(history):
        if len(history) == 2:
            raise Broken

    name, network, examples, settings = next(resumed())
    file = folder / f"{name}.safetensors"
    with suppress(Broken):
        train(network, examples, examples, settings, checkpoint=file, after_epoch=broken)


def case(name, settings, shape, examples, training=SETTINGS, outputs=3):
    torch.manual_seed(0)
    network = Network(shape, settings, outputs)
    for module in network.modules():  # what it draws is not the same in two processes
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, nn.MultiheadAttention | nn.RNNBase):
            module.dropout = 0.0
    return name, network, examples, training


def of_sequences(rows: int, letters: int = 20) -> Examples:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 40, rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return labelled(Ragged(rng.integers(0, letters, offsets[-1]).astype(np.uint8), offsets))


def of_vectors(rows: int) -> Examples:
    return labelled(np.random.default_rng(0).normal(size=(rows, FEATURES)).astype(np.float32))


def labelled(x) -> Examples:
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.1, 3, len(x)).astype(np.float32)
    return Examples(x, rng.integers(0, 3, len(x)), weights)


def memberships(examples: Examples) -> Examples:
    targets = (np.arange(3) <= examples.targets[:, None]).astype(np.float32)
    return replace(examples, targets=targets, weights=1 + targets)


def numbers(examples: Examples) -> Examples:
    return replace(examples, targets=examples.targets.astype(np.float32) - 1)


def two_heads(examples: Examples) -> Examples:
    first, second = examples.targets, np.where(examples.targets == 0, -1, examples.targets - 1)
    targets = np.stack([first, second], axis=1)
    heads = (OneClass("class", ("a", "b", "c")), OneClass("other", ("d", "e")))
    weights = np.stack([examples.weights, examples.weights * (second >= 0)], axis=1)
    return replace(examples, targets=targets, weights=weights.astype(np.float32), heads=heads)


def main() -> None:
    which, checkpoints, out = sys.argv[1:]
    np.savez(out, **outcomes(which, Path(checkpoints)))


if __name__ == "__main__":
    smooth()
    together(main)
