"""Estimators that were read from a file are sound, before anything is computed with them.

scikit-learn follows the nodes of a tree and the support vectors of a machine without looking:
numbers that point out of their arrays end the whole process, or never end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array

LEAF = -1
PARTS = """
    BaggingClassifier BaggingRegressor CalibratedClassifierCV CyHalfBinomialLoss
    CyHalfMultinomialLoss CyHalfSquaredError DecisionTreeClassifier DecisionTreeRegressor Generator
    HalfBinomialLoss HalfMultinomialLoss HalfSquaredError HistGradientBoostingClassifier
    HistGradientBoostingRegressor IdentityLink Interval L1LogisticRegression LabelEncoder
    LogisticRegression LogitLink MultinomialLogit NearestCentroid Pipeline RandomForestClassifier
    RandomForestRegressor RidgeCV SVC SVR StandardScaler StratifiedKFold Tree TreePredictor
    _BinMapper _CalibratedClassifier _SigmoidCalibration
""".split()  # noqa: SIM905
"""Types of which our models consist, beside numbers, texts and arrays."""

_PLAIN = (str, bytes, int, float, bool, type(None), np.generic)


def require_sound(model: Any) -> None:
    """Refuse what would leave its arrays, never end, or answer with NaN.

    Parameters
    ----------
    model : estimator or list of estimators

    Raises
    ------
    ValueError
    """
    for part in _parts(model):
        name = type(part).__name__
        if isinstance(part, np.ndarray):
            _require_numbers(part)
        elif name not in PARTS:
            raise ValueError(f"it holds {name}, which is part of none of our models")
        elif name in _CHECKS:
            check, fitted = _CHECKS[name]
            if fitted is None or fitted in vars(part):  # not what others were copied from
                check(part)
        if getattr(part, "n_jobs", None) is not None:
            raise ValueError(f"{name} should have no n_jobs")


def _parts(model: Any) -> Iterator[Any]:
    """Yield every object and array that a model consists of, once."""
    waiting, seen = [model], set[int]()
    while waiting:
        part = waiting.pop()
        if isinstance(part, _PLAIN) or id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | set):
            waiting += part
        else:
            yield part
            waiting += getattr(part, "__dict__", {}).values()


def _require_numbers(array: Array) -> None:
    if array.dtype.hasobject:
        raise ValueError("an array holds objects")
    for values in [array[name] for name in array.dtype.names or ()] or [array]:
        _require_finite(values)


def _require_finite(array: Array) -> None:
    if np.issubdtype(array.dtype, np.inexact) and not np.isfinite(array).all():
        raise ValueError("it holds values that are not finite numbers")


def _require_tree(tree: Any) -> None:
    if tree.node_count != tree.capacity or tree.node_count < 1:
        raise ValueError("a tree has another number of nodes than it says")
    _require_finite(tree.value)
    inner = tree.children_left != LEAF
    if (inner != (tree.children_right != LEAF)).any():
        raise ValueError("a node of a tree has one child")
    _require_nodes(inner, tree.children_left, tree.children_right, tree.feature, tree.n_features)
    _require_finite(tree.threshold[inner])
    if tree.max_depth < _depth(inner, tree.children_left, tree.children_right):
        raise ValueError("a tree is deeper than it says")


def _depth(inner: NDArray[np.bool_], left: NDArray[np.int64], right: NDArray[np.int64]) -> int:
    depth = np.zeros(len(inner), dtype=np.int64)
    for node in np.flatnonzero(inner).tolist():  # parents stand before their children
        for child in (left[node], right[node]):
            depth[child] = max(depth[child], depth[node] + 1)
    return int(depth.max())


def _require_boosted(tree: Any) -> None:
    nodes = tree.nodes
    inner = nodes["is_leaf"] == 0
    if len(nodes) == 0 or nodes["is_categorical"].any():
        raise ValueError("a tree has no nodes, or reads categories")
    _require_nodes(inner, nodes["left"], nodes["right"], nodes["feature_idx"])


def _require_nodes(
    inner: NDArray[np.bool_], left: Array, right: Array, feature: Array, features: int | None = None
) -> None:
    """Refuse nodes whose children do not stand behind them: every way down then ends."""
    place = np.flatnonzero(inner)
    for child in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        if (child <= place).any() or (child >= len(inner)).any():
            raise ValueError("a node of a tree points to no node behind it")
    used = feature[inner].astype(np.int64)
    if (used < 0).any() or (features is not None and (used >= features).any()):
        raise ValueError("a node of a tree reads a feature that is not there")


def _require_features(model: Any) -> None:
    """Refuse a tree that reads more features than it is given."""
    if model.tree_.n_features != model.n_features_in_:
        raise ValueError("a tree reads another number of features than it is given")


def _require_boosting(model: Any) -> None:
    if np.any(model._bin_mapper.is_categorical_):
        raise ValueError("a tree reads categories")
    for tree in (tree for trees in model._predictors for tree in trees):
        used = tree.nodes["feature_idx"][tree.nodes["is_leaf"] == 0]
        if (used >= model.n_features_in_).any():
            raise ValueError("a node of a tree reads a feature that is not there")


def _require_machine(model: Any) -> None:
    """Refuse support vectors whose arrays do not fit each other."""
    vectors, classes = model.support_vectors_, len(model._n_support)
    regression = type(model).__name__ == "SVR"
    pairs = 1 if regression else classes * (classes - 1) // 2
    count = len(vectors)
    fits = (
        vectors.shape == (count, model.n_features_in_)
        and tuple(model.shape_fit_)[1:] == (model.n_features_in_,)
        and model.support_.shape == (count,)
        and model._dual_coef_.shape == (1 if regression else classes - 1, count)
        and model._intercept_.shape == (pairs,)
        and (classes == 2 if regression else model._n_support.sum() == count)
        and (model._n_support >= 0).all()
    )
    plain = model.kernel == "rbf" and not model._sparse and "_impl" not in vars(model)
    if not (fits and plain and float(model._gamma) > 0):
        raise ValueError("the arrays of a support vector machine do not fit each other")


_CHECKS: dict[str, tuple[Callable[[Any], None], str | None]] = {
    "Tree": (_require_tree, None),
    "TreePredictor": (_require_boosted, None),
    "DecisionTreeClassifier": (_require_features, "tree_"),
    "DecisionTreeRegressor": (_require_features, "tree_"),
    "HistGradientBoostingClassifier": (_require_boosting, "_predictors"),
    "HistGradientBoostingRegressor": (_require_boosting, "_predictors"),
    "SVC": (_require_machine, "support_vectors_"),
    "SVR": (_require_machine, "support_vectors_"),
}
"""How a type is checked, and an attribute that it has once it is fitted."""
