from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from cistron.samples.samples import Sequences
from cistron.training.batches import by_length, collate, shuffled

lengths_strategy = st.lists(st.integers(1, 500), min_size=1, max_size=300).map(np.array)


@given(lengths_strategy, st.integers(1, 40), st.integers(1, 3000))
def test_batches_hold_every_row_once_within_the_budget(lengths, size, budget):
    for batches in (
        by_length(lengths, size, budget),
        shuffled(np.arange(len(lengths)), lengths, size, budget, np.random.default_rng(0)),
    ):
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
        for rows in batches:
            assert 1 <= len(rows) <= size
            assert len(rows) == 1 or len(rows) * lengths[rows].max() <= budget


def test_shuffled_batches_are_random_between_and_alike_within():
    lengths = np.random.default_rng(0).integers(10, 1000, 5000)
    first = shuffled(np.arange(5000), lengths, 50, 10**9, np.random.default_rng(1))
    second = shuffled(np.arange(5000), lengths, 50, 10**9, np.random.default_rng(2))
    assert any(len(a) != len(b) or (a != b).any() for a, b in zip(first, second, strict=True))
    padded = sum(len(rows) * lengths[rows].max() for rows in first)
    assert padded < 1.1 * lengths.sum()


def test_collate_pads_on_the_right():
    batch = collate(Sequences.from_text(["ARN", "D"]), np.array([1, 0]), torch.device("cpu"))
    assert batch.x.tolist() == [[3, 0, 0], [0, 1, 2]]
    assert batch.lengths.tolist() == [1, 3]
