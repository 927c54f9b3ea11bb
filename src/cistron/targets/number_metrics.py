"""How good predicted numbers are: every metric, for one weighting of the samples or many.

As in `cistron.targets.class_metrics`, one call scores one weighting of the samples or hundreds of
bootstrap resamples; samples of weight 0 count as absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cistron.targets.metric import Metric, computed
from cistron.targets.weighted import columns_of, ratio

Floats = NDArray[np.float64]
ROUNDING = 1e-12  # share of the largest squared number below which a variance is rounding error


class Judged:
    """What is known of measured and predicted numbers under each weighting.

    Parameters
    ----------
    truth, predicted : ndarray of float, shape (n,)
    columns : ndarray of float, shape (n, weightings)
    """

    def __init__(self, truth: Floats, predicted: Floats, columns: Floats) -> None:
        self.truth, self.predicted, self.columns = truth, predicted, columns
        self.total = columns.sum(axis=0)

    @cached_property
    def squared(self) -> Floats:
        """Mean squared error."""
        return ratio(((self.predicted - self.truth) ** 2) @ self.columns, self.total)

    @cached_property
    def spread(self) -> Floats:
        """Variance of what was measured; 0 where it is rounding error."""
        centred = _centred(self.truth)
        mean = ratio(centred @ self.columns, self.total)
        spread = ratio((centred**2) @ self.columns, self.total) - mean**2
        return np.where(spread > ROUNDING * np.max(centred**2, initial=0.0), spread, 0.0)

    @property
    def pearson(self) -> Floats:
        """Pearson's correlation."""
        measured, predicted = _centred(self.truth)[:, None], _centred(self.predicted)[:, None]
        return _correlation(measured, predicted, self.columns)

    @property
    def spearman(self) -> Floats:
        """Correlation of the ranks."""
        measured, predicted = (_ranks(each, self.columns) for each in (self.truth, self.predicted))
        return _correlation(measured, predicted, self.columns)


METRICS = (
    Metric(
        "r2",
        "R²",
        "the share of the variance of the number that is explained: 1 minus the squared error over "
        "that of the mean, which scores 0; worse predictions score below",
        lambda judged: 1 - ratio(judged.squared, judged.spread),
        low=-np.inf,
        shown=True,
        compared=True,
        headline=True,
    ),
    Metric(
        "pearson",
        "Pearson",
        "Pearson's correlation of predicted and measured numbers, whatever their scale",
        lambda judged: judged.pearson,
        low=-1.0,
        shown=True,
        compared=True,
        headline=True,
    ),
    Metric(
        "spearman",
        "Spearman",
        "the correlation of their ranks: whether the order is right",
        lambda judged: judged.spearman,
        low=-1.0,
        shown=True,
        compared=True,
        headline=True,
    ),
    Metric(
        "rmse",
        "RMSE",
        "the root of the mean squared error, in the unit of the number; lower is better",
        lambda judged: np.sqrt(judged.squared),
        lower_is_better=True,
        high=np.inf,
        compared=True,
        headline=True,
    ),
    Metric(
        "mae",
        "MAE",
        "the mean absolute error, in the unit of the number; lower is better",
        lambda judged: ratio(
            np.abs(judged.predicted - judged.truth) @ judged.columns, judged.total
        ),
        lower_is_better=True,
        high=np.inf,
        compared=True,
        headline=True,
    ),
)
"""Metrics of numbers."""


def scores(
    targets: ArrayLike,
    predicted: ArrayLike,
    weights: ArrayLike | None = None,
    metrics: Sequence[Metric] = METRICS,
) -> dict[str, Floats]:
    """Return every metric.

    r2 (coefficient of determination: 1 minus the squared error by the variance of the targets; 0
    for answering their mean, below 0 for worse), pearson, spearman (of ranks, tied ones averaged),
    rmse (root of the mean squared error) and mae (mean absolute error), in the unit of the numbers.

    Parameters
    ----------
    targets, predicted : array-like of float, shape (n,)
        Finite.
    weights : array-like of float, shape (..., n), optional
        Not negative; how often each sample counts, once where not given.

    Returns
    -------
    dict of str to ndarray, shape (...)
        NaN where a metric is not defined: correlations where all targets or all predictions are
        equal, r2 where all targets are.
    """
    truth, numbers = _checked(targets, predicted)
    columns, shape = columns_of(weights, len(truth))
    return computed(metrics, Judged(truth, numbers, columns), shape)


def _checked(targets: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    truth = np.asarray(targets, dtype=np.float64)
    told = np.asarray(predicted, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != told.shape:
        raise ValueError(f"{truth.shape} targets for {told.shape} predictions")
    if not (np.isfinite(truth).all() and np.isfinite(told).all()):
        raise ValueError("targets and predictions must be finite")
    return truth, told


def _centred(values: Floats) -> Floats:
    """Return values about their mean, so that large ones of small spread keep their digits."""
    return values - values.mean() if len(values) else values


def _ranks(values: Floats, columns: Floats) -> Floats:
    """Return the ranks under each weighting, ties averaged, shape (n, weightings).

    The rank of a value is the weight below it and half of the weight that has it: what
    averaged ranks of the repeated samples are, but for one half that no correlation sees.
    """
    _, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    firsts = np.flatnonzero(np.diff(place[order], prepend=-1))
    tied = np.add.reduceat(columns[order], firsts, axis=0) if len(values) else columns
    ranks = np.cumsum(tied, axis=0) - tied / 2
    return ranks[place] / np.maximum(columns.sum(axis=0), 1) - 0.5


def _correlation(one: Floats, other: Floats, columns: Floats) -> Floats:
    """Return Pearson's correlation under each weighting, shape (weightings,)."""
    total = columns.sum(axis=0)

    def mean(values: Floats) -> Floats:
        return ratio((values * columns).sum(axis=0), total)

    centre, middle = mean(one), mean(other)
    covariance = mean(one * other) - centre * middle
    variances = [mean(x * x) - m * m for x, m in ((one, centre), (other, middle))]
    least = [ROUNDING * np.max(x * x, initial=0.0) for x in (one, other)]
    varied = (variances[0] > least[0]) & (variances[1] > least[1])
    product = np.sqrt(np.maximum(variances[0], 0)) * np.sqrt(np.maximum(variances[1], 0))
    return np.clip(ratio(covariance, np.where(varied, product, 0.0)), -1, 1)


def by_quantile(targets: ArrayLike, predicted: ArrayLike, bins: int = 10) -> list[dict[str, float]]:
    """Return means of what was measured and predicted, over equal shares by what was predicted.

    Returns
    -------
    list of dict
        `n`, `predicted` and `measured` (means), `low` and `high` (10th and 90th percentile of what
        was measured), from the lowest predictions to the highest.
    """
    truth, told = _checked(targets, predicted)
    order = np.argsort(told, kind="stable")
    return [
        {
            "n": len(rows),
            "predicted": float(told[rows].mean()),
            "measured": float(truth[rows].mean()),
            "low": float(np.percentile(truth[rows], 10)),
            "high": float(np.percentile(truth[rows], 90)),
        }
        for rows in np.array_split(order, max(1, min(bins, len(order))))
        if len(rows)
    ]
