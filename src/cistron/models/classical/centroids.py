"""Centroids as a linear model.

Of minus the squared distance to a centroid c, what differs between classes is 2 x·c - |c|²: the
softmax over classes is a logistic regression whose coefficients are not fitted but computed. So it
reads sparse rows, and its coefficients can be read as any linear model's.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from cistron.models.classical.sparse_input import Rows

NARROWEST, WIDEST = np.log(1e-6), np.log(1e3)  # of the factor of squared distances


class NearestCentroid(LogisticRegression):
    """Softmax of minus the squared distances to the means of the classes.

    The distances are multiplied with one factor, under which the training labels are most
    probable.
    """

    def fit(self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Compute the weighted mean of every class.

        Parameters
        ----------
        X : ndarray or csr_matrix, shape (n, features)
        y : array-like of int, shape (n,)
        sample_weight : array-like, shape (n,), optional
            Weighs samples in the mean of their class; classes are equally probable beforehand.
        """
        self.classes_, labels = np.unique(np.asarray(y), return_inverse=True)
        weights = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight)
        share = (labels == np.arange(len(self.classes_))[:, None]) * weights
        share = share / share.sum(axis=1, keepdims=True)
        centroids = np.asarray((X.T @ share.T).T, dtype=np.float64)
        coefficients, intercepts = 2 * centroids, -np.square(centroids).sum(axis=1)
        scores = np.asarray(X @ coefficients.T) + intercepts
        factor = _most_probable(scores, labels, weights)
        if len(self.classes_) == 2:
            coefficients, intercepts = np.diff(coefficients, axis=0), np.diff(intercepts)
        self.coef_, self.intercept_ = factor * coefficients, factor * intercepts
        self.n_features_in_ = X.shape[1]
        self.n_iter_ = np.ones(1, dtype=np.int32)
        return self


def _most_probable(
    scores: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.floating]
) -> float:
    """Return the factor of the scores under which the classes are most probable."""

    def loss(log_factor: float) -> float:
        each = log_softmax(np.exp(log_factor) * scores, axis=1)[np.arange(len(labels)), labels]
        return -float((weights * each).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(NARROWEST, WIDEST), method="bounded").x))
