"""What audits and baselines read of cells, in blocks: depth, and log-normalised expression.

An encoder has settings and is part of a classifier; this is the plain, fixed reading by which
cells are judged before there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.counts import Counts
from cistron.samples.samples import Samples

VARIABLE_GENES = 2000
BINS = 20  # of the mean, in which the dispersion of genes is compared
FEWEST_CELLS = 3  # that have a gene, for it to be called variable

Floats = NDArray[np.float64]


def depth(cells: Counts) -> Floats:
    """Return the sum of each cell, and how many genes were found in it, shape (n, 2)."""
    depths = [
        np.column_stack([np.asarray(m.sum(axis=1)).ravel() for m in (block, block > 0)])
        for block in _without_missing(cells)
    ]
    return np.concatenate([np.empty((0, 2)), *depths]).astype(np.float64)


def depth_of(samples: Samples) -> Floats:
    """Return the sum and the number of genes found, shape (n, 2).

    As the source counted them on reading (columns `counts` and `detected`), before genes were left
    out; else from the numbers themselves.
    """
    if {"counts", "detected"} <= set(samples.table.columns):
        return samples.table[["counts", "detected"]].to_numpy(dtype=np.float64)
    return depth(samples.cells)


def are_counts(cells: Counts) -> bool:
    """Return whether the first numbers are whole, as counts are, and not normalised already."""
    first = next(_without_missing(cells), None)
    return first is not None and bool((first.data == np.floor(first.data)).all())


@dataclass(frozen=True)
class Normalisation:
    """Counts made comparable between cells: log(1 + count · size / sum of the cell).

    Parameters
    ----------
    size : float or None
        Median sum of the training cells; None where the numbers are no counts, and are taken as
        they are.
    """

    size: float | None

    @classmethod
    def fit(cls, cells: Counts) -> Self:
        """Return the normalisation of cells."""
        if not are_counts(cells):
            return cls(None)
        sums = depth(cells)[:, 0]
        return cls(float(np.median(sums[sums > 0])) if (sums > 0).any() else 1.0)

    def apply(self, block: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return a block of cells normalised; zeros stay what they are."""
        if self.size is None:
            return block
        sums = np.asarray(block.sum(axis=1)).ravel()
        factor = np.where(sums > 0, self.size / np.maximum(sums, 1e-12), 0.0)
        scaled = block.copy()
        scaled.data = np.log1p(block.data * np.repeat(factor, np.diff(block.indptr)))
        return scaled.astype(np.float32)

    def blocks(self, cells: Counts) -> Iterator[sparse.csr_matrix]:
        """Return the cells normalised, a block at a time."""
        for block in _without_missing(cells):
            yield self.apply(block)

    def read(self, cells: Counts, genes: NDArray[np.int64]) -> sparse.csr_matrix:
        """Return some genes of all cells, normalised: sparse of shape (n, len(genes))."""
        blocks = [block[:, genes] for block in self.blocks(cells)]
        empty = sparse.csr_matrix((0, len(genes)), dtype=np.float32)
        return sparse.vstack([empty, *blocks], format="csr")


def _without_missing(cells: Counts) -> Iterator[sparse.csr_matrix]:
    """Return the cells a block at a time, missing numbers (NaN) as zeros."""
    for block in cells.blocks():
        if np.isnan(block.data).any():
            data = np.nan_to_num(block.data)
            block = sparse.csr_matrix((data, block.indices, block.indptr), shape=block.shape)
        yield block


def moments(
    cells: Counts, normalisation: Normalisation, kinds: NDArray[np.int64], number: int
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return sums, sums of squares, and cells that have the gene, by kind of cell.

    Parameters
    ----------
    cells : Counts
    normalisation : Normalisation
    kinds : ndarray of int, shape (n,)
        From 0 up to and without `number`.
    number : int

    Returns
    -------
    tuple of ndarray, each of shape (number, genes)
    """
    width = len(cells.genes)
    sums, squares = np.zeros((number, width)), np.zeros((number, width))
    having = np.zeros((number, width), dtype=np.int64)
    row = 0
    for block in normalisation.blocks(cells):
        block_kinds = kinds[row : row + block.shape[0]]
        row += block.shape[0]
        each = sparse.csr_matrix(
            (np.ones(len(block_kinds)), (block_kinds, np.arange(len(block_kinds)))),
            shape=(number, len(block_kinds)),
        )
        sums += (each @ block).toarray()
        squares += (each @ block.multiply(block).tocsr()).toarray()
        having += (each @ (block > 0).astype(np.float64)).toarray().astype(np.int64)
    return sums, squares, having


def variable_genes(
    cells: Counts, normalisation: Normalisation, most: int = VARIABLE_GENES
) -> NDArray[np.int64]:
    """Return the columns of the genes that vary more than others of their mean, ascending.

    The logarithm of the dispersion (variance over mean) is standardised among genes of a similar
    mean (Satija et al. 2015, https://doi.org/10.1038/nbt.3192).
    """
    sums, squares, having = (
        found[0] for found in moments(cells, normalisation, np.zeros(len(cells), np.int64), 1)
    )
    used = np.flatnonzero(having >= min(FEWEST_CELLS, max(len(cells), 1)))
    if len(used) <= most:
        return used
    mean = sums[used] / len(cells)
    variance = np.maximum(squares[used] / len(cells) - mean**2, 1e-12)
    dispersion = np.log(variance / mean)
    edges = np.quantile(mean, np.linspace(0, 1, BINS + 1)[1:-1])
    group = np.digitize(mean, edges)
    score = np.empty(len(used))
    for number in np.unique(group):
        members = group == number
        spread = dispersion[members].std()
        centred = dispersion[members] - dispersion[members].mean()
        score[members] = centred / (spread if spread > 0 else 1.0)
    return np.sort(used[np.argsort(-score, kind="stable")[:most]])
