"""How good predicted probabilities are: every metric, for one weighting of the samples or many.

A bootstrap resample is a weighting (how often each sample was drawn), so hundreds of resamples
are scored in one call. Definitions are scikit-learn's; samples of weight 0 count as absent.

All functions take `targets`, class indices of shape (n,), and `probabilities`, of shape
(n, classes). The predicted class is the most probable one, the first of them where they tie.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ECE_BINS = 15
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece", "hamming_loss", "rmse", "mae"})


def scores(
    targets: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Return every metric.

    With two classes, the second one is the positive: accuracy, balanced_accuracy, precision,
    recall, specificity, f1, mcc, roc_auc, pr_auc (average precision), log_loss (natural
    logarithm), brier (squared error of the positive class), ece.

    With more: accuracy, balanced_accuracy, mcc, macro_precision, macro_recall, macro_f1,
    weighted_f1, macro_roc_auc (one class against the rest), macro_pr_auc, log_loss, brier (squared
    error summed over the classes, hence from 0 to 2), ece.

    Parameters
    ----------
    targets : array-like of int, shape (n,)
    probabilities : array-like of float, shape (n, classes)
    weights : array-like of float, shape (..., n), optional
        Not negative; each sample counts once where not given.

    Returns
    -------
    dict of str to ndarray, shape (...)
        NaN where a metric is not defined: recall, roc_auc and pr_auc without a positive sample,
        specificity and roc_auc without a negative one. As in scikit-learn, precision is 0 where
        nothing is called positive, mcc is 0 where one class is all there is, and balanced_accuracy
        and macro averages are over the classes that occur (macro_precision, macro_recall and
        macro_f1: that occur or are predicted).

    Notes
    -----
    ece is the expected calibration error over 15 equal bins of the probability of the predicted
    class (Guo et al. 2017, https://doi.org/10.48550/arXiv.1706.04599).
    """
    targets, probabilities = _checked(targets, probabilities)
    columns, shape = columns_of(weights, len(targets))
    k = probabilities.shape[1]
    counts = _weighted_confusion(targets, probabilities.argmax(axis=1), columns, k)
    found = overall(counts)
    ranked = [1] if k == 2 else list(range(k))
    each_area = [areas(targets == c, probabilities[:, c], columns) for c in ranked]
    roc_auc, pr_auc = (np.stack(area) for area in zip(*each_area, strict=True))
    each = _each_class(counts)
    if k == 2:
        found |= {name: each[name][1] for name in ("precision", "recall", "specificity", "f1")}
        found |= {"roc_auc": roc_auc[0], "pr_auc": pr_auc[0]}
    else:
        true, called = counts.sum(axis=1), counts.sum(axis=0)
        seen = (true > 0) | (called > 0)
        for name in ("precision", "recall", "f1"):
            found[f"macro_{name}"] = ratio((np.nan_to_num(each[name]) * seen).sum(0), seen.sum(0))
        found["weighted_f1"] = ratio((np.nan_to_num(each["f1"]) * true).sum(0), true.sum(0))
        found |= {"macro_roc_auc": mean_defined(roc_auc), "macro_pr_auc": mean_defined(pr_auc)}
    found |= _of_probabilities(targets, probabilities, columns)
    return {name: values.reshape(shape) for name, values in found.items()}


def per_class(targets: ArrayLike, probabilities: ArrayLike) -> dict[str, Floats]:
    """Return metrics of each class against all others.

    Returns
    -------
    dict of str to ndarray, shape (classes,)
        `n` (samples of the class), precision, recall, specificity, f1, mcc, roc_auc, pr_auc.
    """
    targets, probabilities = _checked(targets, probabilities)
    columns, _ = columns_of(None, len(targets))
    k = probabilities.shape[1]
    counts = _weighted_confusion(targets, probabilities.argmax(axis=1), columns, k)
    each_area = [areas(targets == c, probabilities[:, c], columns) for c in range(k)]
    found = {"n": counts.sum(axis=1)[:, 0]}
    found |= {name: values[:, 0] for name, values in _each_class(counts).items()}
    for place, name in enumerate(("roc_auc", "pr_auc")):
        found[name] = np.array([area[place][0] for area in each_area])
    return found


