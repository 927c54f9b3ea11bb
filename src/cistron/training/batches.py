"""Batches of similar length, so that little is padded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.encoders import Encoded
from cistron.ragged import Ragged

POOL = 32  # batches whose samples are sorted by length together


class Batch(NamedTuple):
    """What a network reads in one step.

    x : tensor, shape (batch, time), (batch, time, channels) or (batch, features)
    lengths : tensor of int64, shape (batch,); None for vectors
    """

    x: torch.Tensor
    lengths: torch.Tensor | None


def input_lengths(encoded: Encoded) -> NDArray[np.int64]:
    """Return the number of positions of every sample; 1 for vectors."""
    return encoded.lengths if isinstance(encoded, Ragged) else np.ones(len(encoded), np.int64)


def by_length(
    lengths: NDArray[np.int64], batch_size: int, max_tokens: int
) -> list[NDArray[np.int64]]:
    """Return batches of rows sorted by length: what prediction walks through.

    A batch has at most `batch_size` rows and, unless it is one row, at most `max_tokens`
    positions when padded to its longest row.
    """
    return _cut(np.argsort(lengths, kind="stable"), lengths, batch_size, max_tokens)


def shuffled(
    rows: NDArray[np.int64],
    lengths: NDArray[np.int64],
    batch_size: int,
    max_tokens: int,
    rng: np.random.Generator,
) -> list[NDArray[np.int64]]:
    """Return one epoch's batches: random pools, sorted by length inside, in random order."""
    rows = rng.permutation(rows)
    size = batch_size * POOL
    batches = []
    for start in range(0, len(rows), size):
        pool = rows[start : start + size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += _cut(pool, lengths, batch_size, max_tokens)
    return [batches[i] for i in rng.permutation(len(batches))]


def collate(encoded: Encoded, rows: NDArray[np.int64], device: torch.device) -> Batch:
    """Return the rows as tensors on the device."""
    if isinstance(encoded, Ragged):
        x, lengths = encoded.padded(rows)
        return Batch(torch.from_numpy(x).to(device), torch.from_numpy(lengths).to(device))
    return Batch(torch.from_numpy(encoded[rows]).to(device), None)


def _cut(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int, max_tokens: int
) -> list[NDArray[np.int64]]:
    """Cut rows, sorted by length, into consecutive batches."""
    batches, start = [], 0
    ordered = lengths[rows]
    while start < len(rows):
        end = min(start + batch_size, len(rows))
        while end - start > 1 and (end - start) * ordered[end - 1] > max_tokens:
            end = max(start + 1, min(end - 1, start + max_tokens // int(ordered[end - 1])))
        batches.append(rows[start:end])
        start = end
    return batches
