"""Probabilities that mean what they say: temperature scaling on the validation samples.

Where a sample may have several classes, a shift for each class is fitted with the temperature.

The kinds of calibration are "temperature" and "none" (a temperature of 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

BOUNDS = (0.05, 20.0)
# A logit of minus infinity counts as this far below the highest: the log loss's own limit.
LOWEST = float(np.log(np.finfo(np.float64).eps))


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Return the probabilities of logits, over the last axis, without overflow."""
    logits = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def sigmoid(logits: ArrayLike) -> NDArray[np.float64]:
    """Return the probability of each logit by itself."""
    from scipy.special import expit

    return expit(np.asarray(logits, dtype=np.float64))


def apply(logits: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Return calibrated probabilities, shape (n, classes)."""
    return softmax(np.asarray(logits, dtype=np.float64) / temperature)


def fit_temperature(logits: ArrayLike, targets: ArrayLike) -> float:
    """Return the temperature that minimises the log loss.

    One number that divides all logits, so that no prediction changes, only how sure it is (Guo et
    al. 2017, https://doi.org/10.48550/arXiv.1706.04599).

    Parameters
    ----------
    logits : array-like, shape (n, classes)
        Of validation samples.
    targets : array-like of int, shape (n,)
        Their classes.

    Returns
    -------
    float
        From 0.05 to 20, so that logits which separate the classes perfectly do not grow without
        end; 1 where nothing is gained or there is no sample.

    Raises
    ------
    ValueError
        If a logit is NaN or plus infinity.
    """
    from scipy.optimize import minimize_scalar

    logits, targets = np.asarray(logits, dtype=np.float64), np.asarray(targets, dtype=np.int64)
    if len(targets) == 0:
        return 1.0
    if np.isnan(logits).any() or np.isposinf(logits).any():
        raise ValueError("logits must be numbers: the network has diverged")
    shifted = logits - logits.max(axis=1, keepdims=True)
    shifted[np.isneginf(shifted)] = LOWEST
    true = shifted[np.arange(len(targets)), targets]

    def loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        return float((np.log(np.exp(shifted * scale).sum(axis=1)) - true * scale).mean())

    bounds = np.log(BOUNDS)
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    if found.fun >= loss(0.0):
        return 1.0
    return float(np.clip(np.exp(found.x), *BOUNDS))


def fit_shifts(logits: ArrayLike, memberships: ArrayLike) -> tuple[float, NDArray[np.float64]]:
    """Return the temperature, and a shift for each class, that minimise the log loss.

    Probabilities are sigmoid(logit / temperature + shift): Platt scaling with one slope for all
    classes. The shift undoes what weights of rare classes do to their logits. Platt's targets
    ((n + 1) / (n + 2) and 1 / (n + 2), with n the samples that have, or lack, the class) keep
    shifts finite where few samples have a class (Platt 1999, Advances in Large Margin Classifiers,
    61-74).

    Parameters
    ----------
    logits : array-like, shape (n, classes)
        Of validation samples.
    memberships : array-like of bool, shape (n, classes)

    Returns
    -------
    temperature : float
        From 0.05 to 20.
    shifts : ndarray, shape (classes,)

    Raises
    ------
    ValueError
        If a logit is no number.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    logits = np.asarray(logits, dtype=np.float64)
    truth = np.asarray(memberships, dtype=bool)
    if not np.isfinite(logits).all():
        raise ValueError("logits must be numbers: the network has diverged")
    if logits.size == 0:
        return 1.0, np.zeros(logits.shape[1])
    having, lacking = truth.sum(axis=0), (~truth).sum(axis=0)
    wanted = np.where(truth, (having + 1) / (having + 2), 1 / (lacking + 2))

    def loss(free: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scaled = logits * free[0] + free[1:]
        excess = (expit(scaled) - wanted) / scaled.size
        value = (np.logaddexp(0, scaled) - wanted * scaled).mean()
        return float(value), np.append((excess * logits).sum(), excess.sum(axis=0))

    start = np.append(1.0, np.zeros(logits.shape[1]))
    slope = (1 / BOUNDS[1], 1 / BOUNDS[0])
    bounds = [slope, *[(None, None)] * logits.shape[1]]
    options = {"ftol": 1e-12, "gtol": 1e-8, "maxiter": 1000}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return float(1 / found.x[0]), found.x[1:]
