"""Bootstrap intervals of every metric, and of paired differences between predictors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cistron.targets.calls import Calls
from cistron.targets.kinds import all_metrics, target_like
from cistron.targets.target import Target
from cistron.targets.truth import Predictions, Truth

MODEL = "model"
FEW_GROUPS = 10
PERCENTILES = (2.5, 97.5)
CELLS = 1_000_000  # samples × resamples weighted at a time


Scorer = Callable[[NDArray[np.float64] | None], dict[str, NDArray[np.float64]]]
"""Metrics of one predictor under weights of shape (resamples, n), or None for 1 each."""


@dataclass(frozen=True)
class Interval:
    """A number and its 95 % interval.

    Parameters
    ----------
    value : float
        Over all samples; NaN where it is not defined.
    low, high : float
        2.5th and 97.5th percentile over the resamples; NaN where there are none.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Metrics of one model, and of others on the same samples, over the same resamples.

    Parameters
    ----------
    observed : dict
        Predictor ("model" or a name of the others) → metric → value over all samples.
    resampled : dict
        Predictor → metric → value in every resample, shape (resamples,).
    unit : str
        What was resampled: "groups" or "samples".
    units : int
        How many of them there are.
    note : str
        What is to be said of the intervals; empty where nothing is.
    """

    observed: dict[str, dict[str, float]]
    resampled: dict[str, dict[str, NDArray[np.float64]]]
    unit: str
    units: int
    note: str

    def interval(self, metric: str, predictor: str = MODEL) -> Interval:
        """Return a metric of one predictor."""
        value, values = self.observed[predictor][metric], self.resampled[predictor][metric]
        known = all_metrics().get(metric)
        if known is not None and known.grows:
            return moved_back(value, values, (known.low, known.high))
        return percentiles(value, values)

    def paired_difference(self, metric: str, other: str) -> Interval:
        """Return the model's metric minus that of another predictor on the same resamples."""
        value = self.observed[MODEL][metric] - self.observed[other][metric]
        return percentiles(value, self.resampled[MODEL][metric] - self.resampled[other][metric])


def bootstrap(
    targets: ArrayLike,
    probabilities: ArrayLike | Calls,
    groups: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 1,
    others: Mapping[str, ArrayLike | Calls] | None = None,
    target: Target | None = None,
) -> Bootstrap:
    """Resample groups of samples with replacement, and score every resample.

    Samples of a group (a family, a patient) are not independent, so whole groups are drawn
    (Efron and Tibshirani 1993, https://doi.org/10.1201/9780429246593, percentile intervals).

    Parameters
    ----------
    targets : array-like of int, shape (n,), of bool, shape (n, classes), or of float, shape (n,)
        The class of each sample, all classes it has, or its number.
    probabilities : array-like, shape (n, classes), or Calls
        The model's: Calls where a sample may have several classes; numbers, shape (n,), where it
        has a number.
    groups : array-like, shape (n,), optional
        Samples with the same value are drawn together; without it each sample is drawn alone.
    resamples : int
        Where there are fewer than two groups nothing can be resampled, and intervals are NaN.
    seed : int
    others : mapping of str to array-like of shape (n, classes) or to Calls, optional
        Predictors to compare with, none named "model".
    target : Target, optional
        What is asked of the samples; without it the targets say.
    """
    predictors = {MODEL: probabilities, **(others or {})}
    if len(predictors) != 1 + len(others or {}):
        raise ValueError('"model" cannot be the name of another predictor')
    targets = np.asarray(targets)
    target = target or target_like(targets, probabilities)
    scorers = {
        name: scorer(target, targets, cast("Predictions", predicted))
        for name, predicted in predictors.items()
    }
    return resample(scorers, len(targets), groups, resamples, seed)


def scorer(target: Target, truth: Truth, predicted: Predictions) -> Scorer:
    """Return what scores a prediction under any weights."""
    return lambda weights: target.scores(truth, predicted, weights)


