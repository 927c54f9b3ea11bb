"""How classifiers of each domain are judged; a new domain is one entry of `JUDGED`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from cistron.base import domains
from cistron.base.settings import Settings
from cistron.encoders.cells.expression import Expression
from cistron.encoders.encoder import Encoder
from cistron.evaluation.baselines import RULES, Nearest, Parts, Rule, score_baselines
from cistron.evaluation.cell_baselines import rules_of_cells
from cistron.evaluation.cell_novelty import CellNovelty, fit_cell_novelty
from cistron.evaluation.novelty import Novelty, fit_novelty
from cistron.evaluation.settings import (
    USUAL,
    USUAL_OF_CELLS,
    USUAL_OF_DNA,
    Baseline,
    EvaluationSettings,
)
from cistron.samples.samples import Samples
from cistron.targets.truth import Predictions


def rules_of_sequences(encoder: Settings) -> Mapping[str, Rule]:  # noqa: ARG001 (of cells only)
    """Return the rules of sequences."""
    return RULES


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
    rules : callable
        The encoder's settings → the rules of `baselines`.
    describe : callable
        Called by `describe_training`.
    """

    baselines: tuple[Baseline, ...]
    projection: Literal["none", "pca"]
    rejects: bool
    rules: Callable[[Settings], Mapping[str, Rule]]
    describe: Callable[[Samples, Samples, Encoder], Novelty | CellNovelty]


_PROTEINS = Judged(USUAL, "none", False, rules_of_sequences, sequence_novelty)
JUDGED = {
    domains.PROTEINS.name: _PROTEINS,
    domains.PROFILES.name: _PROTEINS,
    domains.DNA.name: Judged(USUAL_OF_DNA, "none", False, rules_of_sequences, sequence_novelty),
    domains.CELLS.name: Judged(USUAL_OF_CELLS, "pca", True, rules_of_cells, cell_novelty),
}


def predict_baselines(
    samples: Samples,
    parts: Parts,
    evaluation: EvaluationSettings,
    encoder: Settings,
    nearest: Nearest | None = None,
) -> dict[str, Predictions]:
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
    rules = JUDGED[samples.payload.domain.name].rules(encoder)
    return score_baselines(
        samples,
        parts,
        evaluation.baselines,
        nearest,
        rules=rules,
        thresholds=evaluation.thresholds,
    )


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
