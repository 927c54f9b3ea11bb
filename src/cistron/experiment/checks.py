"""Sections of an experiment that cannot work together, refused before any data is read.

Each section declares what it reads and gives (see the base class of its settings); here the
declarations are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from cistron.base.errors import InputError
from cistron.base.settings import name_of
from cistron.encoders.kinds import KINDS as ENCODERS
from cistron.encoders.settings import EncoderSettings
from cistron.evaluation.settings import (
    ONLY_DNA,
    USUAL_OF_CELLS,
    NumberMetric,
    OneClassMetric,
    SetMetric,
)
from cistron.experiment.experiment import Experiment
from cistron.models.families import ModelSettings
from cistron.models.fixed_length import require_length
from cistron.models.kinds import KINDS as MODELS
from cistron.samples.kinds import KINDS as SAMPLES
from cistron.samples.settings import SEQUENCES, SamplesSettings, require_columns
from cistron.splits.kinds import KINDS as SPLITS
from cistron.training.augment.augment import require_possible
from cistron.training.settings import TrainingSettings

WORDS = {"protein": "protein sequences", "dna": "dna sequences", "genes": "cells"}
"""Contents of samples in words; any other is its own word."""


def check_sections(experiment: Experiment, source: str) -> None:
    """Refuse sections that cannot work together, before any data is read.

    Raises
    ------
    InputError
    """
    samples, encoder, model = experiment.samples, experiment.encoder, experiment.model
    where = f"{source}: "
    _check_encoder(samples, encoder, source)
    _check_model(encoder, model, source)
    require_length(encoder, model, where)
    _check_task(experiment, source)
    _check_baselines(experiment, source)
    _check_judging(experiment, source)
    check_tuning(encoder, model, experiment.training, source)
    groups = samples.group_names
    require_possible(experiment.augment, encoder, model, experiment.training, groups, where)
    _check_orthologs(experiment, source)
    for section in (encoder, experiment.split):
        require_columns(section.needs_columns, groups, where)
    try:
        experiment.split.require_possible()
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def check_tuning(
    encoder: EncoderSettings, model: ModelSettings, training: TrainingSettings, source: str
) -> None:
    """Refuse to train a language model where there is none, or nothing that it could learn from.

    Raises
    ------
    InputError
        If the encoder has no language model that can be trained, or the model is no network.
    """
    how = training.language_model
    if how == "frozen":
        return
    kinds = " or ".join(name_of(kind) for kind in ENCODERS if kind.language_model)
    where = f"{source}: training.language_model: {how!r} trains the language model of the encoder"
    if not encoder.language_model:
        raise InputError(
            f"{where} {kinds}, and the encoder is {encoder.kind!r}. Set encoder.kind: "
            f"{kinds}, or leave the key out."
        )
    if model.family != "network":
        raise InputError(
            f"{where} through the network upon it, and {model.kind!r} is no network. Set "
            "model.kind: mlp, or leave the key out."
        )
    if encoder.untrainable:
        raise InputError(f"{where}, and {encoder.untrainable}")


def _check_encoder(samples: SamplesSettings, encoder: EncoderSettings, source: str) -> None:
    """Refuse an encoder that cannot read the samples, or steps of it that cannot work."""
    if not encoder.reads & samples.gives:
        raise InputError(
            f"{source}: encoder.kind: {encoder.kind!r} reads {_in_words(encoder.reads)}, and "
            f"{_mend(samples, encoder)}"
        )
    if encoder.matrix is not None and samples.holds_counts != (encoder.matrix == "counts"):
        promised = "counts" if samples.holds_counts else "no counts"
        raise InputError(
            f"{source}: encoder.normalise.input: {encoder.matrix!r} is said of the matrix, and "
            f"samples.counts promises {promised}. Set samples.counts: "
            f"{str(encoder.matrix == 'counts').lower()}, or "
            f"encoder.normalise.input: {'counts' if samples.holds_counts else 'logarithms'}."
        )
    try:
        encoder.require_possible()
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _mend(samples: SamplesSettings, encoder: EncoderSettings) -> str:
    """Say what the samples are that the encoder does not read, and what would go together."""
    readers = ", ".join(name_of(kind) for kind in ENCODERS if kind.reads & samples.gives)
    if samples.content in SEQUENCES and encoder.reads <= SEQUENCES:
        return f"samples.alphabet is {samples.content!r}. Use one of: {readers}."
    sources = [name_of(kind) for kind in SAMPLES if kind.contents & encoder.reads]
    return (
        f"samples.kind is {samples.kind!r}, which gives {_in_words(samples.gives)}. Use one of the "
        f"encoders {readers}; or set samples.kind: {' or '.join(sources)}."
    )


def _in_words(contents: Iterable[str]) -> str:
    if contents == SEQUENCES:
        return "sequences"
    return " and ".join(WORDS.get(content, content) for content in sorted(contents))


def _check_model(encoder: EncoderSettings, model: ModelSettings, source: str) -> None:
    """Refuse a model that cannot read what the encoder gives."""
    gives = encoder.gives
    if model.reads != gives:
        fitting = [name_of(kind) for kind in MODELS if kind.offered and kind.reads == gives]
        raise InputError(
            f"{source}: model.kind: {model.kind!r} reads "
            f"{'one vector' if gives == 'positions' else 'positions'} per sample, and the encoder "
            f"{encoder.kind!r} gives {'positions' if gives == 'positions' else 'one vector'}. "
            f"Use one of: {', '.join(fitting)}; or another encoder."
        )


def _check_judging(experiment: Experiment, source: str) -> None:
    """Refuse a split or a search that is not of what the samples are."""
    samples, split, evaluation = experiment.samples, experiment.split, experiment.evaluation
    if not _reads(split.reads, samples):
        fitting = ", ".join(name_of(kind) for kind in SPLITS if _reads(kind.reads, samples))
        raise InputError(
            f"{source}: split.kind: {split.kind!r} keeps {_in_words(split.reads or ())} apart, and "
            f"samples.kind is {samples.kind!r}. Use one of: {fitting} (group: by patient, sample, "
            "clone or data set; with split.folds: each it leaves one group out)."
        )
    cells = samples.content == "genes"
    if cells and evaluation.homology_search:
        raise InputError(
            f"{source}: evaluation.homology_search: cells have no homologs. Leave the key out."
        )
    if not cells and evaluation.least_confidence:
        raise InputError(
            f"{source}: evaluation.least_confidence: only cells are rejected so far, and "
            f"samples.kind is {samples.kind!r}. Leave the key out."
        )


def _reads(contents: frozenset[str] | None, samples: SamplesSettings) -> bool:
    return contents is None or bool(contents & samples.gives)


def _check_baselines(experiment: Experiment, source: str) -> None:
    """Refuse baselines that read what these samples are not."""
    samples = experiment.samples
    cells = samples.content == "genes"
    for name in experiment.evaluation.baselines:
        if cells != (name in USUAL_OF_CELLS) and name != "majority":
            raise InputError(
                f"{source}: evaluation.baselines: {name!r} is a baseline of "
                f"{'sequences' if cells else 'cells'}, and samples.kind is {samples.kind!r}. "
                "Leave it out."
            )
        if name in ONLY_DNA and samples.content != "dna":
            raise InputError(
                f"{source}: evaluation.baselines: {name!r} reads DNA, and samples.alphabet is "
                f"{samples.content!r}. Leave it out."
            )


def _check_orthologs(experiment: Experiment, source: str) -> None:
    """Refuse orthologs cut like the samples, where samples are no windows of a genome."""
    samples = experiment.samples
    for settings in experiment.augment:
        if settings.cuts_genomes and not samples.windows_of_genomes:
            raise InputError(
                f"{source}: augment: {settings.kind}.genomes: orthologs are cut as the windows of "
                f"the samples, and samples.kind is {samples.kind!r}. Set samples.kind: genome, or "
                f"give the orthologs as {settings.kind}.fasta."
            )


# What depends on whether classes, several of them, or a number is predicted.


def _check_task(experiment: Experiment, source: str) -> None:
    """Refuse a model, a metric or a training that is not of what the samples carry."""
    number = bool(experiment.samples.quantity)
    _check_metric(experiment, source, number)
    model = experiment.model
    task = "numbers" if number else "classes"
    if task not in model.predicts:
        fitting = [
            name_of(kind)
            for kind in MODELS
            if kind.offered and task in kind.predicts and kind.reads == model.reads
        ]
        raise InputError(
            f"{source}: model.kind: {model.kind!r} predicts {' and '.join(model.predicts)}, and "
            f"the samples have {'a number' if number else 'classes'}. Use one of: "
            f"{', '.join(fitting)}."
        )
    if number:
        check_numbers(experiment.training, source)
    elif experiment.samples.separator and experiment.training.monitor != "loss":
        raise InputError(
            f"{source}: training.monitor: {experiment.training.monitor!r} is no metric of samples "
            "with several classes (samples.label_separator). Use loss."
        )


def _check_metric(experiment: Experiment, source: str, number: bool) -> None:
    """Refuse a metric that is not of what the samples carry."""
    metric = experiment.evaluation.metric
    several = bool(experiment.samples.separator)
    if number:
        allowed, kind = get_args(NumberMetric), "that have a number"
    elif metric in get_args(NumberMetric):
        allowed, kind = get_args(SetMetric if several else OneClassMetric), "that have classes"
    elif several:
        allowed = get_args(SetMetric)
        kind = "which may have several classes (samples.label_separator)"
    else:
        allowed = get_args(OneClassMetric)
        kind = "which have one class each (samples.label_separator)"
    if metric not in allowed:
        raise InputError(
            f"{source}: evaluation.metric: {metric!r} does not compare samples {kind}. "
            f"Use one of: {', '.join(allowed)}."
        )


def check_numbers(training: TrainingSettings, source: str) -> None:
    """Refuse what only classes have, where numbers are predicted.

    Raises
    ------
    InputError
        If samples are to be drawn or weighted by class, or a metric of classes stops training.
    """
    for key, usual in (("sampling", "natural"), ("monitor", "loss")):
        if getattr(training, key) != usual:
            raise InputError(
                f"{source}: training.{key}: {getattr(training, key)!r} is of classes, and the "
                f"samples have a number. Use {usual}."
            )
    if isinstance(training.class_weights, dict):
        raise InputError(
            f"{source}: training.class_weights: the samples have a number and no classes. Leave "
            "the key out; weights of samples are a column (samples.weight)."
        )