def class_scores(
    targets: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Return f1 and mcc of each class against all others, shape (classes, …).

    Parameters are those of `scores`.
    """
    targets, probabilities = _checked(targets, probabilities)
    columns, shape = columns_of(weights, len(targets))
    k = probabilities.shape[1]
    each = _each_class(_weighted_confusion(targets, probabilities.argmax(axis=1), columns, k))
    return {name: each[name].reshape(k, *shape) for name in ("f1", "mcc")}


def confusion(targets: ArrayLike, predicted: ArrayLike, k: int) -> Integers:
    """Return how many samples of each class (rows) were called each class (columns).

    Parameters
    ----------
    targets, predicted : array-like of int, shape (n,)
        Class indices below `k`.
    k : int
        Number of classes.

    Returns
    -------
    ndarray of int, shape (k, k)
    """
    cells = np.asarray(targets, dtype=np.int64) * k + np.asarray(predicted, dtype=np.int64)
    return np.bincount(cells, minlength=k * k).reshape(k, k)


def reliability(
    targets: ArrayLike, probabilities: ArrayLike, bins: int = 10
) -> dict[str, NDArray[np.float64]]:
    """Return how often the predicted class is right, by how sure the classifier was.

    Parameters
    ----------
    targets, probabilities : array-like
    bins : int
        Equal parts of the range 0 … 1 of the probability of the predicted class; the upper edge
        belongs to the bin.

    Returns
    -------
    dict of str to ndarray, shape (bins,)
        `low`, `high`, `n`, and the means `confidence` and `accuracy` (NaN where n is 0).
    """
    targets, probabilities = _checked(targets, probabilities)
    confidence, place = _confidence(probabilities, bins)
    correct = probabilities.argmax(axis=1) == targets
    n = np.bincount(place, minlength=bins).astype(np.float64)
    edges = np.linspace(0, 1, bins + 1)
    return {
        "low": edges[:-1],
        "high": edges[1:],
        "n": n,
        "confidence": ratio(np.bincount(place, confidence, minlength=bins).astype(np.float64), n),
        "accuracy": ratio(np.bincount(place, correct, minlength=bins).astype(np.float64), n),
    }


def _checked(targets: ArrayLike, probabilities: ArrayLike) -> tuple[Integers, Floats]:
    targets = np.asarray(targets, dtype=np.int64)
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:
        raise ValueError(f"probabilities have shape {probabilities.shape}, not (n, classes)")
    if targets.shape != probabilities.shape[:1]:
        raise ValueError(f"{targets.shape} targets for {len(probabilities)} rows of probabilities")
    if len(targets) and not (targets.min() >= 0 and targets.max() < probabilities.shape[1]):
        raise ValueError("targets must be class indices from 0 up: unlabelled samples have none")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities must be finite")
    return targets, probabilities


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


def _weighted_confusion(targets: Integers, predicted: Integers, weights: Floats, k: int) -> Floats:
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


def _each_class(counts: Floats) -> dict[str, Floats]:
    """Return metrics of each class against the rest, shape (k, weightings)."""
    hits = np.einsum("iir->ir", counts)
    others = 1 - np.eye(len(counts))
    true, called = counts.sum(axis=1), counts.sum(axis=0)
    # Added up instead of subtracted from the total, so that nothing there is exactly 0.
    return counts_of(hits, true, called, counts.sum(axis=(0, 1)), others @ true, others @ called)


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


def _confidence(probabilities: Floats, bins: int) -> tuple[Floats, Integers]:
    """Return the probability of the predicted class, and its bin (low, high]."""
    confidence = probabilities.max(axis=1, initial=0.0)
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return confidence, place


def _of_probabilities(
    targets: Integers, probabilities: Floats, weights: Floats
) -> dict[str, Floats]:
    """Return log loss, Brier score and expected calibration error, shape (weightings,)."""
    total = weights.sum(axis=0)
    smallest = np.finfo(np.float64).eps
    true = probabilities[np.arange(len(targets)), targets]
    surprise = -np.log(np.clip(true, smallest, 1 - smallest))
    squared = ((probabilities - np.eye(probabilities.shape[1])[targets]) ** 2).sum(axis=1)
    if probabilities.shape[1] == 2:
        squared = squared / 2
    confidence, place = _confidence(probabilities, ECE_BINS)
    excess = confidence - (probabilities.argmax(axis=1) == targets)
    gaps = np.abs(sums(place, ECE_BINS, weights, excess)).sum(axis=0)
    return {
        "log_loss": ratio(surprise @ weights, total),
        "brier": ratio(squared @ weights, total),
        "ece": ratio(gaps, total),
    }
