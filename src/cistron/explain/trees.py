"""TreeSHAP: what each feature contributes to an ensemble of trees, exactly.

Lundberg SM, Erion G, Chen H, et al. From local explanations to global understanding with
explainable AI for trees. Nature Machine Intelligence 2, 56-67 (2020),
doi:10.1038/s42256-019-0138-9. These are the Shapley values of its path-dependent kind: a feature
that is not known goes both ways at a split, as the training samples did.

Of one leaf, with value v, they have a closed form. The way to it asks about M features, each once
if the questions about one feature are taken together: its value must lie in an interval (o = 1,
else 0), where a share z of the training samples went on. With some features known, the leaf is
worth v times the product of o over known and of z over unknown ones. Shapley's weights are
k! (M - 1 - k)! / M! = ∫ t^k (1 - t)^(M - 1 - k) dt over 0 to 1, so feature i contributes

    v (o_i - z_i) ∫ Π_{j ≠ i} (o_j t + z_j (1 - t)) dt,

the integral of a polynomial of degree M - 1, which Gauss and Legendre's quadrature at M / 2 points
gives exactly. No factor is negative, so nothing cancels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.arrays import Array
from cistron.classifier.classifier import Classifier

if TYPE_CHECKING:
    from sklearn.tree import BaseDecisionTree

Floats = NDArray[np.float64]
Interval = tuple[float, float, float]

SAMPLES, CELLS = 256, 1 << 20  # samples, and with leaves and features, that are computed together


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree, node by node; node 0 is the root.

    Parameters
    ----------
    left, right : ndarray of int, shape (nodes,)
        Children; 0 of leaves. A sample goes left whose feature is at most the threshold.
    feature : ndarray of int, shape (nodes,)
    threshold : ndarray of float, shape (nodes,)
    cover : ndarray of float, shape (nodes,)
        Weight of the training samples that came by.
    value : ndarray of float64, shape (nodes, outputs)
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    cover: Array
    value: Floats


@dataclass(frozen=True, eq=False)
class Leaves:
    """Leaves whose ways ask about equally many features.

    Parameters
    ----------
    feature : ndarray of int64, shape (leaves, M)
    low, high : ndarray of float64, shape (leaves, M)
        low < x <= high leads to the leaf.
    share : ndarray of float64, shape (leaves, M)
        Of the training samples at these splits, how many went on.
    value : ndarray of float64, shape (leaves, outputs)
    """

    feature: NDArray[np.int64]
    low: Floats
    high: Floats
    share: Floats
    value: Floats


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of trees.

    Parameters
    ----------
    leaves : list of Leaves
    expected : ndarray of float64, shape (outputs,)
        Mean output, as the trees see the training samples.
    """

    leaves: list[Leaves]
    expected: Floats


