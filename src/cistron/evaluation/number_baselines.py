"""What simple rules predict of a number; fitted on training samples only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cistron.evaluation.baselines import (
    FEATURES,
    HOMOLOG,
    KMERS,
    MAJORITY,
    Nearest,
    require_dna,
)
from cistron.models.classical.ridge import RidgeSettings
from cistron.samples.samples import Samples

Floats = NDArray[np.float64]
MEAN = "mean"


def score_number_baselines(
    samples: Samples,
    train_rows: NDArray[np.int64],
    test_rows: NDArray[np.int64],
    which: Sequence[str],
    nearest: Nearest | None = None,
) -> dict[str, Floats]:
    """Return what each baseline predicts of the test samples.

    `majority` stands for `mean`, that of the training samples; `length`, `gc`, `composition` and
    `kmers` are ridge regressions on the same features as of classes; `homolog` copies the
    number of the nearest training sample, moved towards the mean by the share of letters that
    differ, and is the mean where none is similar.

    Parameters
    ----------
    samples : Samples
        With numbers.
    train_rows, test_rows : ndarray of int
        Rows of `samples`.
    which : sequence of str
        Out of "majority", "length", "gc", "composition", "kmers" and "homolog".
    nearest : Nearest, optional
        Without it "homolog" is left out.

    Returns
    -------
    dict of str to ndarray, shape (test samples,)
    """
    train, test = samples.take(train_rows), samples.take(test_rows)
    mean = float(train.numbers.mean())
    predictions: dict[str, Floats] = {}
    for name in which:
        if name == MAJORITY:
            predictions[MEAN] = np.full(len(test), mean)
        elif name != HOMOLOG:
            require_dna(name, train)
            predictions[name] = _ridge(train, test, name)
        elif nearest is not None:
            row, identity = nearest
            believed = np.where(row >= 0, identity, 0.0)
            predictions[name] = mean + believed * (samples.numbers[row] - mean)
    return predictions


def _ridge(train: Samples, test: Samples, name: str) -> Floats:
    """Return what ridge regression on standardised features predicts of the test samples.

    Words are more features than samples can fix, so the penalty of theirs is chosen.
    """
    features = FEATURES[name]
    model = RidgeSettings(penalty="auto" if name == KMERS else 1.0).build_regressor(0)
    model.fit(features(train.sequences), train.numbers)
    return model.predict(features(test.sequences)) if len(test) else np.empty(0)
