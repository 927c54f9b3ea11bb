"""What a classical model is given of cells: sparse rows, or, bounded, dense ones.

Sparse rows lack what all cells share (see `CellVectors`), and the features are not centred: an
unpenalised intercept absorbs both, and the splits of trees move along. So these models learn from
sparse rows what they would learn from dense ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.cell_vectors import CellVectors
from cistron.base.errors import InputError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

Rows: TypeAlias = NDArray[np.floating] | sparse.csr_matrix

SPARSE = {
    "StandardScaler → LogisticRegression",
    "StandardScaler → L1LogisticRegression",
    "StandardScaler → NearestCentroid",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "BaggingClassifier",
    "BaggingRegressor",
}
MOST_DENSE = 100_000_000  # numbers; in double precision, which boosting works in, 0.8 GB


def described(estimator: BaseEstimator) -> str:
    """Return the names of a model's types, in the order of its steps."""
    steps = [step for _, step in getattr(estimator, "steps", [])] or [estimator]
    return " → ".join(type(step).__name__ for step in steps)


def to_fit(estimator: BaseEstimator, X: Rows | CellVectors) -> Rows:
    """Return training vectors as the estimator reads them, and make it read them.

    Parameters
    ----------
    estimator : estimator
        Not yet fitted; where it scales features and the vectors are sparse, it no longer centres
        them.
    X : ndarray, csr_matrix or CellVectors

    Raises
    ------
    InputError
        If dense vectors of so many cells would not fit into memory.
    """
    if isinstance(X, CellVectors) and described(estimator) not in SPARSE:
        return _dense(estimator, X)
    rows = X.read() if isinstance(X, CellVectors) else X
    if sparse.issparse(rows) and "standardscaler" in getattr(estimator, "named_steps", {}):
        estimator.set_params(standardscaler__with_mean=False)
        return rows.astype(np.float64, copy=False)  # features that are not centred need the digits
    return rows


def by_blocks(
    estimator: BaseEstimator,
    X: Rows | CellVectors,
    predict: Callable[[Rows], NDArray[np.floating]],
) -> NDArray[np.floating]:
    """Return what is predicted of all vectors, of cells block by block."""
    if not isinstance(X, CellVectors):
        return predict(X)
    return np.concatenate([predict(block) for block in _blocks(estimator, X)])


def _blocks(estimator: BaseEstimator, X: CellVectors) -> Iterator[Rows]:
    is_sparse = described(estimator) in SPARSE
    return (block if is_sparse else X.dense(block) for block in X.blocks())


def _dense(estimator: BaseEstimator, X: CellVectors) -> NDArray[np.float32]:
    cells, features = X.shape
    if cells * features > MOST_DENSE:
        raise InputError(
            f"model.kind: {described(estimator).split(' → ')[-1]} needs every gene of every cell "
            f"in memory, and {cells:,} cells x {features:,} genes are more than {MOST_DENSE:,} "
            f"numbers. Set encoder.components (50), or encoder.genes.number to at most "
            f"{max(MOST_DENSE // cells, 1):,}; logistic_regression and random_forest read sparse "
            "cells."
        )
    values = np.empty((cells, features), dtype=np.float32)
    start = 0
    for block in X.blocks():
        values[start : start + block.shape[0]] = X.dense(block)
        start += block.shape[0]
    return values
