"""Genes that vary more between cells than genes of their mean do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from cistron.encoders.cells.gene_moments import moments
from cistron.encoders.cells.loess import loess
from cistron.encoders.cells.normalise import TrainingCells

BINS = 20  # of the mean, in each of which dispersions are compared


def standardised_variance(
    cells: TrainingCells, codes: NDArray[np.int64], groups: int, span: float
) -> NDArray[np.float64]:
    """Return the variance of each gene's counts after standardising by what its mean predicts.

    Method "vst" of Seurat v3 (Stuart et al. 2019, doi:10.1016/j.cell.2019.05.031): the logarithm
    of the variance is regressed on that of the mean; counts are standardised by the regressed
    deviation, and those beyond the square root of the number of cells are cut there.

    Parameters
    ----------
    cells : TrainingCells
        Of counts.
    codes : ndarray of int64, shape (cells,)
        Group of each cell; each is judged by itself.
    groups : int
    span : float
        Of the local regression.

    Returns
    -------
    ndarray, shape (groups, genes)
        0 for genes that are constant.
    """
    genes = len(cells.counts.genes)
    counted = moments(cells.raw(), genes, codes, groups)
    mean, variance, n = counted.mean, counted.variance(lost=1), counted.cells
    deviation = np.zeros_like(mean)
    for group in range(groups):
        varies = (variance[group] > 0) & (mean[group] > 0)
        if varies.any():
            x, y = np.log10(mean[group, varies]), np.log10(variance[group, varies])
            deviation[group, varies] = np.sqrt(10 ** loess(x, y, span))
    limit = deviation * np.sqrt(n) + mean
    clipped = moments(_cut(cells, limit, codes, groups), genes, codes, groups)
    spread = n * mean**2 + clipped.squares - 2 * clipped.sums * mean
    scale = (n - 1) * deviation**2
    return np.divide(spread, scale, out=np.zeros_like(mean), where=scale > 0)


def standardised_dispersion(
    cells: TrainingCells, codes: NDArray[np.int64], groups: int
) -> NDArray[np.float64]:
    """Return the dispersion of each gene against those of genes with a similar mean.

    Satija et al. 2015 (doi:10.1038/nbt.3192): the logarithm of variance / mean of the normalised
    values, without the logarithm of the values themselves, less its mean in one of 20 bins of the
    gene's mean, in units of its deviation there. Of a gene alone in its bin it is 1.

    Returns
    -------
    ndarray, shape (groups, genes)
        Minus infinity for genes that are never seen.
    """
    genes = len(cells.counts.genes)
    counted = moments((_linear(block) for block in cells.blocks()), genes, codes, groups)
    scores = np.empty_like(counted.mean)
    each = zip(counted.mean, counted.variance(lost=1), strict=True)
    for group, (mean, variance) in enumerate(each):
        average = np.where(mean == 0, 1e-12, mean)
        dispersion = variance / average
        logs = np.log(np.where(dispersion == 0, np.nan, dispersion))
        bins = pd.cut(pd.Series(np.log1p(average)), bins=BINS, labels=False)
        by_bin = pd.Series(logs).groupby(bins)
        centre, spread = by_bin.transform("mean"), by_bin.transform("std")
        alone = spread.isna()
        centre, spread = centre.mask(alone, 0.0), spread.mask(alone, centre)
        scores[group] = (logs - centre.to_numpy()) / spread.to_numpy()
    return np.where(np.isnan(scores), -np.inf, scores)


def most_variable(
    scores: NDArray[np.float64], names: NDArray[np.object_], number: int
) -> NDArray[np.int64]:
    """Return the genes that lead in most groups, in the order of the genes.

    A gene's place is the number of groups in which it is among the first `number`, then the
    median of its ranks in those, as Seurat v3 joins batches; ties go by name.

    Parameters
    ----------
    scores : ndarray, shape (groups, genes)
    names : ndarray of object, shape (genes,)
    number : int
        Genes wanted; all where there are fewer.
    """
    ranks = np.empty(scores.shape)
    for group, row in enumerate(scores):
        ranks[group, np.lexsort((names, -row))] = np.arange(len(row))
    leads = ranks < number
    ranks[~leads] = np.nan
    middle = np.full(scores.shape[1], np.inf)
    seen = leads.any(axis=0)
    middle[seen] = np.nanmedian(ranks[:, seen], axis=0)
    order = np.lexsort((names, middle, -leads.sum(axis=0)))
    return np.sort(order[:number])


def _cut(
    cells: TrainingCells, limit: NDArray[np.float64], codes: NDArray[np.int64], groups: int
) -> Iterator[sparse.csr_matrix]:
    """Yield the counts, none above the limit of its gene in the group of its cell."""
    start = 0
    for block in cells.raw():
        group = np.repeat(codes[start : start + block.shape[0]], np.diff(block.indptr))
        most = limit[group, block.indices] if groups > 1 else limit[0, block.indices]
        data = np.minimum(block.data, most)
        yield sparse.csr_matrix((data, block.indices, block.indptr), shape=block.shape)
        start += block.shape[0]


def _linear(block: sparse.csr_matrix) -> sparse.csr_matrix:
    data = np.expm1(block.data.astype(np.float64))
    return sparse.csr_matrix((data, block.indices, block.indptr), shape=block.shape)
