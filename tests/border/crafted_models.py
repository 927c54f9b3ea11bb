"""Reads classical models with arrays that lead nowhere; run as a program, as each may end one.

Prints a line for each: the name, and the sentence by which it is refused.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cistron.base.errors import InputError
from cistron.models.classical.bagging import BaggingSettings
from cistron.models.classical.classical import (
    dump,
    fit_classical,
    load,
    log_probabilities,
)
from cistron.models.classical.gradient_boosting import GradientBoostingSettings
from cistron.models.classical.random_forest import RandomForestSettings
from cistron.models.classical.svm import SVMSettings

FEATURES = 5
NODES: dict[str, Callable[[Any], Any]] = {
    "child_far": lambda nodes: nodes["left_child"].__setitem__(0, 2**40),
    "child_negative": lambda nodes: nodes["right_child"].__setitem__(0, -7),
    "circle": lambda nodes: nodes["left_child"].__setitem__(0, 0),
    "back": lambda nodes: nodes["right_child"].__setitem__(1, 0),
    "feature_far": lambda nodes: nodes["feature"].__setitem__(0, 10**9),
    "feature_negative": lambda nodes: nodes["feature"].__setitem__(0, -9),
    "threshold_nan": lambda nodes: nodes["threshold"].__setitem__(0, np.nan),
}
BOOSTED: dict[str, Callable[[Any], Any]] = {
    "child_far": lambda nodes: nodes["left"].__setitem__(0, 2**31),
    "circle": lambda nodes: nodes["left"].__setitem__(0, 0),
    "feature_far": lambda nodes: nodes["feature_idx"].__setitem__(0, 10**9),
    "feature_negative": lambda nodes: nodes["feature_idx"].__setitem__(0, -9),
    "categories": lambda nodes: nodes["is_categorical"].__setitem__(0, 1),
    "value_nan": lambda nodes: nodes["value"].fill(np.nan),
}


def fitted(settings: Any) -> Any:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(90, FEATURES)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)
    return fit_classical(settings, X, y, np.ones(len(y)), seed=1)


def with_nodes(tree: Any, change: Callable[[Any], Any], **state: Any) -> Any:
    """Return a copy of scikit-learn's `Tree` with other nodes."""
    kind, arguments, before = tree.__reduce__()
    nodes = before["nodes"].copy()
    change(nodes)
    other = kind(*arguments)
    other.__setstate__({**before, "nodes": nodes, **state})
    return other


def trees(model: Any) -> Iterator[tuple[str, Any]]:
    for name, change in NODES.items():
        changed = copy.deepcopy(model)
        changed.estimators_[0].tree_ = with_nodes(changed.estimators_[0].tree_, change)
        yield name, changed
    for state in ({"max_depth": 0}, {"node_count": 1}):
        changed = copy.deepcopy(model)
        tree = changed.estimators_[0].tree_
        changed.estimators_[0].tree_ = with_nodes(tree, lambda nodes: None, **state)
        yield next(iter(state)), changed
    changed = copy.deepcopy(model)
    changed.n_features_in_ = changed.estimators_[0].n_features_in_ = 2
    yield "fewer_features", changed


def boosted(model: Any) -> Iterator[tuple[str, Any]]:
    for name, change in BOOSTED.items():
        changed = copy.deepcopy(model)
        change(changed._predictors[0][0].nodes)
        yield name, changed
    changed = copy.deepcopy(model)
    changed._predictors[0][0].nodes = changed._predictors[0][0].nodes[:1]
    yield "cut", changed


def machines(model: Any) -> Iterator[tuple[str, Any]]:
    changes: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "fewer_vectors": ("support_vectors_", lambda a: a[:3]),
        "wider": ("support_vectors_", lambda a: np.hstack([a, a])),
        "coefficients": ("_dual_coef_", lambda a: a[:, :1]),
        "intercepts": ("_intercept_", lambda a: a[:1]),
        "counts": ("_n_support", lambda a: np.repeat(a, 10**4)),
        "counts_negative": ("_n_support", lambda a: -a),
        "support": ("support_", lambda a: a[:1]),
        "gamma": ("_gamma", lambda a: a * np.nan),
        "kernel": ("kernel", lambda _: "precomputed"),
        "sparse": ("_sparse", lambda _: True),
    }
    for name, (attribute, change) in changes.items():
        changed = copy.deepcopy(model)
        machine = changed[-1].calibrated_classifiers_[0].estimator
        setattr(machine, attribute, change(getattr(machine, attribute)))
        yield name, changed


def main() -> None:
    warnings.simplefilter("ignore")
    X = np.zeros((3, FEATURES), dtype=np.float32)
    for settings, craft in (
        (RandomForestSettings(trees=2), trees),
        (BaggingSettings(trees=2), trees),
        (GradientBoostingSettings(trees=2, leaf_size=2), boosted),
        (SVMSettings(), machines),
    ):
        whole = fitted(settings)
        before = log_probabilities(whole, X)
        assert np.array_equal(log_probabilities(load(dump(whole)), X), before)
        for name, model in craft(whole):
            print(f"{settings.kind} {name}:", end=" ", flush=True)
            content = dump(model)
            try:
                outputs = log_probabilities(load(content), X)
                print("finite" if np.isfinite(outputs).all() else "NaN", flush=True)
            except InputError as error:
                print(error, flush=True)


if __name__ == "__main__":
    main()
