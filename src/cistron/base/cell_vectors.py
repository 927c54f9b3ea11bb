"""Vectors of cells that are sparse, or still in their file, until a batch needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.counts import BLOCK, InMemory, Matrix


@dataclass(frozen=True, eq=False)
class Transformed:
    """A matrix of which rows are transformed when they are read.

    Parameters
    ----------
    matrix : Matrix
    transform : callable
        Blocks of its rows → blocks of vectors.
    features : int
    """

    matrix: Matrix
    transform: Callable[[sparse.csr_matrix], sparse.csr_matrix]
    features: int

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and features."""
        return self.matrix.shape[0], self.features

    @property
    def chunk(self) -> int:
        """Rows that lie together where they are stored; 0 in memory."""
        return self.matrix.chunk

    def read(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return vectors in the order given."""
        pieces = [
            self.transform(self.matrix.read(rows[start : start + BLOCK]))
            for start in range(0, len(rows), BLOCK)
        ]
        if len(pieces) == 1:
            return pieces[0]
        return sparse.vstack(pieces or [sparse.csr_matrix((0, self.features))], format="csr")


@dataclass(frozen=True, eq=False)
class CellVectors:
    """One vector a cell: a sparse row plus a row that all cells share.

    `vectors[rows]` is the dense matrix of those rows, for a batch.

    Parameters
    ----------
    matrix : Matrix
        The sparse rows, of shape (cells, features).
    rows : ndarray of int64, shape (cells,)
        Which rows of the matrix these cells are.
    shared : ndarray of float32, shape (features,)
        A constant, for a linear model part of its intercept.
    """

    matrix: Matrix
    rows: NDArray[np.int64]
    shared: NDArray[np.float32]

    @classmethod
    def held(cls, values: sparse.csr_matrix, shared: NDArray[np.float32]) -> Self:
        """Return vectors whose sparse rows are in memory."""
        return cls(InMemory(values), np.arange(values.shape[0], dtype=np.int64), shared)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        return self.dense(self.matrix.read(self.rows[rows]))

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and features."""
        return len(self.rows), len(self.shared)

    @property
    def chunk(self) -> int:
        """Rows that lie together where they are stored; 0 where all are in memory."""
        return self.matrix.chunk

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return the vectors of some cells; no number is read or copied."""
        return replace(self, rows=self.rows[rows])

    def blocks(self, size: int = BLOCK) -> Iterator[sparse.csr_matrix]:
        """Return the sparse rows in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self.matrix.read(self.rows[start : start + size])

    def read(self) -> sparse.csr_matrix:
        """Return all sparse rows, float32, shape (cells, features), without `shared`."""
        return self.matrix.read(self.rows)

    def dense(self, block: sparse.csr_matrix) -> NDArray[np.float32]:
        """Return sparse rows with what is shared, as a dense matrix."""
        values = block.toarray()
        values += self.shared
        return values
