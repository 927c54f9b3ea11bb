"""What simple rules of cells read: how deeply they were sequenced, and their genes."""

from __future__ import annotations

from typing import cast

import numpy as np

from cistron.base.cell_vectors import CellVectors
from cistron.base.settings import Settings
from cistron.encoders.cells.expression import ExpressionSettings
from cistron.evaluation.baselines import Floats, Matrix, Rule
from cistron.samples.cells.cell_profiles import depth_of
from cistron.samples.samples import Samples

PENALTY = 100.0  # of the regression on genes, which are many and correlated


def rules_of_cells(encoder: Settings) -> dict[str, Rule]:
    """Return the rules of cells.

    They are "depth" (the library size and the number of genes found) and "genes" (the genes that
    the encoder chooses).

    Parameters
    ----------
    encoder : ExpressionSettings
        Its steps are fitted on the training cells; components are left out.
    """
    chosen = cast("ExpressionSettings", encoder).model_copy(update={"components": None})

    def genes(train: Samples, others: Samples) -> tuple[Matrix, Matrix]:
        fitted = chosen.fit(train)
        return _matrix(fitted.encode(train)), _matrix(fitted.encode(others))

    def depth(train: Samples, others: Samples) -> tuple[Matrix, Matrix]:
        return _depth_features(train), _depth_features(others)

    return {"depth": Rule(depth), "genes": Rule(genes, PENALTY)}


def _matrix(vectors: CellVectors | Matrix) -> Matrix:
    return vectors.read() if isinstance(vectors, CellVectors) else vectors


def _depth_features(samples: Samples) -> Floats:
    logs = np.log1p(depth_of(samples))
    return np.hstack([logs, logs**2])
