"""How well something trivial alone tells the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.samples import Samples
from cistron.samples.composition import composition
from cistron.splits.allocate import allocate

FOLDS = 5


def length_features(samples: Samples) -> NDArray[np.float64]:
    """Return log length and its square, shape (n, 2)."""
    logs = np.log(np.maximum(samples.payload.lengths, 1))
    return np.stack([logs, logs**2], axis=1)


def composition_features(samples: Samples) -> NDArray[np.float64]:
    """Return the share of every standard letter, shape (n, letters)."""
    return composition(samples.payload)


def separability(
    features: NDArray[np.float64],
    targets: NDArray[np.int64],
    units: NDArray[np.int64],
    seed: int = 1,
) -> dict[str, float]:
    """Return how well a logistic regression tells the classes, in folds by unit.

    Parameters
    ----------
    features : ndarray, shape (n, features)
    targets : ndarray of int, shape (n,)
    units : ndarray of int, shape (n,)
        Samples with the same number are never in two folds.
    seed : int

    Returns
    -------
    dict
        `roc_auc` (macro, one class against the rest) and `balanced_accuracy` of the held-out
        predictions; nan where a fold has too few classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fold = allocate(units, targets, [1] * FOLDS, seed)
    kinds = np.unique(targets)
    scores = np.full((len(targets), len(kinds)), np.nan)
    for k in range(FOLDS):
        inside = fold == k
        if not inside.any() or len(np.unique(targets[~inside])) < len(kinds):
            return {"roc_auc": float("nan"), "balanced_accuracy": float("nan")}
        model = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
        )
        scores[inside] = model.fit(features[~inside], targets[~inside]).predict_proba(
            features[inside]
        )
    areas = [roc_auc_score(targets == kind, scores[:, i]) for i, kind in enumerate(kinds)]
    predicted = kinds[scores.argmax(axis=1)]
    return {
        "roc_auc": float(np.mean(areas)),
        "balanced_accuracy": float(balanced_accuracy_score(targets, predicted)),
    }