def shapley_values(trees: Trees, X: Array, weights: Floats) -> Floats:
    """Return the Shapley value of each feature, shape (n, features).

    Parameters
    ----------
    trees : Trees
    X : ndarray, shape (n, features)
        Without missing values.
    weights : ndarray, shape (n, outputs)
        The outputs of each sample times these, summed, are explained.
    """
    contributions = np.zeros(X.shape)
    for rows, leaves, inside in _pieces(trees, X):
        n_leaves, n_features = leaves.feature.shape
        points, integral = np.polynomial.legendre.leggauss((n_features + 1) // 2)
        t, integral = (points + 1) / 2, integral / 2
        unknown = leaves.share[..., None] * (1 - t)  # (leaves, features, points)
        product = np.ones((n_leaves, len(t), inside.shape[2])) * integral[:, None]
        for m in range(n_features):
            sides = (unknown[:, m] + t)[..., None], unknown[:, m][..., None]
            product *= np.where(inside[:, m, None], *sides)
        known = ((1 - leaves.share)[..., None] / (unknown + t)) @ product
        outside = -np.einsum("lqn,q->ln", product, 1 / (1 - t))[:, None]
        each = np.where(inside, known, outside) * (leaves.value @ weights[rows].T)[:, None]
        where = leaves.feature.ravel(), np.arange(leaves.feature.size)
        places = sparse.csr_matrix(
            (np.ones(leaves.feature.size), where), (X.shape[1], where[1].size)
        )
        contributions[rows] += (places @ each.reshape(leaves.feature.size, -1)).T
    return contributions


def output_of(trees: Trees, X: Array, weights: Floats) -> Floats:
    """Return what the trees say, shape (n,)."""
    outputs = weights @ trees.expected
    for rows, leaves, inside in _pieces(trees, X):
        reached = inside.all(axis=1) - leaves.share.prod(axis=1)[:, None]
        outputs[rows] += (reached * (leaves.value @ weights[rows].T)).sum(axis=0)
    return outputs


def _pieces(trees: Trees, X: Array) -> Iterator[tuple[slice, Leaves, NDArray[np.bool_]]]:
    """Yield rows, leaves, and whether a feature is in its interval, (leaves, features, rows)."""
    for start in range(0, len(X), SAMPLES):
        rows = slice(start, min(start + SAMPLES, len(X)))
        columns = X[rows].T.astype(np.float64)
        for group in trees.leaves:
            size = max(1, CELLS // (columns.shape[1] * group.feature.shape[1]))
            for first in range(0, len(group.feature), size):
                names = ("feature", "low", "high", "share", "value")
                some = Leaves(*(getattr(group, name)[first : first + size] for name in names))
                x = columns[some.feature]
                yield rows, some, (x > some.low[..., None]) & (x <= some.high[..., None])


def trees_of(classifier: Classifier) -> Trees:
    """Return the trees of a classifier.

    The outputs are those that `cistron.explain.target` weighs: one a class (gradient boosting of
    two exclusive classes has one logit z, which stands for the logits 0 and z), or a number.
    """
    models = classifier.model_ if isinstance(classifier.model_, list) else [classifier.model_]
    outputs = classifier.head.outputs
    trees: list[Tree] = []
    expected = np.zeros(outputs)
    for number, model in enumerate(models):
        column = (
            number if len(models) > 1 or (not classifier.head.exclusive and outputs > 1) else None
        )
        if hasattr(model, "_predictors"):
            base = np.ravel(model._baseline_prediction)
            columns = _columns(len(base), outputs, column)
            expected[columns] += base
            trees += [
                _boosted(tree.nodes, columns[k], outputs)
                for stage in model._predictors
                for k, tree in enumerate(stage)
            ]
        else:
            trees += [_averaged(tree, len(model.estimators_), outputs, column) for tree in model]
    return _joined(trees, expected)


def _columns(trees: int, outputs: int, column: int | None) -> list[int]:
    """Return the outputs that the trees of one round add to."""
    if column is not None:
        return [column]
    return [outputs - 1] if trees == 1 else list(range(outputs))


def _boosted(nodes: Array, column: int, outputs: int) -> Tree:
    value = np.zeros((len(nodes), outputs))
    value[:, column] = nodes["value"]
    return Tree(
        nodes["left"],
        nodes["right"],
        nodes["feature_idx"],
        nodes["num_threshold"],
        nodes["count"],
        value,
    )


def _averaged(estimator: BaseDecisionTree, trees: int, outputs: int, column: int | None) -> Tree:
    """Return one of the trees of which a forest is the mean; its values are shares of classes."""
    tree = estimator.tree_
    shares, value = tree.value[:, 0], np.zeros((tree.node_count, outputs))
    if not hasattr(estimator, "classes_"):
        value[:, 0] = shares[:, 0]
    else:
        # A bagged tree knows only the classes that were drawn for it.
        classes = estimator.classes_.astype(int)
        if column is None:
            value[:, classes] = shares
        else:
            value[:, column] = shares[:, classes == 1].sum(axis=1)
    left = np.maximum(tree.children_left, 0)
    right = np.maximum(tree.children_right, 0)
    cover = tree.weighted_n_node_samples
    return Tree(left, right, tree.feature, tree.threshold, cover, value / trees)


def _joined(trees: list[Tree], expected: Floats) -> Trees:
    """Return the leaves of all trees, grouped by how many features lead to them."""
    ways: dict[int, list[tuple[dict[int, Interval], Floats]]] = defaultdict(list)
    for tree in trees:
        for way, value in _ways(tree):
            ways[len(way)].append((way, value))
            expected = expected + value * np.prod([share for _, _, share in way.values()])
    groups = []
    for number, leaves in sorted(ways.items()):
        if number:
            intervals = np.array([list(way.values()) for way, _ in leaves])
            feature = np.array([list(way) for way, _ in leaves], dtype=np.int64)
            value = np.array([value for _, value in leaves])
            low, high, share = np.moveaxis(intervals, 2, 0)
            groups.append(Leaves(feature, low, high, share, value))
    return Trees(groups, expected)


def _ways(tree: Tree) -> Iterator[tuple[dict[int, Interval], Floats]]:
    """Yield each leaf's intervals of features, with the share that went on, and its value."""
    left, right, feature = tree.left.tolist(), tree.right.tolist(), tree.feature.tolist()
    threshold, cover = tree.threshold.tolist(), tree.cover.tolist()
    stack: list[tuple[int, dict[int, Interval]]] = [(0, {})]
    while stack:
        node, way = stack.pop()
        if not left[node]:
            yield way, tree.value[node]
            continue
        asked, at = feature[node], threshold[node]
        low, high, share = way.get(asked, (-np.inf, np.inf, 1.0))
        for child, interval in (
            (left[node], (low, min(high, at))),
            (right[node], (max(low, at), high)),
        ):
            went = share * cover[child] / cover[node]
            stack.append((child, {**way, asked: (*interval, went)}))
