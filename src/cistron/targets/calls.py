"""Which classes are named because of their probabilities, where a sample may have several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cistron.targets.weighted import Floats, ratio

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

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the probabilities."""
        return self.probabilities.shape

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
