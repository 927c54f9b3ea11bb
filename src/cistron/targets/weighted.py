"""Sums over weighted samples, for one weighting or for many: what metrics are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


Integers = NDArray[np.int64]


def columns_of(weights: ArrayLike | None, n: int) -> tuple[Floats, tuple[int, ...]]:
    """Return weights as columns, shape (n, weightings), and the shape of the answer."""
    if weights is None:
        return np.ones((n, 1)), ()
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape[-1:] != (n,):
        raise ValueError(f"weights of shape {weights.shape} for {n} samples")
    shape = weights.shape[:-1]
    size = int(np.prod(shape, dtype=np.int64))
    return np.ascontiguousarray(weights.reshape(size, n).T), shape


def sums(cells: Integers, size: int, weights: Floats, values: Floats | None = None) -> Floats:
    """Sum weights (times values) by cell, shape (size, weightings)."""
    from scipy.sparse import csc_array

    n = len(cells)
    data = np.ones(n) if values is None else values
    return csc_array((data, cells, np.arange(n + 1)), shape=(size, n)) @ weights


def ratio(above: Floats, below: Floats, undefined: float = np.nan) -> Floats:
    """Divide; `undefined` where the divisor is 0."""
    result = np.full(np.broadcast_shapes(np.shape(above), np.shape(below)), undefined)
    return np.divide(above, below, out=result, where=np.asarray(below) > 0)


def mean_defined(values: Floats) -> Floats:
    """Return the mean over the first axis of what is not NaN."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0))


def counts_of(
    hits: Floats,
    true: Floats,
    called: Floats,
    total: Floats,
    true_others: Floats | None = None,
    called_others: Floats | None = None,
) -> dict[str, Floats]:
    """Return precision, recall, specificity, f1 and mcc from counts (weights) of each class.

    Parameters
    ----------
    hits, true, called : ndarray, shape (k, weightings)
        Samples called the class rightly, samples of the class, samples called it.
    total : ndarray, shape (weightings,)
        All samples.
    true_others, called_others : ndarray, shape (k, weightings), optional
        Samples not of the class, and not called it: what is left of the total.
    """
    true_others = total - true if true_others is None else true_others
    called_others = total - called if called_others is None else called_others
    missed, false = true - hits, called - hits
    rejected = true_others - false
    spread = np.sqrt(true * true_others * called * called_others)
    return {
        "precision": np.where(total > 0, ratio(hits, called, undefined=0.0), np.nan),
        "recall": ratio(hits, true),
        "specificity": ratio(rejected, true_others),
        "f1": ratio(2 * hits, true + called),
        "mcc": np.where(total > 0, ratio(hits * rejected - missed * false, spread, 0.0), np.nan),
    }


def areas(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return ROC AUC and average precision, each of shape (weightings,).

    Only score values that a positive sample has matter: for each, the weight of the positives
    and negatives that have it, and of the negatives between it and the one above.
    """
    order = np.argsort(-score, kind="stable")
    score, positive = score[order], positive[order]
    block = np.cumsum(np.diff(score, prepend=score[:1]) != 0)
    with_positive = np.bincount(block, positive, minlength=len(score)) > 0
    steps = np.cumsum(with_positive)
    m = int(steps[-1]) + 1 if len(steps) else 1
    tied = with_positive[block]
    step = steps[block] - tied
    cells = np.empty(len(score), dtype=np.int64)
    cells[order] = step + m * np.where(positive, 0, np.where(tied, 1, 2))
    here, tie, gap = sums(cells, 3 * m, weights).reshape(3, m, -1)
    found, passed = np.cumsum(here, axis=0), np.cumsum(gap + tie, axis=0)
    positives, negatives = found[-1], passed[-1]
    misranked = (here * (passed - tie / 2)).sum(axis=0)
    roc_auc = 1 - ratio(misranked, positives * negatives)
    pr_auc = ratio((here * ratio(found, found + passed, 0.0)).sum(axis=0), positives)
    return roc_auc, pr_auc


def weighted_confusion(targets: Integers, predicted: Integers, weights: Floats, k: int) -> Floats:
    """Return the weight by true and by predicted class, shape (k, k, weightings)."""
    return sums(targets * k + predicted, k * k, weights).reshape(k, k, -1)


def overall(counts: Floats) -> dict[str, Floats]:
    """Return what confusion matrices, shape (k, k, weightings), say of all classes together.

    `accuracy`, `balanced_accuracy` and `mcc`, each of shape (weightings,).
    """
    k = len(counts)
    true, called, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum(axis=(0, 1))
    correct = np.einsum("iir->ir", counts)
    # Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006
    covariance = correct.sum(axis=0) * total - (true * called).sum(axis=0)
    others = 1 - np.eye(k)
    spread = np.sqrt((true * (others @ true)).sum(0) * (called * (others @ called)).sum(0))
    mcc = ratio(covariance, spread, undefined=0.0)
    return {
        "accuracy": ratio(correct.sum(axis=0), total),
        "balanced_accuracy": mean_defined(ratio(correct, true)),
        "mcc": np.where(total > 0, mcc, np.nan),
    }


def each_class(counts: Floats) -> dict[str, Floats]:
    """Return metrics of each class against the rest, shape (k, weightings)."""
    hits = np.einsum("iir->ir", counts)
    others = 1 - np.eye(len(counts))
    true, called = counts.sum(axis=1), counts.sum(axis=0)
    # Added up instead of subtracted from the total, so that nothing there is exactly 0.
    return counts_of(hits, true, called, counts.sum(axis=(0, 1)), others @ true, others @ called)
