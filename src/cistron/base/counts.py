"""Cells × genes: a sparse matrix, in memory or in its file, that is never made dense."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.arrays import Array
from cistron.base.domains import CELLS, Domain

BLOCK = 4096  # cells that are read, and may be dense, at a time


class Matrix(Protocol):
    """Where the numbers of cells are: `InMemory`, or a file of which parts are read."""

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""

    @property
    def chunk(self) -> int:
        """Rows that are best read together; 0 where any row is as near as any other."""

    def read(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return rows in the order given, float32 of shape (rows, genes), sorted indices."""


@dataclass(frozen=True, eq=False)
class InMemory:
    """A matrix that is held whole.

    Parameters
    ----------
    values : csr_matrix of float32, shape (cells, genes)
    """

    values: sparse.csr_matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return self.values.shape

    @property
    def chunk(self) -> int:
        """Zero: all rows are in memory."""
        return 0

    def read(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return rows in the order given."""
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
            return self.values[rows[0] : rows[-1] + 1]
        return self.values[rows]


@dataclass(frozen=True, eq=False)
class Counts:
    """Expression of cells, one row a cell and one column a gene.

    Parameters
    ----------
    matrix : Matrix
        Counts, or what was made of them; genes that are not stored are zero.
    genes : ndarray of object, shape (genes,)
        Names as the source has them; unique.
    rows : ndarray of int64, shape (cells,)
        Which rows of the matrix these cells are.
    names : dict of str to ndarray of object, shape (genes,)
        Further names of the same genes, by what they are ("symbol", "ensembl"); "" where a gene
        has none.
    """

    domain: ClassVar[Domain] = CELLS
    content: ClassVar[str] = CELLS.content

    matrix: Matrix
    genes: NDArray[np.object_]
    rows: NDArray[np.int64]
    names: dict[str, NDArray[np.object_]]

    @classmethod
    def of(
        cls, values: Array | sparse.spmatrix, genes: Sequence[str], **names: Sequence[str]
    ) -> Self:
        """Return cells from a matrix in memory, dense or sparse, shape (cells, genes)."""
        matrix = sparse.csr_matrix(values, dtype=np.float32)
        matrix.sum_duplicates()
        if matrix.shape[1] != len(genes):
            raise ValueError(f"{matrix.shape[1]} columns and {len(genes)} genes")
        if len(set(genes)) < len(genes):
            raise ValueError("two genes have the same name")
        return cls(
            InMemory(matrix),
            np.array(genes, dtype=object),
            np.arange(matrix.shape[0], dtype=np.int64),
            {name: np.array(values, dtype=object) for name, values in names.items()},
        )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def chunk(self) -> int:
        """Consecutive cells that are best read together; 0 where all are in memory."""
        return self.matrix.chunk

    def take(self, rows: NDArray[np.int64] | Sequence[int]) -> Self:
        """Return the given cells, in the given order; no number is read or copied."""
        return replace(self, rows=self.rows[np.asarray(rows, dtype=np.int64)])

    def span(self, start: int, stop: int) -> Self:
        """Return the consecutive cells from `start` up to and without `stop`."""
        return replace(self, rows=self.rows[start:stop])

    def read(self) -> sparse.csr_matrix:
        """Return all cells at once, float32 of shape (cells, genes): only where they are few."""
        return self.matrix.read(self.rows)

    def blocks(self, size: int = BLOCK) -> Iterator[sparse.csr_matrix]:
        """Return the cells in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield self.matrix.read(self.rows[start : start + size])

    @property
    def known(self) -> Iterable[NDArray[np.object_]]:
        """All names of the genes: first their own, then the further ones."""
        return [self.genes, *self.names.values()]
