"""Probabilities that mean what they say: temperature scaling on the validation samples.

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
