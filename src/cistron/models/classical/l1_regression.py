"""Logistic regression with an L1 penalty, of sparse features that are not centred."""

from __future__ import annotations

import warnings
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from cistron.models.classical.sparse_input import Rows

POWER_STEPS = 30  # of the power iteration that finds the largest curvature
NOT_THERE = "logistic regression: not there after {:,} steps (model.iterations, model.tolerance)"
MARGIN = 1.1  # above what it found, because it finds a little less


class L1LogisticRegression(LogisticRegression):
    """Logistic regression by accelerated proximal gradients.

    FISTA (Beck & Teboulle 2009, https://doi.org/10.1137/080716542), begun anew where it overshoots
    (O'Donoghue & Candès 2015, https://doi.org/10.1007/s10208-013-9150-3). It works on features
    less their means without computing these: of sparse features, the stochastic solver of
    scikit-learn takes thousands of passes, because their means point one way. The objective is
    scikit-learn's for `C` and `l1_ratio`; `tol` is that of the mean gradient.
    """

    def fit(self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Find the coefficients.

        Parameters
        ----------
        X : ndarray or csr_matrix, shape (n, features)
        y : array-like of int, shape (n,)
        sample_weight : array-like, shape (n,), optional
        """
        self.classes_, labels = np.unique(np.asarray(y), return_inverse=True)
        weights = (
            np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, float)
        )
        strength = 1.0 / (self.C * weights.sum())
        weights = weights / weights.sum()
        outputs = 1 if len(self.classes_) == 2 else len(self.classes_)
        truth = (labels[:, None] == np.arange(len(self.classes_)))[:, -outputs:].astype(np.float64)
        mean = np.asarray(X.T @ weights)
        curvature = (0.25 if outputs == 1 else 0.5) * _largest(X, mean, weights)
        step = 1.0 / (curvature + 1e-12)

        def gradient(
            w: NDArray[np.float64], b: NDArray[np.float64]
        ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            scores = X @ w + (b - mean @ w)
            shares = expit(scores) if outputs == 1 else softmax(scores, axis=1)
            error = weights[:, None] * (shares - truth)
            total = error.sum(axis=0)
            return X.T @ error - np.outer(mean, total), total

        w, b = np.zeros((X.shape[1], outputs)), np.zeros(outputs)
        ahead, ahead_b, pace = w, b, 1.0
        steps = 0
        while steps < self.max_iter:
            steps += 1
            slope, slope_b = gradient(ahead, ahead_b)
            new = _shrunk(ahead - step * slope, step * strength, self.l1_ratio)
            new_b = ahead_b - slope_b / (0.25 if outputs == 1 else 0.5)
            moved, moved_b = new - ahead, new_b - ahead_b
            if max(np.abs(moved).max() / step, np.abs(slope_b).max()) <= self.tol:
                w, b = new, new_b
                break
            overshot = np.vdot(moved, new - w) + np.vdot(moved_b, new_b - b) < 0
            next_pace = 1.0 if overshot else (1 + np.sqrt(1 + 4 * pace**2)) / 2
            push = 0.0 if overshot else (pace - 1) / next_pace
            ahead, ahead_b = new + push * (new - w), new_b + push * (new_b - b)
            w, b, pace = new, new_b, next_pace
        else:
            warnings.warn(NOT_THERE.format(self.max_iter), ConvergenceWarning, stacklevel=2)
        self.coef_, self.intercept_ = np.ascontiguousarray(w.T), b - mean @ w
        self.n_iter_ = np.array([steps], dtype=np.int32)
        self.n_features_in_ = X.shape[1]
        return self


def _shrunk(w: NDArray[np.float64], by: float, l1_ratio: float) -> NDArray[np.float64]:
    """Return the proximal point of the penalty, of which `l1_ratio` is L1."""
    less = np.maximum(np.abs(w) - by * l1_ratio, 0)
    return np.sign(w) * less / (1 + by * (1 - l1_ratio))


def _largest(X: Rows, mean: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the largest eigenvalue of the covariance, or a little more."""
    v = np.random.default_rng(0).normal(size=X.shape[1])
    value = 0.0
    for _ in range(POWER_STEPS):
        v /= max(float(np.linalg.norm(v)), 1e-300)
        along = weights * (X @ v - mean @ v)
        v = X.T @ along - mean * along.sum()
        value = float(np.linalg.norm(v))
    return MARGIN * value