def class_scorer(target: Target, truth: Truth, predicted: Predictions) -> Scorer:
    """Return what scores each class under any weights; metrics are "f1 0", "f1 1", and so on."""

    def each(weights: NDArray[np.float64] | None) -> dict[str, NDArray[np.float64]]:
        scores = target.class_scores(truth, predicted, weights)
        return {f"{name} {c}": row for name, rows in scores.items() for c, row in enumerate(rows)}

    return each


def resample(
    scorers: Mapping[str, Scorer],
    n: int,
    groups: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 1,
) -> Bootstrap:
    """Score predictors on resamples of n samples (see `bootstrap`); equal seeds draw the same."""
    alone = np.arange(n)
    names, group = np.unique(alone if groups is None else np.asarray(groups), return_inverse=True)
    unit = "samples" if len(names) == n else "groups"
    if len(names) < 2:
        resamples = 0
    drawn: dict[str, list[dict[str, NDArray[np.float64]]]] = {name: [] for name in scorers}
    step = max(1, CELLS // max(n, 1))
    for first in range(0, resamples, step):
        last = min(first + step, resamples)
        weights = _draw(len(names), range(first, last), seed)[group].T
        for name, score in scorers.items():
            drawn[name].append(score(weights))
    observed = {
        name: {metric: float(value) for metric, value in score(None).items()}
        for name, score in scorers.items()
    }
    resampled = {
        name: {
            metric: np.concatenate([np.empty(0), *(chunk[metric] for chunk in drawn[name])])
            for metric in observed[name]
        }
        for name in scorers
    }
    return Bootstrap(observed, resampled, unit, len(names), _note(unit, len(names)))


def _draw(units: int, numbers: range, seed: int) -> NDArray[np.float64]:
    """Return how often each unit was drawn, shape (units, resamples).

    Every resample has a generator of its own, so that it does not depend on the chunk it is in.
    """
    counts = np.empty((units, len(numbers)))
    for column, number in enumerate(numbers):
        chosen = np.random.default_rng((seed, number)).integers(units, size=units)
        counts[:, column] = np.bincount(chosen, minlength=units)
    return counts


def percentiles(value: float, resampled: NDArray[np.float64]) -> Interval:
    """Return a number's interval, over the resamples in which it is defined."""
    defined = resampled[~np.isnan(resampled)]
    if len(defined) == 0:
        return Interval(value, np.nan, np.nan)
    low, high = np.percentile(defined, PERCENTILES)
    return Interval(value, float(low), float(high))


def moved_back(
    value: float, resampled: NDArray[np.float64], within: tuple[float, float]
) -> Interval:
    """Return the interval of a number that resampling adds to, less what it adds on average.

    An error of calibration is a sum of distances, which are larger in every resample: plain
    percentiles of one that is small do not contain it (the bias correction of Efron and Tibshirani
    1993, chapter 10). The interval stays in the range `within`, and contains the number.
    """
    plain = percentiles(value, resampled)
    if not np.isfinite(plain.low):
        return plain
    added = float(np.nanmean(resampled)) - value
    low, high = np.clip([plain.low - added, plain.high - added], *within)
    return Interval(value, min(float(low), value), max(float(high), value))


def wilson(hits: int, n: int) -> Interval:
    """Return a share and its 95 % interval after Wilson (1927, doi:10.1080/01621459.1927.10502953).

    Parameters
    ----------
    hits : int
        How many of the n.
    n : int
        Independent draws; without any the share is NaN.
    """
    if n == 0:
        return Interval(np.nan, np.nan, np.nan)
    share, z = hits / n, 1.959963984540054
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    low, high = max(0.0, middle - reach), min(1.0, middle + reach)
    return Interval(share, min(float(low), share), max(float(high), share))


def _note(unit: str, units: int) -> str:
    if units < 2:
        return f"too few {unit} for an interval"
    return f"few {unit}: the interval is rough" if units < FEW_GROUPS else ""
