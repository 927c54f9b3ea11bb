"""Batches of similar length, so that little is padded; of cells, batches that lie near another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.base.cell_vectors import CellVectors
from cistron.base.encoded import Encoded
from cistron.base.ragged import Ragged

POOL = 32  # batches whose samples are sorted by length together
POOLED = 16_384  # cells of a file that are read, shuffled and cut into batches together


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


def shuffled_chunks(
    vectors: CellVectors, rows: NDArray[np.int64], batch_size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return one epoch's batches of cells that lie in a file.

    Cells are taken in stretches of `vectors.chunk` rows that lie together there, the stretches in
    random order; about `POOLED` cells of several stretches at a time are shuffled and cut.
    """
    rows = rows[np.argsort(vectors.rows[rows], kind="stable")]
    stretches = [rows[i : i + vectors.chunk] for i in range(0, len(rows), vectors.chunk)]
    together = max(1, POOLED // vectors.chunk)
    order = rng.permutation(len(stretches))
    batches = []
    for start in range(0, len(order), together):
        pool = np.concatenate([stretches[i] for i in order[start : start + together]])
        pool = rng.permutation(pool)
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    return batches


def epoch(
    encoded: Encoded,
    rows: NDArray[np.int64],
    batch_size: int,
    max_tokens: int,
    rng: np.random.Generator,
) -> list[NDArray[np.int64]]:
    """Return one epoch's batches of whatever an encoder made."""
    if isinstance(encoded, CellVectors) and encoded.chunk:
        return shuffled_chunks(encoded, rows, batch_size, rng)
    return shuffled(rows, input_lengths(encoded), batch_size, max_tokens, rng)


def collated(
    encoded: Encoded, batches: list[NDArray[np.int64]], device: torch.device
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Return the batches one by one, with their rows.

    Of cells in a file, those of several batches, up to `POOLED`, are read at once, in the order
    in which they lie there, and kept sparse until their batch.
    """
    if not (isinstance(encoded, CellVectors) and encoded.chunk):
        for rows in batches:
            yield rows, collate(encoded, rows, device)
        return
    for pool in _pools(batches):
        wanted = np.unique(np.concatenate(pool))
        wanted = wanted[np.argsort(encoded.rows[wanted], kind="stable")]
        held = CellVectors.held(encoded.take(wanted).read(), encoded.shared)
        place = np.argsort(wanted)
        for rows in pool:
            inside = place[np.searchsorted(wanted, rows, sorter=place)]
            yield rows, collate(held, inside, device)


def _pools(batches: list[NDArray[np.int64]]) -> Iterator[list[NDArray[np.int64]]]:
    """Return consecutive batches of at most `POOLED` rows together."""
    pool: list[NDArray[np.int64]] = []
    size = 0
    for rows in batches:
        if pool and size + len(rows) > POOLED:
            yield pool
            pool, size = [], 0
        pool.append(rows)
        size += len(rows)
    if pool:
        yield pool


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
