"""How good predictions of several classes a sample are: thresholds, metrics, reliability.

Truth is `memberships`, bool of shape (n, classes): which classes each sample has. A prediction is
the probability of every class, and the classes that are named because of it. As in
`cistron.targets.class_metrics`, one call scores one weighting of the samples or many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cistron.base.document import Document
from cistron.targets.calls import Calls, Sets
from cistron.targets.class_metrics import (
    ECE_BINS,
    F1,
    MCC,
    PR_AUC,
    PRECISION,
    PROBABILITIES,
    RECALL,
    ROC_AUC,
)
from cistron.targets.metric import Metric, computed
from cistron.targets.weighted import areas, columns_of, counts_of, mean_defined, ratio, sums

Floats = NDArray[np.float64]


class Judged:
    """What is known of true and named classes under each weighting; computed where it is asked.

    Parameters
    ----------
    truth : ndarray of bool, shape (n, classes)
    calls : Calls
    columns : ndarray of float, shape (n, weightings)
    """

    def __init__(self, truth: Sets, calls: Calls, columns: Floats) -> None:
        self.truth, self.calls, self.columns = truth, calls, columns
        self.hits, self.true, self.called = _counts(truth, calls.called, columns)

    @cached_property
    def each(self) -> dict[str, Floats]:
        """Metrics of each class by itself, each of shape (classes, weightings)."""
        return counts_of(self.hits, self.true, self.called, self.columns.sum(axis=0))

    @cached_property
    def areas(self) -> tuple[Floats, Floats]:
        """ROC AUC and average precision of each class, shape (classes, weightings)."""
        columns = zip(self.truth.T, self.calls.probabilities.T, strict=True)
        pairs = [areas(*pair, self.columns) for pair in columns]
        roc_auc, pr_auc = (np.stack(area) for area in zip(*pairs, strict=True))
        return roc_auc, pr_auc

    @cached_property
    def of_sets(self) -> dict[str, Floats]:
        """Exact match, Jaccard index and Hamming loss."""
        return _of_sets(self.truth, self.calls.called, self.columns)

    @cached_property
    def of_probabilities(self) -> dict[str, Floats]:
        """Log loss, Brier score and calibration error."""
        return _of_probabilities(self.truth, self.calls, self.columns)

    def macro(self, name: str) -> Floats:
        """Return the mean of a metric over the classes that occur or are named."""
        seen = (self.true > 0) | (self.called > 0)
        return ratio((np.nan_to_num(self.each[name]) * seen).sum(0), seen.sum(0))


METRICS = (
    Metric(
        "exact_match",
        "Exact match",
        "the share of the samples of which exactly the true classes are named",
        lambda judged: judged.of_sets["exact_match"],
        compared=True,
        headline=True,
    ),
    Metric(
        "jaccard",
        "Jaccard index",
        "the classes both true and named over those true or named, averaged over the samples",
        lambda judged: judged.of_sets["jaccard"],
        shown=True,
        compared=True,
        headline=True,
    ),
    Metric(
        "hamming_loss",
        "Hamming loss",
        "the share of all pairs of a sample and a class that are wrong; lower is better",
        lambda judged: judged.of_sets["hamming_loss"],
        lower_is_better=True,
    ),
    PRECISION.averaged(
        "micro", lambda judged: ratio(judged.hits.sum(0), judged.called.sum(0), 0.0)
    ),
    RECALL.averaged("micro", lambda judged: ratio(judged.hits.sum(0), judged.true.sum(0))),
    F1.averaged(
        "micro",
        lambda judged: ratio(2 * judged.hits.sum(0), (judged.true + judged.called).sum(0)),
        headline=True,
    ),
    PRECISION.averaged("macro", lambda judged: judged.macro("precision")),
    RECALL.averaged("macro", lambda judged: judged.macro("recall")),
    F1.averaged(
        "macro", lambda judged: judged.macro("f1"), shown=True, compared=True, headline=True
    ),
    MCC.averaged("macro", lambda judged: judged.macro("mcc")),
    replace(ROC_AUC.averaged("macro", lambda judged: mean_defined(judged.areas[0])), shown=False),
    PR_AUC.averaged("macro", lambda judged: mean_defined(judged.areas[1])),
    *PROBABILITIES,
)
"""Metrics of samples that may have several classes."""


def scores(
    memberships: ArrayLike,
    calls: Calls,
    weights: ArrayLike | None = None,
    metrics: Sequence[Metric] = METRICS,
) -> dict[str, Floats]:
    """Return every metric.

    Of sets: exact_match (the set named is the set that is true), jaccard (size of the
    intersection by that of the union, mean over the samples), hamming_loss (share of the pairs of
    sample and class that are wrong). Of all pairs together: micro_precision, micro_recall,
    micro_f1. Means over the classes: macro_precision, macro_recall, macro_f1, macro_mcc,
    macro_roc_auc, macro_pr_auc. Of the probabilities: log_loss and brier, means over all pairs of
    sample and class; ece.

    Parameters
    ----------
    memberships : array-like of bool, shape (n, classes)
    calls : Calls
    weights : array-like of float, shape (..., n), optional
        Not negative; each sample counts once where not given.
    metrics : sequence of Metric, optional

    Returns
    -------
    dict of str to ndarray, shape (...)
        NaN where a metric is not defined. Macro averages are over the classes that occur or are
        named (areas under curves: that occur and that some sample lacks).

    Notes
    -----
    ece is the expected calibration error over 15 equal bins of the probabilities of the classes
    that are named: how sure the classifier is of what it names against how often that is right.
    Over all pairs it would be near zero for any classifier, for most pairs are easy negatives.
    """
    truth = _checked(memberships, calls)
    columns, shape = columns_of(weights, len(truth))
    return computed(metrics, Judged(truth, calls, columns), shape)


def per_class(memberships: ArrayLike, calls: Calls) -> dict[str, Floats]:
    """Return metrics of each class by itself.

    Returns
    -------
    dict of str to ndarray, shape (classes,)
        `n` (samples that have the class), precision, recall, specificity, f1, mcc, roc_auc,
        pr_auc.
    """
    truth = _checked(memberships, calls)
    columns, _ = columns_of(None, len(truth))
    hits, true, called = _counts(truth, calls.called, columns)
    each_area = [areas(*pair, columns) for pair in zip(truth.T, calls.probabilities.T, strict=True)]
    found = {"n": true[:, 0]}
    each = counts_of(hits, true, called, columns.sum(axis=0))
    found |= {name: values[:, 0] for name, values in each.items()}
    for place, name in enumerate(("roc_auc", "pr_auc")):
        found[name] = np.array([area[place][0] for area in each_area])
    return found


def class_scores(
    memberships: ArrayLike, calls: Calls, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Return f1 and mcc of each class, shape (classes, …), for `weights` as in `scores`."""
    truth = _checked(memberships, calls)
    columns, shape = columns_of(weights, len(truth))
    hits, true, called = _counts(truth, calls.called, columns)
    each = counts_of(hits, true, called, columns.sum(axis=0))
    return {name: each[name].reshape(-1, *shape) for name in ("f1", "mcc")}


