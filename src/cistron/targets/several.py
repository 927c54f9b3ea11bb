"""How good predictions of several classes a sample are: thresholds, metrics, reliability.

Truth is `memberships`, bool of shape (n, classes): which classes each sample has. A prediction is
the probability of every class, and the classes that are named because of it. As in
`cistron.targets.one_class`, one call scores one weighting of the samples or many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cistron.targets.one_class import (
    ECE_BINS,
    areas,
    columns_of,
    counts_of,
    mean_defined,
    ratio,
    sums,
)

Floats = NDArray[np.float64]
Sets = NDArray[np.bool_]
USUAL_THRESHOLD = 0.5
RULES = ("f1", "mcc", "none")


@dataclass(frozen=True, eq=False)
class Calls:
    """What is predicted of samples that may have several classes.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n, classes)
    called : ndarray of bool, shape (n, classes)
        The classes that are named.
    """

    probabilities: Floats
    called: Sets

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, rows: Any) -> Calls:
        return Calls(self.probabilities[rows], self.called[rows])


def call(probabilities: ArrayLike, thresholds: ArrayLike = USUAL_THRESHOLD) -> Sets:
    """Return the classes that reach their threshold; where none does, the most probable one.

    Parameters
    ----------
    probabilities : array-like, shape (n, classes)
    thresholds : array-like, shape (classes,), or one number
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    called = probabilities >= np.asarray(thresholds, dtype=np.float64)
    none = np.flatnonzero(~called.any(axis=1))
    called[none, probabilities[none].argmax(axis=1)] = True
    return called


def choose_thresholds(memberships: ArrayLike, probabilities: ArrayLike, rule: str) -> Floats:
    """Return for each class the threshold that is best on these (validation) samples.

    Parameters
    ----------
    memberships : array-like of bool, shape (n, classes)
    probabilities : array-like of float, shape (n, classes)
    rule : {"f1", "mcc", "none"}
        What is maximised for each class by itself.

    Returns
    -------
    ndarray of float, shape (classes,)
        Halfway between two probabilities that occur; of equally good ones that nearest to 0.5. It
        is 0.5 with the rule "none", and for a class that no sample, or every one, has.
    """
    truth = np.asarray(memberships, dtype=bool)
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if rule not in RULES:
        raise ValueError(f"no rule {rule!r} for thresholds: use one of {', '.join(RULES)}")
    thresholds = np.full(truth.shape[1], USUAL_THRESHOLD)
    if rule != "none":
        for c in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
            thresholds[c] = _best_threshold(truth[:, c], probabilities[:, c], rule)
    return thresholds


def _best_threshold(truth: Sets, score: Floats, rule: str) -> float:
    values, place = np.unique(score, return_inverse=True)
    between = (values[1:] + values[:-1]) / 2
    candidates = np.concatenate([values[:1] / 2, between, (values[-1:] + 1) / 2])
    below = np.bincount(place, minlength=len(values)), np.bincount(place, truth, len(values))
    n, positives = len(truth), truth.sum()
    called = n - np.append(0, np.cumsum(below[0])).astype(np.float64)
    hits = positives - np.append(0, np.cumsum(below[1])).astype(np.float64)
    if rule == "f1":
        merit = 2 * hits / (positives + called)
    else:
        covariance = hits * n - positives * called
        merit = ratio(covariance, np.sqrt(called * (n - called)), 0.0)
    best = np.flatnonzero(merit >= merit.max() - 1e-12)
    return float(candidates[best[np.abs(candidates[best] - USUAL_THRESHOLD).argmin()]])


def scores(
    memberships: ArrayLike, calls: Calls, weights: ArrayLike | None = None
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
    hits, true, called = _counts(truth, calls.called, columns)
    total = columns.sum(axis=0)
    found = _of_sets(truth, calls.called, columns)
    found |= {
        "micro_precision": ratio(hits.sum(0), called.sum(0), 0.0),
        "micro_recall": ratio(hits.sum(0), true.sum(0)),
        "micro_f1": ratio(2 * hits.sum(0), (true + called).sum(0)),
    }
    each = counts_of(hits, true, called, total)
    seen = (true > 0) | (called > 0)
    for name in ("precision", "recall", "f1", "mcc"):
        found[f"macro_{name}"] = ratio((np.nan_to_num(each[name]) * seen).sum(0), seen.sum(0))
    each_area = [areas(*pair, columns) for pair in zip(truth.T, calls.probabilities.T, strict=True)]
    roc_auc, pr_auc = (np.stack(area) for area in zip(*each_area, strict=True))
    found |= {"macro_roc_auc": mean_defined(roc_auc), "macro_pr_auc": mean_defined(pr_auc)}
    found |= _of_probabilities(truth, calls, columns)
    return {name: values.reshape(shape) for name, values in found.items()}


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


def set_sizes(memberships: ArrayLike, calls: Calls) -> list[dict[str, Any]]:
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
