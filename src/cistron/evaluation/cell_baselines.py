"""What simple rules score on the same cells, each fitted on the training cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cistron.base.cell_vectors import CellVectors
from cistron.base.settings import Settings
from cistron.encoders.cells.expression import ExpressionSettings
from cistron.evaluation.baselines import MAJORITY, majority
from cistron.samples.cells.cell_profiles import depth_of
from cistron.samples.samples import Samples

PENALTY = 100.0  # 1 / C of the regression on genes, which are many and correlated

Floats = NDArray[np.float64]
Vectors = CellVectors | NDArray[np.floating]


def score_cell_baselines(
    samples: Samples,
    train_rows: NDArray[np.int64],
    test_rows: NDArray[np.int64],
    which: Sequence[str],
    encoder: Settings,
) -> dict[str, Floats]:
    """Return what each baseline predicts of the test cells.

    Parameters
    ----------
    samples : Samples
        Labelled cells.
    train_rows, test_rows : ndarray of int
        Rows of `samples`.
    which : sequence of str
        Out of "majority", "depth" (logistic regression on the library size and the number of
        genes found) and "genes" (logistic regression on the genes that the encoder chooses).
    encoder : ExpressionSettings
        Its steps are fitted on the training cells; components are left out.

    Returns
    -------
    dict of str to ndarray, shape (test cells, classes)
        In the order of `which`.
    """
    train, test = samples.take(train_rows), samples.take(test_rows)
    rules: dict[str, Callable[[], Floats]] = {
        MAJORITY: lambda: majority(train, test),
        "depth": lambda: _logistic(train, _depth_features(train), _depth_features(test), 1.0),
        "genes": lambda: _on_genes(train, test, encoder),
    }
    return {name: rules[name]() for name in which}


def _depth_features(samples: Samples) -> Floats:
    logs = np.log1p(depth_of(samples))
    return np.hstack([logs, logs**2])


def _on_genes(train: Samples, test: Samples, encoder: Settings) -> Floats:
    chosen = cast("ExpressionSettings", encoder).model_copy(update={"components": None})
    fitted = chosen.fit(train)
    return _logistic(train, fitted.encode(train), fitted.encode(test), PENALTY)


def _logistic(train: Samples, known: Vectors, asked: Vectors, penalty: float) -> Floats:
    """Return what logistic regression on standardised features predicts, shape (test, classes)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    targets = train.targets
    probabilities = np.zeros((len(asked), len(train.classes)))
    if len(np.unique(targets)) < 2:
        probabilities[:, targets[0]] = 1.0
        return probabilities
    if len(asked) == 0:
        return probabilities
    sparse = isinstance(known, CellVectors)
    # What cells share is a constant, which the intercept holds: sparse rows stay sparse.
    features, others = (v.read() if isinstance(v, CellVectors) else v for v in (known, asked))
    model = make_pipeline(
        StandardScaler(with_mean=not sparse), LogisticRegression(C=1 / penalty, max_iter=1000)
    )
    model.fit(features, targets)
    probabilities[:, model.classes_] = model.predict_proba(others)
    return probabilities