def reliability(memberships: ArrayLike, calls: Calls, bins: int = 10) -> dict[str, Floats]:
    """Return how often a class that is named is right, by its probability.

    Returns
    -------
    dict of str to ndarray, shape (bins,)
        `low`, `high`, `n` (pairs of a sample and a class named), and the means `confidence` and
        `accuracy` (NaN where n is 0).
    """
    truth = _checked(memberships, calls)
    confidence, right, place, _ = _named(truth, calls, bins)
    n = np.bincount(place, minlength=bins).astype(np.float64)
    edges = np.linspace(0, 1, bins + 1)
    return {
        "low": edges[:-1],
        "high": edges[1:],
        "n": n,
        "confidence": ratio(np.bincount(place, confidence, minlength=bins).astype(np.float64), n),
        "accuracy": ratio(np.bincount(place, right, minlength=bins).astype(np.float64), n),
    }


def overlap(truth: Sets, called: Sets) -> Floats:
    """Return the Jaccard index of the two sets of each sample, shape (n,); 1 where both are empty.

    Jaccard 1912, https://doi.org/10.1111/j.1469-8137.1912.tb05611.x
    """
    both = np.asarray((truth & called).sum(axis=1), dtype=np.float64)
    either = np.asarray((truth | called).sum(axis=1), dtype=np.float64)
    return ratio(both, either, 1.0)


