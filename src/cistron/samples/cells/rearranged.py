"""Matrices whose columns are in other places, and matrices that stand one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.counts import InMemory, Matrix


@dataclass(frozen=True, eq=False)
class OtherColumns:
    """A matrix whose columns are put in other places; those that meet are added up.

    Parameters
    ----------
    matrix : Matrix
    columns : ndarray of int64, shape (columns of matrix,)
        The column that each one becomes; -1: left out.
    width : int
        Number of columns; one that nothing becomes is zero.
    """

    matrix: Matrix
    columns: NDArray[np.int64]
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return self.matrix.shape[0], self.width

    @property
    def chunk(self) -> int:
        """Rows that are best read together."""
        return self.matrix.chunk

    def read(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return rows in the order given."""
        return move_columns(self.matrix.read(rows), self.columns, self.width)


def put_columns(matrix: Matrix, columns: NDArray[np.int64], width: int) -> Matrix:
    """Return a matrix with its columns in other places (see `OtherColumns`).

    One that is in memory is moved once, any other whenever rows are read.
    """
    if len(columns) == width and (columns == np.arange(width)).all():
        return matrix
    if isinstance(matrix, InMemory):
        return InMemory(move_columns(matrix.values, columns, width))
    return OtherColumns(matrix, columns, width)


def stack(parts: Sequence[Matrix]) -> Matrix:
    """Return matrices of the same genes as one, the cells of each behind those before."""
    held = [part.values for part in parts if isinstance(part, InMemory)]
    if len(held) == len(parts):
        return InMemory(sparse.vstack(held, format="csr"))
    return Stacked(tuple(parts))


def move_columns(
    values: sparse.csr_matrix, columns: NDArray[np.int64], width: int
) -> sparse.csr_matrix:
    """Return a matrix whose column i has become `columns[i]`; see `OtherColumns`."""
    kept = np.flatnonzero(columns >= 0)
    ones = np.ones(len(kept), dtype=values.dtype)
    mover = sparse.csr_matrix((ones, (kept, columns[kept])), shape=(len(columns), width))
    moved = sparse.csr_matrix(values @ mover)
    moved.sort_indices()
    return moved


@dataclass(frozen=True, eq=False)
class Stacked:
    """Matrices of the same genes, one below the other.

    Parameters
    ----------
    parts : tuple of Matrix
    """

    parts: tuple[Matrix, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return sum(part.shape[0] for part in self.parts), self.parts[0].shape[1]

    @property
    def chunk(self) -> int:
        """Rows that are best read together."""
        return max(part.chunk for part in self.parts)

    def read(self, rows: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return rows in the order given."""
        ends = np.cumsum([part.shape[0] for part in self.parts])
        owner = np.searchsorted(ends, rows, side="right")
        parts, places = [], []
        for number, part in enumerate(self.parts):
            mine = np.flatnonzero(owner == number)
            if len(mine):
                parts.append(part.read(rows[mine] - (ends[number] - part.shape[0])))
                places.append(mine)
        if not parts:
            return sparse.csr_matrix((0, self.shape[1]), dtype=np.float32)
        if len(parts) == 1:
            return parts[0]
        back = np.argsort(np.concatenate(places))
        return sparse.vstack(parts, format="csr")[back]
