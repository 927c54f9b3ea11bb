"""Sections of an experiment that cannot work together, refused before any data is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cistron.base.errors import InputError, nearest
from cistron.evaluation.settings import (
    ONLY_DNA,
    USUAL_OF_CELLS,
)
from cistron.models.fixed_length import require_length
from cistron.models.kinds import KINDS
from cistron.splits.random import SplitShares
from cistron.targets.kinds import kinds_with
from cistron.targets.target import Target
from cistron.training.augment.augment import of_kind, require_possible
from cistron.training.settings import TrainingSettings

if TYPE_CHECKING:
    from cistron.experiment.experiment import Experiment

OFFERED = [kind for kind in KINDS if getattr(kind, "offered", True)]
ALPHABET_OF_ENCODER = {
    "residues": "protein",
    "one_hot": "dna",
    "descriptors": "protein",
    "protein_lm": "protein",
}


def check_sections(experiment: Experiment, source: str) -> None:
    """Refuse sections that cannot work together, before any data is read."""
    encoder = experiment.encoder
    _check_encoder(experiment, source)
    require_length(encoder, experiment.model, f"{source}: ")
    _check_task(experiment, source)
    _check_baselines(experiment, source)
    check_target(experiment.samples.asks, experiment.training, source)
    _check_judging(experiment, source)
    check_tuning(encoder, experiment.model, experiment.training, source)
    _check_groups(experiment, source)


def check_tuning(encoder: Any, model: Any, training: TrainingSettings, source: str) -> None:
    """Refuse to train a language model where there is none, or nothing that it could learn from.

    Raises
    ------
    InputError
        If the encoder is no language model, or the model no network.
    """
    how = training.language_model
    if how == "frozen":
        return
    where = f"{source}: training.language_model: {how!r} trains the language model of the encoder"
    if encoder.kind != "protein_lm":
        raise InputError(
            f"{where} protein_lm, and the encoder is {encoder.kind!r}. Set encoder.kind: "
            "protein_lm, or leave the key out."
        )
    if model.family != "network":
        raise InputError(
            f"{where} through the network upon it, and {model.kind!r} is no network. Set "
            "model.kind: mlp, or leave the key out."
        )
    if encoder.precision == "int8":
        raise InputError(f"{where}, and int8 cannot be trained. Set encoder.precision: auto.")


def check_target(target: Target, training: TrainingSettings, source: str) -> None:
    """Refuse training settings that make no sense for what is asked.

    Raises
    ------
    InputError
    """
    refused = target.refuses(training.sampling, training.monitor, training.class_weights)
    if refused:
        raise InputError(f"{source}: {refused}")


def _check_task(experiment: Experiment, source: str) -> None:
    """Refuse a model, a metric or a training that is not of what the samples carry."""
    target, model = experiment.samples.asks, experiment.model
    _check_metric(experiment, source, target)
    if model.family == "classical" and target.task not in model.predicts:
        fitting = [
            kind.model_fields["kind"].default
            for kind in OFFERED
            if (kind.family == "network" or target.task in kind.predicts)
            and kind().reads == model.reads
        ]
        raise InputError(
            f"{source}: model.kind: {model.kind!r} predicts {' and '.join(model.predicts)}, and "
            f"the samples have {target.words}. Use one of: {', '.join(fitting)}."
        )


def _check_metric(experiment: Experiment, source: str, target: Target) -> None:
    """Refuse a metric that is not of what the samples carry."""
    metric = experiment.evaluation.metric
    allowed = [one.name for one in target.metrics if one.headline]
    allowed.sort(key=lambda name: name != target.usual_metric)
    if metric not in allowed:
        alike = any(kind.task == target.task for kind in kinds_with(metric))
        words = target.samples if alike else f"that have {target.words}"
        raise InputError(
            f"{source}: evaluation.metric: {metric!r} does not compare samples {words}. "
            f"Use one of: {', '.join(allowed)}."
        )


def _check_encoder(experiment: Experiment, source: str) -> None:
    """Refuse an encoder that cannot read the samples, and a model that cannot read the encoder."""
    samples, encoder = experiment.samples, experiment.encoder
    _check_cells(samples, encoder, source)
    wanted = ALPHABET_OF_ENCODER.get(encoder.kind)
    if wanted is not None and samples.alphabet != wanted:
        others = [k for k, a in ALPHABET_OF_ENCODER.items() if a == samples.alphabet]
        raise InputError(
            f"{source}: encoder.kind: {encoder.kind!r} reads {wanted} sequences, and "
            f"samples.alphabet is {samples.alphabet!r}. Use one of: "
            f"{', '.join([*others, 'kmers', 'composition'])}."
        )
    if encoder.kind == "profile" and samples.kind != "profiles":
        raise InputError(
            f"{source}: encoder.kind: 'profile' reads profiles, and samples.kind is "
            f"{samples.kind!r}. Set samples.kind: profiles, or use another encoder (residues)."
        )
    gives = encoder.gives
    if experiment.model.reads != gives:
        fitting = [kind.model_fields["kind"].default for kind in OFFERED if kind.reads == gives]
        raise InputError(
            f"{source}: model.kind: {experiment.model.kind!r} reads "
            f"{'one vector' if gives == 'positions' else 'positions'} per sample, and the encoder "
            f"{encoder.kind!r} gives {'positions' if gives == 'positions' else 'one vector'}. "
            f"Use one of: {', '.join(fitting)}; or another encoder."
        )


def _check_cells(samples: Any, encoder: Any, source: str) -> None:
    """Refuse cells without the encoder that reads them, and that encoder without cells."""
    if samples.kind == "cells" and encoder.kind != "expression":
        raise InputError(
            f"{source}: encoder.kind: {encoder.kind!r} reads sequences, and samples.kind is "
            "'cells'. Use expression."
        )
    if encoder.kind != "expression":
        return
    if samples.kind != "cells":
        raise InputError(
            f"{source}: encoder.kind: 'expression' reads cells, and samples.kind is "
            f"{samples.kind!r}, which gives sequences. Set samples.kind: cells, or use another "
            "encoder (residues for proteins, one_hot for DNA)."
        )
    held = encoder.normalise.input
    if samples.counts != (held == "counts"):
        promised = "counts" if samples.counts else "no counts"
        raise InputError(
            f"{source}: encoder.normalise.input: {held!r} is said of the matrix, and "
            f"samples.counts promises {promised}. Set samples.counts: "
            f"{str(held == 'counts').lower()}, or "
            f"encoder.normalise.input: {'counts' if samples.counts else 'logarithms'}."
        )
    try:
        encoder.require_possible()
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _check_judging(experiment: Experiment, source: str) -> None:
    """Refuse a split, a baseline or a search that is not of what the samples are."""
    cells = experiment.samples.kind == "cells"
    split, evaluation = experiment.split, experiment.evaluation
    if cells and split.kind in ("homology", "chromosome"):
        raise InputError(
            f"{source}: split.kind: {split.kind!r} keeps sequences apart, and samples.kind is "
            "'cells'. Use group (patient, sample, clone or data set; split.folds: each leaves one "
            "group out), random or predefined."
        )
    if cells and evaluation.homology_search:
        raise InputError(
            f"{source}: evaluation.homology_search: cells have no homologs. Leave the key out."
        )
    if not cells and evaluation.least_confidence:
        raise InputError(
            f"{source}: evaluation.least_confidence: only cells are rejected so far, and "
            f"samples.kind is {experiment.samples.kind!r}. Leave the key out."
        )


def _check_baselines(experiment: Experiment, source: str) -> None:
    """Refuse baselines that read what these samples are not."""
    kind, alphabet = experiment.samples.kind, getattr(experiment.samples, "alphabet", None)
    for name in experiment.evaluation.baselines:
        if (kind == "cells") != (name in USUAL_OF_CELLS) and name != "majority":
            what = "sequences" if kind == "cells" else "cells"
            raise InputError(
                f"{source}: evaluation.baselines: {name!r} is a baseline of {what}, and "
                f"samples.kind is {kind!r}. Leave it out."
            )
        if name in ONLY_DNA and alphabet != "dna":
            raise InputError(
                f"{source}: evaluation.baselines: {name!r} reads DNA, and samples.alphabet is "
                f"{alphabet!r}. Leave it out."
            )


def _check_groups(experiment: Experiment, source: str) -> None:
    """Refuse a split or an augmentation by groups that the samples do not declare."""
    samples, split = experiment.samples, experiment.split
    groups = getattr(samples, "group_names", tuple(samples.groups or ()))
    require_possible(
        experiment.augment,
        experiment.encoder,
        experiment.model,
        experiment.training,
        groups,
        f"{source}: ",
    )
    phyloaug = of_kind(experiment.augment, "phyloaug")
    if phyloaug is not None and phyloaug.genomes and samples.kind != "genome":
        raise InputError(
            f"{source}: augment: phyloaug.genomes: orthologs are cut as the windows of the "
            f"samples, and samples.kind is {samples.kind!r}. Set samples.kind: genome, or give "
            "the orthologs as phyloaug.fasta."
        )
    needed = {
        "group": ("split.columns", getattr(split, "columns", ())),
        "chromosome": (
            "split.keep_apart",
            (getattr(split, "column", ""), *getattr(split, "keep_apart", ())),
        ),
        "homology": ("split.keep_together", getattr(split, "keep_together", ())),
        "predefined": ("split.column", (getattr(split, "column", ""),)),
    }.get(split.kind, ("", ()))
    by = getattr(getattr(experiment.encoder, "genes", None), "by", None)
    if by is not None and by not in groups:
        raise InputError(
            f"{source}: encoder.genes.by: {by!r} is not declared under samples.groups (there "
            f"are: {', '.join(groups) or 'none'}).{nearest(by, groups)}"
        )
    for column in needed[1]:
        if column not in groups:
            raise InputError(
                f"{source}: {needed[0]}: {column!r} is not declared under samples.groups (there "
                f"are: {', '.join(groups) or 'none'}).{nearest(column, groups)}"
            )
    if isinstance(split, SplitShares) and split.test + split.validation >= 1:
        raise InputError(
            f"{source}: split.test and split.validation add up to 1 or more and leave nothing to "
            "train on."
        )