def set_sizes(memberships: ArrayLike, calls: Calls) -> list[Document]:
    """Return, for each number of classes, how many samples have and are given so many.

    Returns
    -------
    list of dict
        `classes`, `n` (samples that have so many), `named` (samples given so many), and of those
        that have so many the mean `exact_match` and `jaccard` (None where n is 0).
    """
    truth = _checked(memberships, calls)
    having, given = truth.sum(axis=1), calls.called.sum(axis=1)
    jaccard = overlap(truth, calls.called)
    found = []
    for size in range(1, int(max(having.max(initial=1), given.max(initial=1))) + 1):
        own = jaccard[having == size]
        found.append(
            {
                "classes": size,
                "n": len(own),
                "named": int((given == size).sum()),
                "exact_match": float((own == 1).mean()) if len(own) else None,
                "jaccard": float(own.mean()) if len(own) else None,
            }
        )
    return found


def _checked(memberships: ArrayLike, calls: Calls) -> Sets:
    truth = np.asarray(memberships, dtype=bool)
    if truth.ndim != 2 or truth.shape != calls.probabilities.shape:
        raise ValueError(f"{truth.shape} memberships for {calls.probabilities.shape} probabilities")
    if calls.called.shape != truth.shape:
        raise ValueError(f"{truth.shape} memberships for {calls.called.shape} calls")
    if not np.isfinite(calls.probabilities).all():
        raise ValueError("probabilities must be finite")
    return truth


def _counts(truth: Sets, called: Sets, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the weight of hits, of members and of calls, each of shape (classes, weightings)."""
    kinds = (truth & called, truth, called)
    return tuple(kind.T.astype(np.float64) @ weights for kind in kinds)  # type: ignore[return-value]


def _of_sets(truth: Sets, called: Sets, weights: Floats) -> dict[str, Floats]:
    total = weights.sum(axis=0)
    wrong = truth != called
    return {
        "exact_match": ratio((~wrong.any(axis=1)).astype(np.float64) @ weights, total),
        "jaccard": ratio(overlap(truth, called) @ weights, total),
        "hamming_loss": ratio(wrong.mean(axis=1) @ weights, total),
    }


def _of_probabilities(truth: Sets, calls: Calls, weights: Floats) -> dict[str, Floats]:
    total = weights.sum(axis=0)
    smallest = np.finfo(np.float64).eps
    of_truth = np.where(truth, calls.probabilities, 1 - calls.probabilities)
    surprise = -np.log(np.clip(of_truth, smallest, 1 - smallest)).mean(axis=1)
    squared = ((1 - of_truth) ** 2).mean(axis=1)
    confidence, right, place, rows = _named(truth, calls, ECE_BINS)
    weighted = weights[rows]
    gaps = np.abs(sums(place, ECE_BINS, weighted, confidence - right)).sum(axis=0)
    return {
        "log_loss": ratio(surprise @ weights, total),
        "brier": ratio(squared @ weights, total),
        "ece": ratio(gaps, weighted.sum(axis=0)),
    }


def _named(
    truth: Sets, calls: Calls, bins: int
) -> tuple[Floats, Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return probability, rightness, bin (low, high] and row of every class that is named."""
    rows, classes = np.nonzero(calls.called)
    confidence = calls.probabilities[rows, classes]
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return confidence, truth[rows, classes].astype(np.float64), place, rows
