"""How a run is judged: metrics, intervals, calibration, baselines, and figures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cistron.evaluation.intervals import (
    MODEL,
    Bootstrap,
    Interval,
    bootstrap,
    class_scorer,
    resample,
)
from cistron.targets import number as regression
from cistron.targets import one_class as metrics
from cistron.targets import several as multilabel
from cistron.targets.curves import curves
from cistron.targets.one_class import LOWER_IS_BETTER
from cistron.targets.several import Calls

DIFFERENCES = ("mcc", "roc_auc", "macro_roc_auc", "balanced_accuracy", "log_loss")
SET_DIFFERENCES = ("macro_f1", "macro_mcc", "jaccard", "exact_match", "macro_roc_auc", "log_loss")
NUMBER_DIFFERENCES = ("r2", "pearson", "spearman", "rmse", "mae")
MOST_GROUPS = 50
DIGITS = 5  # of the points of a curve


def evaluate(
    targets: ArrayLike,
    probabilities: ArrayLike | Calls,
    classes: Sequence[str],
    groups: ArrayLike | None = None,
    group_columns: Mapping[str, ArrayLike] | None = None,
    baselines: Mapping[str, Any] | None = None,
    resamples: int = 1000,
    seed: int = 1,
    headline: str = "mcc",
) -> dict[str, Any]:
    """Score predictions and baselines on the same samples.

    Parameters
    ----------
    targets : array-like of int, shape (n,), of bool, shape (n, classes), or of float, shape (n,)
        Index of each sample's class in `classes`, all classes it has, or its number.
    probabilities : array-like, shape (n, classes), or Calls
        Calls where a sample may have several classes; numbers, shape (n,), where it has a number.
    classes : sequence of str
        With two, the last is the positive class; empty where numbers are predicted.
    groups : array-like, shape (n,), optional
        What the bootstrap resamples; single samples without it.
    group_columns : mapping of str to array-like of shape (n,), optional
        Columns in whose groups accuracy (of several classes: jaccard; of numbers: mae) is
        reported.
    baselines : mapping of str to array-like of shape (n, classes) or to Calls, optional
        What baselines predict of the same samples.
    resamples, seed : int
        Of the bootstrap.
    headline : str
        The metric by which model and baselines are compared first.

    Returns
    -------
    dict
        `classes`, `positive`, `headline`, `scores`, `baselines`, `comparison`, of JSON types;
        None for a number that is not defined. Differences are the model minus the best baseline.
    """
    several, of_numbers = isinstance(probabilities, Calls), len(classes) == 0
    predicted: Any = probabilities if several else np.asarray(probabilities, dtype=np.float64)
    kind: Any = bool if several else np.float64 if of_numbers else np.int64
    targets = np.asarray(targets, dtype=kind)
    shape = (predicted.probabilities if several else predicted).shape
    if shape[1:] != (() if of_numbers else (len(classes),)):
        raise ValueError(f"{shape} probabilities for {len(classes)} classes")
    found = bootstrap(targets, predicted, groups, resamples, seed, baselines)
    if of_numbers:
        details: dict[str, Any] = {"quantiles": regression.by_quantile(targets, predicted)}
    else:
        of_classes = {MODEL: class_scorer(targets, predicted)}
        by_class = resample(of_classes, len(targets), groups, resamples, seed)
        details = _details(targets, predicted, classes, by_class)
    if headline not in found.observed[MODEL]:
        raise ValueError(f"{headline!r} is none of {', '.join(found.observed[MODEL])}")
    return {
        "classes": list(classes),
        "positive": classes[-1] if len(classes) == 2 and not several else None,
        "headline": headline,
        "scores": {
            "n": len(targets),
            **_metrics(found, MODEL),
            **details,
            "groups": _by_group(targets, predicted, group_columns or {}),
            "resampled": _resampled(found),
        },
        "baselines": {
            name: {"n": len(targets), **_metrics(found, name)} for name in baselines or {}
        },
        "comparison": _compare(found, headline) if baselines else None,
    }


def _resampled(found: Bootstrap) -> str:
    """Say how many of what the bootstrap drew from."""
    things = found.unit.removesuffix("s") if found.units == 1 else found.unit
    return f"{found.units} {things}" + (f" ({found.note})" if found.note else "")


def _metrics(found: Bootstrap, predictor: str) -> dict[str, dict[str, float | None]]:
    return {name: _json(found.interval(name, predictor)) for name in found.observed[predictor]}


def _details(
    targets: NDArray[Any], predicted: Any, classes: Sequence[str], intervals: Bootstrap
) -> dict[str, Any]:
    """Return what is known beyond single numbers: classes, confusion, calibration, curves."""
    k, several = len(classes), isinstance(predicted, Calls)
    judge: Any = multilabel if several else metrics
    probabilities = predicted.probabilities if several else predicted
    each = judge.per_class(targets, predicted)
    by_class = {
        name: {
            **{m: int(v[c]) if m == "n" else _number(v[c]) for m, v in each.items()},
            "intervals": {m: _json(intervals.interval(f"{m} {c}")) for m in ("f1", "mcc")},
        }
        for c, name in enumerate(classes)
    }
    bins = judge.reliability(targets, predicted)
    calibration = [
        {m: int(v[b]) if m == "n" else _number(v[b]) for m, v in bins.items()}
        for b in range(len(bins["n"]))
    ]
    lines = {
        name: {kind: _points(line) for kind, line in drawn.items()}
        for c, (name, drawn) in enumerate(zip(classes, curves(targets, probabilities), strict=True))
        if drawn is not None and (several or k > 2 or c == 1)
    }
    if several:
        calls = {"set_sizes": multilabel.set_sizes(targets, predicted)}
    else:
        calls = {"confusion": metrics.confusion(targets, probabilities.argmax(axis=1), k).tolist()}
    return {"per_class": by_class, **calls, "calibration": calibration, "curves": lines}


def _by_group(
    targets: NDArray[Any], predicted: Any, columns: Mapping[str, ArrayLike]
) -> dict[str, list[dict[str, Any]]]:
    """Return accuracy, mean Jaccard index or mean error in the largest groups of each column."""
    if isinstance(predicted, Calls):
        name, right = "jaccard", multilabel.overlap(targets, predicted.called)
    elif predicted.ndim == 1:
        name, right = "mae", np.abs(predicted - targets)
    else:
        name, right = "accuracy", (predicted.argmax(axis=1) == targets).astype(np.float64)
    found = {}
    for column, values in columns.items():
        names = pd.Series(values, dtype=object)
        names = names.astype(str).where(names.notna(), "")
        table = pd.DataFrame({"value": names, "right": right}).groupby("value")["right"]
        counts = table.agg(["size", "mean"]).reset_index()
        largest = counts.sort_values(["size", "value"], ascending=[False, True])[:MOST_GROUPS]
        found[column] = [
            {"value": value, "n": int(size), name: float(mean)}
            for value, size, mean in largest.itertuples(index=False)
        ]
    return found


def _compare(found: Bootstrap, headline: str) -> dict[str, Any]:
    """Compare the model with the baseline that is best by the headline metric."""
    sign = -1 if headline in LOWER_IS_BETTER else 1
    rank = {
        name: np.nan_to_num(sign * values[headline], nan=-np.inf)
        for name, values in found.observed.items()
        if name != MODEL
    }
    best = max(rank, key=lambda name: rank[name])
    difference = found.paired_difference(headline, best)
    worst, most = sorted((sign * difference.low, sign * difference.high))
    verdict = "better" if worst > 0 else "worse" if most < 0 else "undecided"
    return {
        "baseline": best,
        "metric": headline,
        "difference": _json(difference),
        "verdict": verdict,
        "differences": {
            metric: _json(found.paired_difference(metric, best))
            for metric in _differences(found)
            if metric in found.observed[MODEL]
        },
    }


def _differences(found: Bootstrap) -> tuple[str, ...]:
    """Return the metrics whose differences are told."""
    if "jaccard" in found.observed[MODEL]:
        return SET_DIFFERENCES
    return NUMBER_DIFFERENCES if "r2" in found.observed[MODEL] else DIFFERENCES


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
