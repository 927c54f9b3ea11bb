"""Groups of cells one by one (a donor, a sample, a data set): scores and composition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cistron.base.document import Document
from cistron.evaluation.intervals import Interval, percentiles, wilson
from cistron.targets.weighted import overall

RESAMPLES = 1000


def group_scores(
    labels: ArrayLike,
    predicted: ArrayLike,
    groups: ArrayLike,
    classes: Sequence[str],
    metric: str,
    seed: int = 1,
) -> list[Document]:
    """Score each group by itself, with intervals over its cells.

    The interval of the accuracy is Wilson's; that of the other metric is the percentile bootstrap
    over cells. All of both that matters is the confusion matrix, so that a resample is one draw of
    a multinomial, however many cells there are.

    Parameters
    ----------
    labels, predicted : array-like of str, shape (n,)
    groups : array-like of str, shape (n,)
    classes : sequence of str
    metric : {"mcc", "balanced_accuracy"}
    seed : int

    Returns
    -------
    list of dict
        `value` (of the group), `n`, `accuracy` and the metric, each Interval; by name of the group.
        The MCC of a group with one class is NaN.
    """
    k, rows = len(classes), []
    table = _coded(labels, predicted, groups, classes)
    for number, (value, cells) in enumerate(table.groupby("group", sort=True)):
        n = len(cells)
        confusion = np.bincount(k * cells["true"] + cells["called"], minlength=k * k)
        rng = np.random.default_rng((seed, number))
        drawn = rng.multinomial(n, confusion / n, RESAMPLES).T.reshape(k, k, -1)
        score = float(overall(confusion.reshape(k, k, 1).astype(float))[metric][0])
        interval = percentiles(score, overall(drawn.astype(float))[metric])
        if metric == "mcc" and cells["true"].nunique() < 2:
            interval = Interval(np.nan, np.nan, np.nan)
        right = int((cells["true"] == cells["called"]).sum())
        rows.append({"value": value, "n": n, "accuracy": wilson(right, n), metric: interval})
    return rows


def compositions(
    labels: ArrayLike, predicted: ArrayLike, groups: ArrayLike, classes: Sequence[str]
) -> list[Document]:
    """Return what share of each group's cells is of each class, as labelled and as predicted.

    Returns
    -------
    list of dict
        `value` (of the group), `n`, `true` (class → share) and `predicted` (class → Interval,
        Wilson's); by name of the group.
    """
    rows = []
    for value, cells in _coded(labels, predicted, groups, classes).groupby("group", sort=True):
        n = len(cells)
        true, called = (np.bincount(cells[c], minlength=len(classes)) for c in ("true", "called"))
        rows.append(
            {
                "value": value,
                "n": n,
                "true": {name: float(true[c] / n) for c, name in enumerate(classes)},
                "predicted": {name: wilson(int(called[c]), n) for c, name in enumerate(classes)},
            }
        )
    return rows


def _coded(
    labels: ArrayLike, predicted: ArrayLike, groups: ArrayLike, classes: Sequence[str]
) -> pd.DataFrame:
    number = pd.Index(list(classes))

    def code(names: ArrayLike) -> NDArray[np.int64]:
        codes = number.get_indexer(pd.Index(np.asarray(names, dtype=object)))
        if (codes < 0).any():
            raise ValueError("a label is no class")
        return codes.astype(np.int64)

    values = np.asarray(groups, dtype=object).astype(str)
    return pd.DataFrame({"true": code(labels), "called": code(predicted), "group": values})
