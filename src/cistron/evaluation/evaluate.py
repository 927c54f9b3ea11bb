"""How a run is judged: metrics, intervals, calibration, baselines, and figures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cistron.base.document import Document
from cistron.evaluation.intervals import (
    MODEL,
    Bootstrap,
    Interval,
    bootstrap,
    class_scorer,
    resample,
)
from cistron.targets.calls import Calls
from cistron.targets.kinds import target_like
from cistron.targets.metric import Metric
from cistron.targets.target import Target
from cistron.targets.truth import Form, Predictions, Truth, as_predictions

TRUTHS: dict[Form, type] = {"softmax": np.int64, "sigmoid": np.bool_, "number": np.float64}
MOST_GROUPS = 50
DIGITS = 5  # of the points of a curve


@dataclass(frozen=True)
class Judging:
    """How predictions are judged.

    Parameters
    ----------
    resamples, seed : int
        Of the bootstrap.
    headline : str
        The metric by which model and baselines are compared first.
    """

    resamples: int = 1000
    seed: int = 1
    headline: str = "mcc"


def evaluate(
    truth: ArrayLike,
    predictions: ArrayLike | Calls,
    target: Target | Sequence[str],
    groups: ArrayLike | None = None,
    group_columns: Mapping[str, ArrayLike] | None = None,
    baselines: Mapping[str, ArrayLike | Calls] | None = None,
    how: Judging = Judging(),
) -> Document:
    """Score predictions and baselines on the same samples.

    Parameters
    ----------
    truth : array-like of int, shape (n,), of bool, shape (n, classes), or of float, shape (n,)
        Index of each sample's class, all classes it has, or its number.
    predictions : array-like, shape (n, classes), or Calls
        Calls where a sample may have several classes; numbers, shape (n,), where it has a number.
    target : Target, or sequence of str
        What is asked of the samples, or the names of the classes (none where numbers are
        predicted). With two, the last is the positive class.
    groups : array-like, shape (n,), optional
        What the bootstrap resamples; single samples without it.
    group_columns : mapping of str to array-like of shape (n,), optional
        Columns in whose groups accuracy (of several classes: jaccard; of numbers: mae) is
        reported.
    baselines : mapping of str to array-like of shape (n, classes) or to Calls, optional
        What baselines predict of the same samples.
    how : Judging, optional

    Returns
    -------
    dict
        `classes`, `positive`, `headline`, `scores`, `baselines`, `comparison`, of JSON types;
        None for a number that is not defined. Differences are the model minus the best baseline.
    """
    predictions = as_predictions(predictions)
    if not isinstance(target, Target):
        target = target_like(truth, predictions, target)
    truth = np.asarray(truth, dtype=TRUTHS[target.form])
    shape = predictions.shape
    if shape[1:] != ((len(target.classes),) if target.classes else ()):
        raise ValueError(f"{shape} probabilities for {len(target.classes)} classes")
    drawn = bootstrap(truth, predictions, groups, how.resamples, how.seed, baselines, target)
    by_class = {MODEL: class_scorer(target, truth, predictions)} if target.classes else {}
    # Without classes nothing is drawn again: their intervals are not asked for.
    classes = drawn
    if by_class:
        classes = resample(by_class, len(truth), groups, how.resamples, how.seed)
    metric = target.metric(how.headline)
    compared = [m for m in target.metrics if m.compared]
    return {
        "classes": list(target.classes),
        "positive": target.positive,
        "headline": how.headline,
        "scores": {
            "n": len(truth),
            **_metrics(drawn, MODEL),
            **_details(target, truth, predictions, classes),
            "groups": _by_group(target, truth, predictions, group_columns or {}),
            "resampled": _resampled(drawn),
        },
        "baselines": {name: {"n": len(truth), **_metrics(drawn, name)} for name in baselines or {}},
        "comparison": _compare(drawn, metric, compared) if baselines else None,
    }


def _resampled(drawn: Bootstrap) -> str:
    """Say how many of what the bootstrap drew from."""
    things = drawn.unit.removesuffix("s") if drawn.units == 1 else drawn.unit
    return f"{drawn.units} {things}" + (f" ({drawn.note})" if drawn.note else "")


def _metrics(drawn: Bootstrap, predictor: str) -> dict[str, dict[str, float | None]]:
    return {name: _json(drawn.interval(name, predictor)) for name in drawn.observed[predictor]}


def _details(
    target: Target, truth: Truth, predictions: Predictions, intervals: Bootstrap
) -> Document:
    """Return what is known beyond single numbers, of JSON types."""
    details = target.details(truth, predictions)
    if "per_class" in details:
        each = details["per_class"]
        details["per_class"] = {
            name: {
                **{m: int(v[c]) if m == "n" else _number(v[c]) for m, v in each.items()},
                "intervals": {m: _json(intervals.interval(f"{m} {c}")) for m in ("f1", "mcc")},
            }
            for c, name in enumerate(target.classes)
        }
    if "calibration" in details:
        bins = details["calibration"]
        details["calibration"] = [
            {m: int(v[b]) if m == "n" else _number(v[b]) for m, v in bins.items()}
            for b in range(len(bins["n"]))
        ]
    if "curves" in details:
        details["curves"] = {
            name: {kind: _points(line) for kind, line in drawn.items()}
            for name, drawn in details["curves"].items()
        }
    return details


def _by_group(
    target: Target, truth: Truth, predictions: Predictions, columns: Mapping[str, ArrayLike]
) -> dict[str, list[Document]]:
    """Return how right predictions are in the largest groups of each column."""
    name, right = target.right(truth, predictions)
    by_column = {}
    for column, values in columns.items():
        names = pd.Series(values, dtype=object)
        names = names.astype(str).where(names.notna(), "")
        table = pd.DataFrame({"value": names, "right": right}).groupby("value")["right"]
        counts = table.agg(["size", "mean"]).reset_index()
        largest = counts.sort_values(["size", "value"], ascending=[False, True])[:MOST_GROUPS]
        by_column[column] = [
            {"value": value, "n": int(size), name: float(mean)}
            for value, size, mean in largest.itertuples(index=False)
        ]
    return by_column


def _compare(drawn: Bootstrap, metric: Metric, compared: Sequence[Metric]) -> Document:
    """Compare the model with the baseline that is best by the headline metric."""
    rank = {
        name: np.nan_to_num(metric.sign * values[metric.name], nan=-np.inf)
        for name, values in drawn.observed.items()
        if name != MODEL
    }
    best = max(rank, key=lambda name: rank[name])
    difference = drawn.paired_difference(metric.name, best)
    worst, most = sorted((metric.sign * difference.low, metric.sign * difference.high))
    verdict = "better" if worst > 0 else "worse" if most < 0 else "undecided"
    return {
        "baseline": best,
        "metric": metric.name,
        "difference": _json(difference),
        "verdict": verdict,
        "differences": {m.name: _json(drawn.paired_difference(m.name, best)) for m in compared},
    }


def _json(interval: Interval) -> dict[str, float | None]:
    return {
        "value": _number(interval.value),
        "low": _number(interval.low),
        "high": _number(interval.high),
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _points(line: tuple[NDArray[np.float64], NDArray[np.float64]]) -> dict[str, list[float]]:
    return {axis: points.round(DIGITS).tolist() for axis, points in zip("xy", line, strict=True)}
