"""Permutation importance: what is lost when one feature is that of other samples.

Breiman, L. Random forests. Machine Learning 45, 5-32 (2001), doi:10.1023/A:1010933404324.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.explain.perturbed import encoded_inputs
from cistron.samples.samples import Samples

Floats = NDArray[np.float64]


def permutation_importance(
    classifier: Classifier,
    samples: Samples,
    *,
    groups: Sequence[str] = (),
    repeats: int = 5,
    resamples: int = 1000,
    seed: int = 1,
) -> pd.DataFrame:
    """Return how much each feature is worth on labelled samples.

    The importance is the rise of the log loss (of numbers, of the squared error in their unit)
    when the feature's values change places among the samples. Its interval is a bootstrap of 95 %
    over groups.

    Parameters
    ----------
    classifier : Classifier
        Its encoder gives one vector a sample.
    samples : Samples
        Labelled; best those of the test part.
    groups : sequence of str
        Columns of samples that are resampled together; without them each is by itself.
    repeats : int
        Permutations of each feature.
    resamples : int
    seed : int

    Returns
    -------
    DataFrame
        `feature`, `importance`, `low`, `high`; the most important first.

    Raises
    ------
    InputError
        If samples are positions, or unlabelled.
    """
    if isinstance(classifier, Ensemble):
        raise InputError("Permutation importance is of one model: ask it of each member.")
    X = classifier.encoder_.encode(samples)
    if not isinstance(X, np.ndarray):
        raise InputError("Permutation importance is for features, and the encoder gives positions.")
    model = encoded_inputs(classifier, X)
    whole = _losses(classifier, samples, model.score(X))
    rng = np.random.default_rng(seed)
    rises = np.zeros(X.shape)
    for feature in range(X.shape[1]):
        for _ in range(repeats):
            changed = X.copy()
            changed[:, feature] = rng.permutation(X[:, feature])
            rises[:, feature] += (
                _losses(classifier, samples, model.score(changed)) - whole
            ) / repeats
    low, high = _interval(rises, samples.group(groups), resamples, rng)
    names = classifier.encoder_.names or [f"feature_{n + 1}" for n in range(X.shape[1])]
    table = pd.DataFrame(
        {"feature": names, "importance": rises.mean(axis=0), "low": low, "high": high}
    )
    return table.sort_values("importance", ascending=False, ignore_index=True)


def _losses(classifier: Classifier, samples: Samples, logits: Array) -> Floats:
    """Return the loss of each sample, shape (n,)."""
    head = classifier.head
    lost = head.lost(head.truth(samples.table["label"]), logits[:, : head.outputs])
    if not np.isfinite(lost).all():
        raise InputError(
            f"{(~np.isfinite(lost)).sum():,} of {len(lost):,} samples have no label that the "
            "classifier knows. Leave them out."
        )
    return lost


def _interval(
    values: Floats, groups: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the 95 % interval of the mean of each column, resampling groups."""
    _, group = np.unique(groups, return_inverse=True)
    number = int(group.max()) + 1
    sums = np.zeros((number, values.shape[1]))
    np.add.at(sums, group, values)
    sizes = np.bincount(group, minlength=number)
    drawn = rng.multinomial(number, np.full(number, 1 / number), size=resamples)
    means = (drawn @ sums) / (drawn @ sizes)[:, None]
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high
