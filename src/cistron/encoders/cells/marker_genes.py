"""Genes that mark a class: a test of each gene between its training cells and all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.encoders.cells.gene_moments import moments
from cistron.encoders.cells.normalise import TrainingCells

AT_ONCE = 32_000_000  # values that are ranked at a time


def welch_t(cells: TrainingCells, targets: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return Welch's t of each gene between a class and all other cells, shape (classes, genes).

    Welch 1947 (doi:10.1093/biomet/34.1-2.28). Positive where the class has more.
    """
    by_class = moments(cells.blocks(), len(cells.counts.genes), targets, classes)
    statistic = np.zeros_like(by_class.sums)
    for number in range(classes):
        is_class = np.arange(classes) == number
        mean, error = [], []
        for part in (is_class, ~is_class):
            n, sums, squares = (
                x[part].sum(axis=0) for x in (by_class.cells, by_class.sums, by_class.squares)
            )
            average = sums / np.maximum(n, 1)
            mean.append(average)
            spread = np.maximum(squares - sums * average, 0) / np.maximum(n - 1, 1)
            error.append(spread / np.maximum(n, 1))
        difference, noise = mean[0] - mean[1], np.sqrt(error[0] + error[1])
        # A gene that is constant in both parts and differs tells them apart without error.
        limit = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
        statistic[number] = np.divide(difference, noise, out=limit, where=noise > 0)
    return statistic


def wilcoxon(cells: TrainingCells, targets: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return the rank-sum score of each gene between a class and all others, (classes, genes).

    Wilcoxon 1945 (doi:10.2307/3001968), the normal approximation with its correction for ties:
    most cells have zero. Genes are ranked some at a time, so that little is in memory at once. A
    missing value counts as zero.
    """
    genes, n = len(cells.counts.genes), len(cells.counts)
    of_class = np.bincount(targets, minlength=classes).astype(np.float64)
    scores = np.zeros((classes, genes))
    stored = np.cumsum(cells.survey.detected + cells.survey.missing)
    start = 0
    while start < genes:
        before = stored[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(stored, before + AT_ONCE, side="right")))
        part = np.arange(start, stop)
        values = sparse.vstack(list(cells.blocks(part)), format="csc")
        for gene in part:
            span = slice(values.indptr[gene - start], values.indptr[gene - start + 1])
            seen, classes_seen = np.nan_to_num(values.data[span]), targets[values.indices[span]]
            sums, ties = _rank_sums(seen, classes_seen, of_class)
            expected = of_class * (n + 1) / 2
            variance = of_class * (n - of_class) / 12 * (n + 1 - ties / (n * max(n - 1, 1)))
            scores[:, gene] = np.divide(
                sums - expected, np.sqrt(variance), out=np.zeros(classes), where=variance > 0
            )
        start = stop
    return scores


def best_of_each(
    scores: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    names: NDArray[np.object_],
    number: int,
) -> NDArray[np.int64]:
    """Return the first `number` genes of every class, in the order of the genes.

    Parameters
    ----------
    scores : ndarray, shape (classes, genes)
        Only genes with a positive score mark a class.
    allowed : ndarray of bool, shape (genes,)
    names : ndarray of object, shape (genes,)
        Ties go by name.
    number : int
    """
    chosen: set[int] = set()
    for row in scores:
        order = np.lexsort((names, -row))
        chosen |= set(order[(row[order] > 0) & allowed[order]][:number].tolist())
    return np.array(sorted(chosen), dtype=np.int64)


def _rank_sums(
    seen: NDArray[np.float32], classes_seen: NDArray[np.int64], of_class: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return the sum of ranks of each class, and the sum of t³ - t over ties of t cells.

    `seen` are the values that are stored, of cells of the classes `own`; all others are zero.
    """
    n = of_class.sum()
    zeros = n - len(seen)
    values, inverse, tied = np.unique(seen, return_inverse=True, return_counts=True)
    tied = tied.astype(np.float64)
    at_zero = np.searchsorted(values, 0.0)
    if at_zero < len(values) and values[at_zero] == 0:
        tied[at_zero] += zeros
    else:
        values, tied = np.insert(values, at_zero, 0.0), np.insert(tied, at_zero, zeros)
        inverse = inverse + (inverse >= at_zero)
    ranks = np.cumsum(tied) - (tied - 1) / 2
    sums = np.bincount(classes_seen, weights=ranks[inverse], minlength=len(of_class))
    unseen = of_class - np.bincount(classes_seen, minlength=len(of_class))
    return sums + unseen * ranks[at_zero], float((tied**3 - tied).sum())
