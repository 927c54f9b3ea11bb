"""Which samples are copies of one another, whatever they are samples of."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from cistron.base.counts import Counts
from cistron.samples import letters
from cistron.samples.payload import Payload
from cistron.samples.samples import Sequences


def identical(payload: Payload) -> NDArray[np.int64]:
    """Return a number for each distinct sequence or cell, shape (n,)."""
    if isinstance(payload, Counts):
        return identical_cells(payload)
    if isinstance(payload, Sequences):
        return letters.identical(payload)
    raise TypeError(f"{type(payload).__name__} is neither sequences nor cells")


def identical_cells(cells: Counts) -> NDArray[np.int64]:
    """Return a number for each distinct cell, shape (n,).

    Cells are the same where all genes have the same numbers. Cells in which nothing was found are
    copies of nothing.
    """
    seen: dict[bytes | int, int] = {}
    numbers = np.empty(len(cells), dtype=np.int64)
    row = 0
    for block in cells.blocks():
        block.eliminate_zeros()
        block.sort_indices()
        for start, end in zip(block.indptr[:-1], block.indptr[1:], strict=True):
            genes = block.indices[start:end].astype(np.int32)
            key = _key(genes, block.data[start:end]) if end > start else row
            numbers[row] = seen.setdefault(key, len(seen))
            row += 1
    return numbers


def _key(genes: NDArray[np.int32], values: NDArray[np.float32]) -> bytes:
    """Return 16 bytes for a cell: thousands of millions of cells share none by chance."""
    digest = hashlib.blake2b(genes.tobytes(), digest_size=16)
    digest.update(values.tobytes())
    return digest.digest()
