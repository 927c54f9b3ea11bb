"""Linear models explain themselves: coefficient times distance from the training mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.encoded import Encoded
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.explain.cells import dense, linear_contributions_of_cells, of_cells
from cistron.explain.model_method import ModelMethod
from cistron.explain.target import Target

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

Floats = NDArray[np.float64]


def coefficients(classifier: Classifier) -> tuple[Floats, Floats, Floats]:
    """Return what a linear model learned, of the features as the encoder makes them.

    Returns
    -------
    slopes : ndarray, shape (classes, features)
        Change of each logit (of two classes: of the log-odds for each) by one unit.
    center : ndarray, shape (features,)
        Mean of the training samples.
    height : ndarray, shape (classes,)
        Logits at the center.

    Raises
    ------
    InputError
        If the model is not linear.
    """
    model = classifier.model_
    if isinstance(model, list):  # one model for each class
        parts = [_of(estimator) for estimator in model]
        return (
            np.concatenate([slopes for slopes, _, _ in parts]),
            parts[0][1],
            np.concatenate([height for _, _, height in parts]),
        )
    slopes, center, height = _of(model)
    if len(slopes) == 1 and classifier.head.outputs == 2:  # log-odds of the second class
        return np.concatenate([-slopes, slopes]), center, np.concatenate([-height, height])
    return slopes, center, height


def is_linear(classifier: Classifier) -> bool:
    """Whether the model is linear in features as the encoder makes them."""
    model = classifier.model_
    return _linear(_steps(model[0] if isinstance(model, list) else model))


def _steps(estimator: BaseEstimator) -> list[BaseEstimator]:
    return [step for _, step in getattr(estimator, "steps", [("model", estimator)])]


def _linear(steps: list[BaseEstimator]) -> bool:
    scaled = [type(step).__name__ for step in steps[:-1]] == ["StandardScaler"]
    return scaled and hasattr(steps[-1], "coef_")


def _of(estimator: BaseEstimator) -> tuple[Floats, Floats, Floats]:
    steps = _steps(estimator)
    last = steps[-1]
    if not _linear(steps):
        raise InputError(
            f"The model ({type(last).__name__}) is neither linear nor made of trees, so its "
            "features have no contributions that add up. Use --method in_silico_mutagenesis or "
            "occlusion on sequences, or cistron.explain.importance.permutation_importance on "
            "labelled samples."
        )
    scale = steps[0].scale_
    slopes = np.atleast_2d(np.asarray(last.coef_, dtype=np.float64)) / scale
    return slopes, steps[0].mean_, np.atleast_1d(np.asarray(last.intercept_, dtype=np.float64))


def coefficient_table(classifier: Classifier) -> pd.DataFrame:
    """Return `feature`, `class` and `coefficient`: the change by one unit, largest first."""
    slopes, _, _ = coefficients(classifier)
    names = classifier.encoder_.names or [f"feature_{n + 1}" for n in range(slopes.shape[1])]
    classes = [str(name) for name in classifier.classes_] or [classifier.head.name]
    if len(classes) == 2 and classifier.head.exclusive:
        slopes, classes = slopes[1:], classes[1:]
    table = pd.DataFrame(
        {
            "feature": np.tile(np.array(names, dtype=object), len(classes)),
            "class": np.repeat(np.array(classes, dtype=object), len(names)),
            "coefficient": slopes.ravel(),
        }
    )
    order = np.argsort(-np.abs(table["coefficient"].to_numpy()), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def linear_contributions(
    classifier: Classifier, encoded: Encoded, target: Target
) -> tuple[NDArray[np.floating], Floats, Floats]:
    """Return contributions, shape (n, features), the output, and that at the training mean.

    Parameters
    ----------
    classifier : Classifier
        Its model is linear.
    encoded : ndarray or CellVectors, shape (n, features)
    target : Target

    Raises
    ------
    InputError
        If the model is not linear.
    """
    if of_cells(classifier):
        return linear_contributions_of_cells(classifier, encoded, target)
    slopes, center, height = coefficients(classifier)
    slopes, height = slopes * classifier.head.unit, height * classifier.head.unit
    chosen = np.maximum(target.classes, 0)
    contributions = slopes[chosen] * (dense(encoded) - center)
    reference = height[chosen]
    output = contributions.sum(axis=1) + reference
    return contributions.astype(np.float32), output, reference


COEFFICIENTS = ModelMethod(
    "coefficients",
    "coefficients: of a linear model, times the distance from the training mean",
    linear_contributions,
    lambda _: True,  # what is not linear is refused in a sentence
    size=(
        "Mean size of contributions",
        "coefficient times distance from the training mean, without sign",
    ),
    multiplied=True,
)
