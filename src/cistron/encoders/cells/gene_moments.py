"""Mean, variance and range of genes, from blocks of cells that are read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the cells of each group; missing values (NaN) are left out.

    Parameters
    ----------
    cells : ndarray of float64, shape (groups, genes)
        Cells that have a value, zero included.
    sums, squares : ndarray of float64, shape (groups, genes)
    """

    cells: NDArray[np.float64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean, shape (groups, genes); 0 without cells."""
        return self.sums / np.maximum(self.cells, 1)

    def variance(self, lost: int = 0) -> NDArray[np.float64]:
        """Return the variance, shape (groups, genes), divided by cells less `lost`."""
        spread = np.maximum(self.squares - self.sums * self.mean, 0)
        return spread / np.maximum(self.cells - lost, 1)


def moments(
    blocks: Iterable[sparse.csr_matrix],
    genes: int,
    codes: NDArray[np.int64] | None = None,
    groups: int = 1,
) -> Moments:
    """Sum values and squares of every gene in one pass.

    Parameters
    ----------
    blocks : iterable of csr_matrix
        All cells in order.
    genes : int
    codes : ndarray of int64, shape (cells,), optional
        Group of each cell; all are one group where not given.
    groups : int
    """
    cells, sums, squares = (np.zeros((groups, genes)) for _ in range(3))
    start = 0
    for block in blocks:
        stop = start + block.shape[0]
        data, place = block.data, block.indices
        if groups > 1 and codes is not None:
            code = np.repeat(codes[start:stop], np.diff(block.indptr))
            place = code.astype(np.int64) * genes + place
            cells += np.bincount(codes[start:stop], minlength=groups)[:, None]
        else:
            cells += block.shape[0]
        lost = np.isnan(data)
        if lost.any():
            cells -= _summed(place[lost], None, cells.shape)
            data, place = data[~lost], place[~lost]
        data = data.astype(np.float64)
        sums += _summed(place, data, cells.shape)
        squares += _summed(place, data * data, cells.shape)
        start = stop
    return Moments(cells, sums, squares)


def extremes(
    blocks: Iterable[sparse.csr_matrix], genes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the largest value of every gene, zero included where it occurs."""
    least, largest = np.full(genes, np.inf), np.full(genes, -np.inf)
    for block in blocks:
        least = np.minimum(least, block.min(axis=0).toarray().ravel())
        largest = np.maximum(largest, block.max(axis=0).toarray().ravel())
    return least, largest


def _summed(
    place: NDArray[np.int64], values: NDArray[np.float64] | None, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    summed = np.bincount(place, weights=values, minlength=shape[0] * shape[1])
    return summed.reshape(shape).astype(np.float64, copy=False)
