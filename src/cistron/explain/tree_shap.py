"""TreeSHAP as a method: of models made of trees; `trees` has the values."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from cistron.base.encoded import Encoded
from cistron.classifier.classifier import Classifier
from cistron.explain.cells import dense, on_components
from cistron.explain.model_method import ModelMethod
from cistron.explain.target import LOGITS, Scale, Target
from cistron.explain.trees import output_of, shapley_values, trees_of

Floats = NDArray[np.float64]


def has_trees(classifier: Classifier) -> bool:
    """Whether the model is made of trees."""
    model = classifier.model_
    first = model[0] if isinstance(model, list) else model
    return hasattr(first, "_predictors") or hasattr(first, "estimators_")


def explains_probability(classifier: Classifier) -> bool:
    """Whether TreeSHAP explains probabilities: of a forest these are sums over trees."""
    model = classifier.model_
    first = model[0] if isinstance(model, list) else model
    return hasattr(first, "estimators_") and bool(classifier.head.classes)


def as_probability(classifier: Classifier, logits: NDArray[np.floating]) -> Floats:
    """Return the probabilities, before calibration, that the logits of a forest stand for."""
    values = logits.astype(np.float64)
    return np.exp(values) if classifier.head.exclusive else 1 / (1 + np.exp(-values))


def tree_contributions(
    classifier: Classifier, encoded: Encoded, target: Target
) -> tuple[Floats, Floats, Floats]:
    """Return contributions, shape (n, features), the output, and its expectation.

    Of gradient boosting, contributions are to the log-odds of the class; of a random forest and of
    bagged trees, whose probabilities are means over the trees, to the probability of the class
    before calibration; of a number, to the number.

    Parameters
    ----------
    classifier : Classifier
        Its model is made of trees.
    encoded : ndarray or CellVectors, shape (n, features)
    target : Target
    """
    trees, X = trees_of(classifier), dense(encoded)
    weights = _scale(classifier).weights(target).astype(np.float64)
    contributions = shapley_values(trees, X, weights)
    # Asked of the trees themselves, so that the completeness error is a check.
    return contributions, output_of(trees, X, weights), weights @ trees.expected


def _scale(classifier: Classifier) -> Scale:
    if not explains_probability(classifier):
        return LOGITS
    each = np.eye(classifier.head.outputs)
    values = partial(as_probability, classifier)
    return Scale("probability", values, lambda target: each[target.classes])


def _not_averaged(member: Classifier) -> str:
    if not explains_probability(member):
        return ""
    return (
        "TreeSHAP explains the probabilities of a forest, whose mean is not what an ensemble "
        "answers: that is a mean of logits. Use --method in_silico_mutagenesis or occlusion, "
        "or explain one of the members."
    )


TREE_SHAP = ModelMethod(
    "tree_shap",
    "TreeSHAP: Shapley values over all trees, against the mean over training samples",
    tree_contributions,
    # Trees on components have none that could be carried back to genes: they are not linear.
    lambda classifier: has_trees(classifier) and not on_components(classifier),
    size=("Mean |TreeSHAP|", "mean size of the Shapley values over all trees"),
    multiplied=False,
    scale_of=_scale,
    why_not_averaged=_not_averaged,
)
