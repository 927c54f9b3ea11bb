"""Batches of cells, in memory and from a file."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from scipy import sparse

from cistron.base.cell_vectors import CellVectors
from cistron.base.encoded import InputShape
from cistron.models.input import Network
from cistron.models.mlp import MLPSettings
from cistron.training import batches
from cistron.training.batches import collate, collated, epoch
from cistron.training.examples import Examples
from cistron.training.fit import train
from cistron.training.outputs import compute_logits
from cistron.training.settings import TrainingSettings

CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class InFile:
    """A matrix that says it lies in a file, and remembers what was read of it."""

    values: sparse.csr_matrix
    chunk: int
    reads: list[np.ndarray] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape

    def read(self, rows: np.ndarray) -> sparse.csr_matrix:
        self.reads.append(rows)
        return self.values[rows]


def vectors(n: int = 300, features: int = 12, chunk: int = 20) -> tuple[CellVectors, CellVectors]:
    """Return the same cells in memory and in a file, of which they are every other row."""
    rng = np.random.default_rng(0)
    values = sparse.random(2 * n, features, 0.3, "csr", np.float32, rng=rng)
    shared = rng.normal(size=features).astype(np.float32)
    rows = np.arange(0, 2 * n, 2)
    held = CellVectors.held(values[rows], shared)
    return held, CellVectors(InFile(values, chunk), rows, shared)


def test_every_cell_is_in_one_batch_of_an_epoch(monkeypatch):
    monkeypatch.setattr(batches, "POOLED", 60)
    _, filed = vectors()
    found = epoch(filed, np.arange(300), 16, 10**6, np.random.default_rng(1))
    assert sorted(np.concatenate(found).tolist()) == list(range(300))
    assert max(map(len, found)) == 16
    again = epoch(filed, np.arange(300), 16, 10**6, np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))
    other = epoch(filed, np.arange(300), 16, 10**6, np.random.default_rng(2))
    assert not all(np.array_equal(a, b) for a, b in zip(found, other, strict=True))


def test_batches_mix_stretches_and_read_each_once(monkeypatch):
    monkeypatch.setattr(batches, "POOLED", 60)
    _, filed = vectors()
    order = epoch(filed, np.arange(300), 15, 10**6, np.random.default_rng(1))
    list(collated(filed, order, CPU))
    reads = filed.matrix.reads
    assert len(reads) == 5  # pools of 60 cells
    assert all((np.diff(rows) > 0).all() for rows in reads)  # in the order of the file
    assert sorted(np.concatenate(reads).tolist()) == list(range(0, 600, 2))
    stretches = {rows.tolist()[0] // 20 for rows in order}
    assert len({row // 20 for row in order[0]}) == 3
    assert len(stretches) > 3


@pytest.mark.parametrize("batch_size", [16, 64, 100])
def test_batches_from_a_file_hold_what_memory_holds(batch_size, monkeypatch):
    monkeypatch.setattr(batches, "POOLED", 60)
    held, filed = vectors()
    # Drawn with replacement, as balanced sampling draws.
    rows = np.random.default_rng(3).integers(0, 300, 400)
    order = epoch(filed, rows, batch_size, 10**6, np.random.default_rng(1))
    assert sorted(np.concatenate(order).tolist()) == sorted(rows.tolist())
    for batch, (x, lengths) in collated(filed, order, CPU):
        assert lengths is None
        assert torch.equal(x, collate(held, batch, CPU).x)


def test_a_network_learns_and_predicts_the_same_from_memory_and_file():
    held, filed = vectors()
    targets = (held[np.arange(300)][:, 0] > np.median(held[np.arange(300)][:, 0])).astype(np.int64)
    settings = TrainingSettings(epochs=15, learning_rate=0.01, device="cpu")
    logits = []
    for x in (held, filed):
        torch.manual_seed(0)
        network = Network(InputShape("vector", 12), MLPSettings(hidden=16), 2)
        examples = Examples(x, targets, np.ones(300, np.float32))
        history = train(network, examples, examples, settings)
        assert history[-1]["validation_accuracy"] > 0.9
        logits.append(compute_logits(network, held, settings, CPU))
        np.testing.assert_allclose(
            compute_logits(network, filed, settings, CPU), logits[-1], atol=1e-6
        )
