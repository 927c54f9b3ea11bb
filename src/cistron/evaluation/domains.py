"""How classifiers of each domain are judged; a new domain is one entry of `JUDGED`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from cistron.base import domains
from cistron.base.settings import Settings
from cistron.encoders.cells.expression import Expression
from cistron.encoders.encoder import Encoder
from cistron.evaluation.baselines import Nearest, score_baselines, score_set_baselines
from cistron.evaluation.cell_baselines import score_cell_baselines
from cistron.evaluation.cell_novelty import CellNovelty, fit_cell_novelty
from cistron.evaluation.novelty import Novelty, fit_novelty
from cistron.evaluation.number_baselines import score_number_baselines
from cistron.evaluation.settings import (
    USUAL,
    USUAL_OF_CELLS,
    USUAL_OF_DNA,
    Baseline,
    EvaluationSettings,
)
from cistron.samples.samples import Samples
from cistron.targets.calls import Calls

Rows = NDArray[np.int64]
Parts = tuple[Rows, Rows, Rows]
"""Rows of the training, validation and test samples."""
Predictions = Mapping[str, NDArray[np.float64] | Calls]
"""What each baseline predicts of the test samples: numbers of shape (tested,), probabilities of
shape (tested, classes), or Calls where a sample may have several classes."""


def sequence_baselines(
    samples: Samples,
    parts: Parts,
    evaluation: EvaluationSettings,
    encoder: Settings,  # noqa: ARG001 (of cells only)
    nearest: Nearest | None,
) -> Predictions:
    """Return what each baseline predicts of the test sequences."""
    train, _, test = parts
    which = evaluation.baselines
    if samples.quantity:
        return score_number_baselines(samples, train, test, which, nearest)
    if samples.separator:
        return score_set_baselines(samples, parts, which, nearest, evaluation.thresholds)
    return score_baselines(samples, train, test, which, nearest)


def cell_baselines(
    samples: Samples,
    parts: Parts,
    evaluation: EvaluationSettings,
    encoder: Settings,
    nearest: Nearest | None,  # noqa: ARG001 (of sequences only)
) -> Predictions:
    """Return what each baseline predicts of the test cells."""
    return score_cell_baselines(samples, parts[0], parts[2], evaluation.baselines, encoder)


def sequence_novelty(
    train: Samples,
    validation: Samples,  # noqa: ARG001 (of cells only)
    encoder: Encoder,  # noqa: ARG001
) -> Novelty:
    """Describe training sequences by their letters and lengths."""
    return fit_novelty(train)


def cell_novelty(train: Samples, validation: Samples, encoder: Encoder) -> CellNovelty:
    """Describe training cells by their genes as the encoder has scaled them."""
    vectors, others = (cast("Expression", encoder).scaled(part) for part in (train, validation))
    return fit_cell_novelty(train, vectors, validation, others)


@dataclass(frozen=True)
class Judged:
    """How classifiers of one domain are judged.

    Parameters
    ----------
    baselines : tuple of str
        All baselines there are, scored unless `evaluation.baselines` names some of them.
    projection : {"none", "pca"}
        What `evaluation.projection` is unless it is given.
    rejects : bool
        Whether samples without a confident class are rejected (`evaluation.least_confidence`).
    predict : callable
        Called by `predict_baselines`.
    describe : callable
        Called by `describe_training`.
    """

    baselines: tuple[Baseline, ...]
    projection: Literal["none", "pca"]
    rejects: bool
    predict: Callable[[Samples, Parts, EvaluationSettings, Settings, Nearest | None], Predictions]
    describe: Callable[[Samples, Samples, Encoder], Novelty | CellNovelty]


_PROTEINS = Judged(USUAL, "none", False, sequence_baselines, sequence_novelty)
JUDGED = {
    domains.PROTEINS.name: _PROTEINS,
    domains.PROFILES.name: _PROTEINS,
    domains.DNA.name: Judged(USUAL_OF_DNA, "none", False, sequence_baselines, sequence_novelty),
    domains.CELLS.name: Judged(USUAL_OF_CELLS, "pca", True, cell_baselines, cell_novelty),
}


def predict_baselines(
    samples: Samples,
    parts: Parts,
    evaluation: EvaluationSettings,
    encoder: Settings,
    nearest: Nearest | None = None,
) -> Predictions:
    """Return what each baseline predicts of the test samples, in the order of the settings.

    Parameters
    ----------
    samples : Samples
        Labelled.
    parts : tuple of ndarray of int
        Rows of the training, validation and test samples.
    evaluation : EvaluationSettings
        `baselines` and `thresholds` are read.
    encoder : Settings
        Of the encoder, which chooses the genes of cells.
    nearest : Nearest, optional
        Without it "homolog" is left out.
    """
    judged = JUDGED[samples.payload.domain.name]
    return judged.predict(samples, parts, evaluation, encoder, nearest)


def describe_training(
    train: Samples, validation: Samples, encoder: Encoder
) -> Novelty | CellNovelty:
    """Return what training samples look like, so that unlike ones can be told.

    Parameters
    ----------
    train, validation : Samples
        Labelled.
    encoder : Encoder
        Fitted on the training samples.
    """
    return JUDGED[train.payload.domain.name].describe(train, validation, encoder)
