"""How well something tells what is asked of samples, measured for each form of target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cistron.splits.allocate import allocate
from cistron.splits.audit.check import CERTAIN
from cistron.targets.quantities import quantile_strata
from cistron.targets.set_metrics import overlap
from cistron.targets.truth import Form, Truth

FOLDS = 5
FEWEST = 20  # numbers of training samples to cross-validate a shortcut with

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Members = NDArray[np.bool_]
Scores = Mapping[str, float | None]


@dataclass(frozen=True)
class Copied:
    """How right it is to copy the truth of the most similar training sample.

    Parameters
    ----------
    score : float or None
        None where nothing varies.
    words : str
        What copying does, with its scores.
    with_hit : str
        How right it is where there is something to copy, after "have one".
    details : dict
    """

    score: float | None
    words: str
    with_hit: str
    details: Scores


@dataclass(frozen=True)
class Telling:
    """How well features, or similar samples, tell one form of target.

    Parameters
    ----------
    score : str
        The key of `predicted` that says how well.
    limits : dict of str to float
        The score above which features tell, by the name of the check.
    surprising : callable
        Classes of samples, bool of shape (n, classes) → the score that chance hardly reaches.
    predicted : callable
        Features, truth, units (see `separability`) → scores of held-out samples, empty where they
        are too few.
    words : callable
        These scores → what features do, as a sentence after its subject.
    too_few : str
        Why no features were tried.
    copied : callable
        Truth, what was copied, whether it was from a similar sample → `Copied`.
    copy : str
        What is copied.
    fewest : int
        Tested samples to score a copy with.
    unknown : str
        What is said of fewer; `{}` stands for what a tested sample is called.
    """

    score: str
    limits: Mapping[str, float]
    surprising: Callable[[Members], float]
    predicted: Callable[[Floats, Truth, Rows], Scores]
    words: Callable[[Scores], str]
    too_few: str
    copied: Callable[[Truth, Truth, Members], Copied]
    copy: str
    fewest: int
    unknown: str


def separability(features: Floats, targets: Rows, units: Rows, seed: int = 1) -> dict[str, float]:
    """Return how well a logistic regression tells the classes, in folds that divide no unit.

    Parameters
    ----------
    features : ndarray, shape (n, features)
    targets : ndarray of int, shape (n,)
        The class of each sample.
    units : ndarray of int, shape (n,)
        Samples with the same number are never in two folds.
    seed : int

    Returns
    -------
    dict
        `roc_auc` (mean over the classes of one against the rest) and `balanced_accuracy` of the
        held-out predictions; empty where a fold leaves nothing of a class to train on.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kinds, target = np.unique(targets, return_inverse=True)
    if len(kinds) < 2:
        return {}
    fold = allocate(units, targets, [1] * FOLDS, seed)
    scores = np.zeros((len(target), len(kinds)))
    for k in np.unique(fold):
        held = fold == k
        if len(np.unique(target[~held])) < len(kinds):
            return {}
        model = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
        )
        scores[held] = model.fit(features[~held], target[~held]).predict_proba(features[held])
    areas = [roc_auc_score(target == k, scores[:, k]) for k in range(len(kinds))]
    return {
        "roc_auc": float(np.mean(areas)),
        "balanced_accuracy": float(balanced_accuracy_score(target, scores.argmax(axis=1))),
    }


def _separability_of_each(features: Floats, members: Members, units: Rows) -> dict[str, float]:
    """Return the mean `roc_auc` of one regression a class, which samples have or lack."""
    each = [separability(features, has.astype(np.int64), units) for has in members.T]
    return {"roc_auc": float(np.mean([e["roc_auc"] for e in each]))} if all(each) else {}


def _surprising_area(members: Members) -> float:
    """Return a ROC AUC that the smallest class hardly has where nothing tells it."""
    counts, n = members.sum(axis=0), len(members)
    smallest = np.minimum(counts, n - counts)[counts > 0].min()
    return 0.5 + CERTAIN * float(((n + 1) / (12 * smallest * (n - smallest))) ** 0.5)


def _class_words(scores: Scores) -> str:
    balanced = scores.get("balanced_accuracy")
    return (
        f"tells the classes of held-out training samples with ROC AUC {scores['roc_auc']:.2f} "
        f"(guessing: 0.50){'' if balanced is None else f', balanced accuracy {balanced:.2f}'}."
    )


