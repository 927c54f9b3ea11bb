"""Sections of an experiment that cannot work together, refused before any data is read.

Each section declares what it reads and gives (see the base class of its settings); here the
declarations are compared.
"""

from __future__ import annotations

from collections.abc import Iterable

from cistron.base.domains import CELLS, DNA, DOMAINS
from cistron.base.errors import InputError
from cistron.base.settings import name_of
from cistron.encoders.kinds import KINDS as ENCODERS
from cistron.encoders.settings import EncoderSettings
from cistron.evaluation.domains import JUDGED
from cistron.evaluation.settings import ONLY_DNA
from cistron.experiment.experiment import Experiment
from cistron.models.families import ModelSettings
from cistron.models.fixed_length import require_length
from cistron.models.kinds import KINDS as MODELS
from cistron.samples.kinds import KINDS as SAMPLES
from cistron.samples.settings import SEQUENCES, SamplesSettings, require_columns
from cistron.splits.kinds import KINDS as SPLITS
from cistron.targets.kinds import kinds_with
from cistron.targets.target import Target
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
    check_start(model, experiment.training, source)
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


def check_start(
    model: ModelSettings, training: TrainingSettings, source: str, starts: bool = False
) -> None:
    """Refuse to start from the weights of another network, or to freeze some, without a network.

    Raises
    ------
    InputError
    """
    starts = starts or training.start_from is not None
    frozen = any(stage.frozen for stage in (training, *training.stages))
    if model.family != "network" and (starts or frozen):
        key = "start_from" if starts else "frozen"
        raise InputError(
            f"{source}: training.{key} is about the weights of a network, and the model "
            f"{model.kind!r} has none. Choose a network for model.kind, or leave the key out."
        )


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
    if model.reads not in (gives, "candidates"):
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
    domain = DOMAINS[samples.content]
    if evaluation.homology_search and not domain.homologs:
        raise InputError(
            f"{source}: evaluation.homology_search: {domain.nouns} have no homologs. Leave the key "
            "out."
        )
    if evaluation.least_confidence and not JUDGED[domain.name].rejects:
        raise InputError(
            f"{source}: evaluation.least_confidence: only cells are rejected so far, and "
            f"samples.kind is {samples.kind!r}. Leave the key out."
        )


def _reads(contents: frozenset[str] | None, samples: SamplesSettings) -> bool:
    return contents is None or bool(contents & samples.gives)


def _check_baselines(experiment: Experiment, source: str) -> None:
    """Refuse baselines that read what these samples are not."""
    samples = experiment.samples
    domain = DOMAINS[samples.content]
    for name in experiment.evaluation.baselines:
        if name not in JUDGED[domain.name].baselines and name not in ONLY_DNA:
            raise InputError(
                f"{source}: evaluation.baselines: {name!r} is a baseline of "
                f"{'sequences' if domain is CELLS else 'cells'}, and samples.kind is "
                f"{samples.kind!r}. Leave it out."
            )
        if name in ONLY_DNA and domain is not DNA:
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


def _check_task(experiment: Experiment, source: str) -> None:
    """Refuse a model, a metric or a training that is not of what the samples carry."""
    target, model = experiment.samples.asks, experiment.model
    _check_metric(experiment.evaluation.metric, target, source)
    if target.task not in model.predicts:
        fitting = [
            name_of(kind)
            for kind in MODELS
            if kind.offered and target.task in kind.predicts and kind.reads == model.reads
        ]
        raise InputError(
            f"{source}: model.kind: {model.kind!r} predicts {' and '.join(model.predicts)}, and "
            f"the samples have {target.words}. Use one of: {', '.join(fitting)}."
        )
    check_target(target, experiment.training, source)


def _check_metric(metric: str, target: Target, source: str) -> None:
    """Refuse a metric that is not of what the samples carry."""
    allowed = [each.name for each in target.metrics if each.headline]
    allowed.sort(key=lambda name: name != target.usual_metric)
    if metric not in allowed:
        alike = any(kind.task == target.task for kind in kinds_with(metric))
        words = target.samples if alike else f"that have {target.words}"
        raise InputError(
            f"{source}: evaluation.metric: {metric!r} does not compare samples {words}. "
            f"Use one of: {', '.join(allowed)}."
        )


def check_target(target: Target, training: TrainingSettings, source: str) -> None:
    """Refuse training settings that make no sense for what is asked.

    Raises
    ------
    InputError
    """
    refused = target.refuses(training.sampling, training.monitor, training.class_weights)
    if refused:
        raise InputError(f"{source}: {refused}")
