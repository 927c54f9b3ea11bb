"""How good predicted probabilities are: every metric, for one weighting of the samples or many.

A bootstrap resample is a weighting (how often each sample was drawn), so hundreds of resamples
are scored in one call. Definitions are scikit-learn's; samples of weight 0 count as absent.

All functions take `targets`, class indices of shape (n,), and `probabilities`, of shape
(n, classes). The predicted class is the most probable one, the first of them where they tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cistron.targets.metric import Metric, computed
from cistron.targets.weighted import (
    Floats,
    Integers,
    areas,
    columns_of,
    each_class,
    mean_defined,
    overall,
    ratio,
    sums,
    weighted_confusion,
)

ECE_BINS = 15


class Judged:
    """What is known of truth and probabilities under each weighting; computed where it is asked.

    Parameters
    ----------
    targets : ndarray of int, shape (n,)
    probabilities : ndarray of float, shape (n, classes)
    columns : ndarray of float, shape (n, weightings)
    """

    def __init__(self, targets: Integers, probabilities: Floats, columns: Floats) -> None:
        self.targets, self.probabilities, self.columns = targets, probabilities, columns
        self.classes = probabilities.shape[1]

    @cached_property
    def counts(self) -> Floats:
        """Weight by true and by predicted class, shape (classes, classes, weightings)."""
        called = self.probabilities.argmax(axis=1)
        return weighted_confusion(self.targets, called, self.columns, self.classes)

    @cached_property
    def overall(self) -> dict[str, Floats]:
        """See `overall`."""
        return overall(self.counts)

    @cached_property
    def each(self) -> dict[str, Floats]:
        """Metrics of each class against the rest, each of shape (classes, weightings)."""
        return each_class(self.counts)

    @cached_property
    def areas(self) -> tuple[Floats, Floats]:
        """ROC AUC and average precision of the positive class, or of each of several classes."""
        ranked = [1] if self.classes == 2 else range(self.classes)
        pairs = [areas(self.targets == c, self.probabilities[:, c], self.columns) for c in ranked]
        roc_auc, pr_auc = (np.stack(area) for area in zip(*pairs, strict=True))
        return roc_auc, pr_auc

    @cached_property
    def of_probabilities(self) -> dict[str, Floats]:
        """Log loss, Brier score and calibration error."""
        return _of_probabilities(self.targets, self.probabilities, self.columns)

    def macro(self, name: str) -> Floats:
        """Return the mean of a metric over the classes that occur or are predicted."""
        seen = (self.counts.sum(axis=1) > 0) | (self.counts.sum(axis=0) > 0)
        return ratio((np.nan_to_num(self.each[name]) * seen).sum(0), seen.sum(0))

    def by_size(self, name: str) -> Floats:
        """Return the mean of a metric over the classes, weighted by their sizes."""
        true = self.counts.sum(axis=1)
        return ratio((np.nan_to_num(self.each[name]) * true).sum(0), true.sum(0))


ACCURACY = Metric(
    "accuracy",
    "Accuracy",
    "the share of the samples that are called correctly",
    lambda judged: judged.overall["accuracy"],
    shown=True,
    headline=True,
)
BALANCED_ACCURACY = Metric(
    "balanced_accuracy",
    "Balanced accuracy",
    "the share called correctly within each class, averaged over the classes, so that a large "
    "class does not decide; guessing scores one over the number of classes",
    lambda judged: judged.overall["balanced_accuracy"],
    compared=True,
    headline=True,
)
MCC = Metric(
    "mcc",
    "MCC",
    "Matthews correlation coefficient, the agreement of calls and truth from \N{MINUS SIGN}1 "
    "to 1; guessing scores 0, whatever the sizes of the classes",
    lambda judged: judged.overall["mcc"],
    low=-1.0,
    shown=True,
    compared=True,
    headline=True,
)
PRECISION = Metric(
    "precision",
    "Precision",
    "of the samples called a class, the share that belongs to it",
    lambda judged: judged.each["precision"][1],
)
RECALL = Metric(
    "recall",
    "Recall",
    "of the samples of a class, the share that is found (sensitivity)",
    lambda judged: judged.each["recall"][1],
)
SPECIFICITY = Metric(
    "specificity",
    "Specificity",
    "of the samples that are not of a class, the share that is not called it",
    lambda judged: judged.each["specificity"][1],
)
F1 = Metric(
    "f1",
    "F1",
    "the harmonic mean of precision and recall",
    lambda judged: judged.each["f1"][1],
)
ROC_AUC = Metric(
    "roc_auc",
    "ROC AUC",
    "the chance that a sample of the class is ranked above one that is not; guessing scores 0.5",
    lambda judged: judged.areas[0][0],
    shown=True,
    compared=True,
)
PR_AUC = Metric(
    "pr_auc",
    "PR AUC",
    "the area under precision against recall (average precision); guessing scores the share of "
    "the class",
    lambda judged: judged.areas[1][0],
)
LOG_LOSS = Metric(
    "log_loss",
    "Log loss",
    "the mean of minus the logarithm of the probability given to what is true; lower is better",
    lambda judged: judged.of_probabilities["log_loss"],
    lower_is_better=True,
    high=np.inf,
    compared=True,
)
BRIER = Metric(
    "brier",
    "Brier score",
    "the mean squared error of the probabilities, summed over the classes where a sample has one "
    "of more than two; lower is better",
    lambda judged: judged.of_probabilities["brier"],
    lower_is_better=True,
    high=2.0,
)
ECE = Metric(
    "ece",
    "ECE",
    "expected calibration error, the mean distance between how sure the classifier is of what it "
    "calls and how often it is right; lower is better",
    lambda judged: judged.of_probabilities["ece"],
    lower_is_better=True,
    grows=True,
)
PROBABILITIES = (LOG_LOSS, BRIER, ECE)

OF_TWO = (
    ACCURACY,
    BALANCED_ACCURACY,
    MCC,
    PRECISION,
    RECALL,
    SPECIFICITY,
    F1,
    ROC_AUC,
    PR_AUC,
    *PROBABILITIES,
)
"""Metrics of two classes, the second of which is the positive one."""

OF_MANY = (
    ACCURACY,
    BALANCED_ACCURACY,
    MCC,
    PRECISION.averaged("macro", lambda judged: judged.macro("precision")),
    RECALL.averaged("macro", lambda judged: judged.macro("recall")),
    F1.averaged("macro", lambda judged: judged.macro("f1")),
    F1.averaged("weighted", lambda judged: judged.by_size("f1")),
    ROC_AUC.averaged("macro", lambda judged: mean_defined(judged.areas[0])),
    PR_AUC.averaged("macro", lambda judged: mean_defined(judged.areas[1])),
    *PROBABILITIES,
)
"""Metrics of more than two classes."""


def scores(
    targets: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    metrics: Sequence[Metric] = (),
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
    metrics : sequence of Metric, optional
        `OF_TWO` or `OF_MANY` where not given.

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
    chosen = metrics or (OF_TWO if probabilities.shape[1] == 2 else OF_MANY)
    return computed(chosen, Judged(targets, probabilities, columns), shape)


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
    counts = weighted_confusion(targets, probabilities.argmax(axis=1), columns, k)
    each_area = [areas(targets == c, probabilities[:, c], columns) for c in range(k)]
    found = {"n": counts.sum(axis=1)[:, 0]}
    found |= {name: values[:, 0] for name, values in each_class(counts).items()}
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
    each = each_class(weighted_confusion(targets, probabilities.argmax(axis=1), columns, k))
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