def _predictability(features: Floats, numbers: Floats, units: Rows) -> Scores:
    """Return how well ridge regression predicts numbers, in folds that divide no unit.

    They are `pearson` (None where nothing varies) and `r2` of the held-out predictions.
    """
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(numbers) < FEWEST or len(np.unique(units)) < FOLDS:
        return {}
    fold = allocate(units, quantile_strata(numbers), [1] * FOLDS, seed=1)
    predicted = np.empty(len(numbers))
    for k in np.unique(fold):
        held = fold == k
        model = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
        predicted[held] = model.fit(features[~held], numbers[~held]).predict(features[held])
    spread = float(np.square(numbers - numbers.mean()).sum())
    left = float(np.square(numbers - predicted).sum())
    r2 = 1 - left / spread if spread else 0.0
    return {"pearson": _correlation(numbers, predicted), "r2": r2}


def _correlation(some: Floats, others: Floats) -> float | None:
    """Return Pearson's correlation; None where one of the two does not vary."""
    if len(some) < 2 or np.ptp(some) == 0 or np.ptp(others) == 0:
        return None
    return float(np.corrcoef(some, others)[0, 1])


def _number_words(scores: Scores) -> str:
    return (
        f"predicts the number of held-out training samples with a correlation of "
        f"{scores['pearson'] or 0:.2f} (R² {scores['r2']:.2f})."
    )


def _mean(values: NDArray[np.generic]) -> float | None:
    return float(values.mean()) if len(values) else None


def _copied_class(truth: Truth, copied: Truth, hit: Members) -> Copied:
    from sklearn.metrics import matthews_corrcoef

    right, present = copied == truth, np.unique(truth)
    mcc = float(matthews_corrcoef(truth, copied))
    return Copied(
        mcc,
        f"scores MCC {mcc:.2f} (accuracy {right.mean():.1%})",
        f", right for {right[hit].mean():.1%} of them" if hit.any() else ", so it says nothing",
        {
            "accuracy_with_hit": _mean(right[hit]),
            "accuracy": float(right.mean()),
            "balanced_accuracy": float(np.mean([right[truth == k].mean() for k in present])),
            "mcc": mcc,
        },
    )


def _copied_set(truth: Truth, copied: Truth, hit: Members) -> Copied:
    from sklearn.metrics import matthews_corrcoef

    jaccard = overlap(truth, copied)
    # The mean over classes has no larger standard error than the MCC of one class.
    mcc = float(np.mean([matthews_corrcoef(*pair) for pair in zip(truth.T, copied.T, strict=True)]))
    return Copied(
        mcc,
        f"scores a mean MCC of {mcc:.2f} (Jaccard {jaccard.mean():.2f})",
        f", whose sets overlap by {jaccard[hit].mean():.1%}" if hit.any() else ", of no use",
        {
            "jaccard_with_hit": _mean(jaccard[hit]),
            "jaccard": float(jaccard.mean()),
            "exact_match": float((jaccard == 1).mean()),
            "macro_mcc": mcc,
        },
    )


def _copied_number(truth: Truth, copied: Truth, hit: Members) -> Copied:
    everywhere, with_hit = _correlation(truth, copied), _correlation(truth[hit], copied[hit])
    return Copied(
        everywhere,
        f"correlates with the truth by {everywhere or 0:.2f}",
        "" if with_hit is None else f", with a correlation of {with_hit:.2f} among them",
        {
            "pearson": everywhere,
            "pearson_with_hit": with_hit,
            "mae": float(np.abs(truth - copied).mean()),
        },
    )


_ONE_CLASS = Telling(
    score="roc_auc",
    limits={"length_shortcut": 0.6, "composition_shortcut": 0.7},
    surprising=_surprising_area,
    predicted=separability,
    words=_class_words,
    too_few="Too few samples or units of a class in training to cross-validate.",
    copied=_copied_class,
    copy="label",
    fewest=1,
    unknown="The {} samples carry none of the training classes' labels.",
)
TELLING: dict[Form, Telling] = {
    "softmax": _ONE_CLASS,
    "sigmoid": replace(
        _ONE_CLASS, predicted=_separability_of_each, copied=_copied_set, copy="classes"
    ),
    "number": Telling(
        score="pearson",
        limits={"length_shortcut": 0.2, "composition_shortcut": 0.35},  # as telling as those areas
        surprising=lambda members: CERTAIN / len(members) ** 0.5,
        predicted=_predictability,
        words=_number_words,
        too_few="Too few samples or units in training to cross-validate.",
        copied=_copied_number,
        copy="number",
        fewest=2,
        unknown="Too few {} samples have a number.",
    ),
}
