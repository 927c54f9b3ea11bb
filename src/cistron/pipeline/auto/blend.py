"""Weights of candidates, from what they say of samples that they were not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from cistron.targets.target import Target
from cistron.targets.truth import Truth

Floats = NDArray[np.float64]
LEAST = 0.02  # share below which a candidate is not worth its time in every prediction


def blend_weights(outputs: Sequence[Floats], truth: Truth, target: Target) -> Floats:
    """Return the weights of least loss, not negative, with the sum 1.

    Wolpert, D. H. Stacked generalization. Neural Networks 5, 241-259 (1992),
    https://doi.org/10.1016/S0893-6080(05)80023-1; weights that are not negative: Breiman, L.
    Stacked regressions. Machine Learning 24, 49-64 (1996), https://doi.org/10.1007/BF00117832.

    Parameters
    ----------
    outputs : sequence of ndarray, shape (n, outputs)
        Of each candidate: calibrated logits, or numbers.
    truth : ndarray
    target : Target
        Uncalibrated: what is asked. The sum of the weights is free in the search, as a temperature
        is, and is left to the calibration of the blend.
    """
    each = np.stack(outputs)

    def loss(weights: Floats) -> float:
        blended = np.tensordot(weights, each, axes=1)
        return float(np.nanmean(target.lost(truth, blended)))

    count = len(each)
    single = [loss(row) for row in np.eye(count)]
    best = np.eye(count)[int(np.argmin(single))]
    scale = max(min(single), 1e-12)
    starts = (best, np.full(count, 1 / count))
    found = [
        minimize(lambda w: loss(w) / scale, start, method="L-BFGS-B", bounds=[(0, None)] * count).x
        for start in starts
    ]
    weights = min([best, *found], key=loss)
    shares = weights / weights.sum() if weights.sum() > 0 else best
    kept = np.where(shares < LEAST, 0.0, shares)
    return np.asarray(kept / kept.sum())
