"""The experiment file: everything that defines a run, validated before anything is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from cistron.augment import Augmentations, require_possible
from cistron.encoders.composition import CompositionSettings
from cistron.encoders.descriptors import DescriptorsSettings
from cistron.encoders.kmers import KmersSettings
from cistron.encoders.one_hot import OneHotSettings
from cistron.encoders.profile import ProfileSettings
from cistron.encoders.protein_lm import ProteinLMSettings
from cistron.encoders.residues import ResiduesSettings
from cistron.errors import InputError, nearest
from cistron.models import ModelSettings
from cistron.models.fixed_length import require_length
from cistron.samples.fasta import FastaSamples
from cistron.samples.genome import GenomeSamples
from cistron.samples.profiles import ProfileSamples
from cistron.samples.table import TableSamples
from cistron.settings import Settings
from cistron.splits.chromosome import ChromosomeSplit
from cistron.splits.group import GroupSplit
from cistron.splits.homology import HomologySplit
from cistron.splits.predefined import PredefinedSplit
from cistron.splits.random import RandomSplit, SplitShares
from cistron.training.settings import TrainingSettings

# Each room's kinds: whoever adds a file adds it here (models list theirs in models/__init__.py).
SamplesSettings = Annotated[
    FastaSamples | TableSamples | ProfileSamples | GenomeSamples, Field(discriminator="kind")
]
SplitSettings = Annotated[
    RandomSplit | GroupSplit | ChromosomeSplit | HomologySplit | PredefinedSplit,
    Field(discriminator="kind"),
]
EncoderSettings = Annotated[
    ResiduesSettings
    | ProfileSettings
    | OneHotSettings
    | KmersSettings
    | CompositionSettings
    | DescriptorsSettings
    | ProteinLMSettings,
    Field(discriminator="kind"),
]

ALPHABET_OF_ENCODER = {
    "residues": "protein",
    "one_hot": "dna",
    "descriptors": "protein",
    "protein_lm": "protein",
}


OneClassMetric = Literal["mcc", "accuracy", "balanced_accuracy"]
NumberMetric = Literal["r2", "pearson", "spearman", "rmse", "mae"]
SetMetric = Literal["macro_f1", "micro_f1", "macro_mcc", "jaccard", "exact_match"]


class EvaluationSettings(Settings):
    """The `evaluation` section: how the run is judged."""

    bootstrap: int = Field(1000, ge=100, description="resamples for the 95 % intervals")
    baselines: tuple[Literal["majority", "length", "composition", "homolog"], ...] = Field(
        ("majority", "length", "composition", "homolog"),
        description="scored on the same samples; of a number the mean stands for majority",
    )
    metric: Literal[OneClassMetric, SetMetric, NumberMetric] = Field(
        "mcc",
        description="the metric by which model and baselines are compared first; of several "
        "classes a sample it is macro_f1, of a number r2",
    )
    calibration: Literal["temperature", "none"] = "temperature"
    thresholds: Literal["f1", "mcc", "none"] = Field(
        "f1",
        description="of several classes a sample: what the threshold of each class maximises on "
        "the validation samples; none: 0.5 each",
    )
    homology_search: bool = Field(
        True, description="search test against training sequences for the audit and the baseline"
    )
    repeats: int = Field(
        1, ge=1, description="`crossval` as often, each with the next seed of split and training"
    )
    projection: Literal["none", "pca", "tsne", "umap"] = Field(
        "none", description="`fit` draws the encoded samples in two dimensions (umap: an extra)"
    )


def _compares_sets(document: Any) -> Any:
    """Put in the metric for samples of several classes, or of a number, where none was chosen."""
    if not isinstance(document, dict):
        return document
    samples, evaluation = document.get("samples"), document.get("evaluation", {})
    if not isinstance(samples, dict) or not isinstance(evaluation, dict):
        return document
    label = samples.get("label")
    if samples.get("label_separator") is not None:
        return {**document, "evaluation": {"metric": "macro_f1", **evaluation}}
    if samples.get("target") is not None or (
        isinstance(label, dict) and label.get("kind") == "number"
    ):
        return {**document, "evaluation": {"metric": "r2", **evaluation}}
    return document


class Experiment(Settings):
    """Everything that defines a run."""

    _metric_of_sets = model_validator(mode="before")(_compares_sets)

    name: str = Field(min_length=1)
    samples: SamplesSettings
    split: SplitSettings
    encoder: EncoderSettings
    augment: Augmentations = ()
    model: ModelSettings
    training: TrainingSettings = TrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    def to_yaml(self) -> str:
        """Return the experiment as YAML with every default written out."""
        return yaml.safe_dump(self.document(), sort_keys=False, allow_unicode=True)


def read_experiment(path: str | Path, changes: Sequence[str] = ()) -> Experiment:
    """Read and validate an experiment file.

    Parameters
    ----------
    path : path
        YAML; file names in it are relative to it.
    changes : sequence of str
        "training.epochs=5": override keys; values are YAML.

    Raises
    ------
    InputError
        Naming the line, the key, its value and what is allowed, for every mistake at once.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path}: the experiment file cannot be read: {reason}.") from error
    try:
        document = yaml.safe_load(text)
        lines = dict(_lines(yaml.compose(text)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise InputError(f"{path}{where}: this is not valid YAML: {problem}.") from error
    if not isinstance(document, dict):
        raise InputError(
            f"{path}: an experiment file is a YAML mapping with the sections "
            f"{', '.join(Experiment.model_fields)}. `cistron new` writes one to start from."
        )
    for change in changes:
        _apply(document, change)
    return make_experiment(document, source=str(path), folder=path.parent, lines=lines)


def make_experiment(
    document: dict[str, Any],
    source: str = "experiment",
    folder: Path | None = None,
    lines: dict[tuple[Any, ...], int] | None = None,
) -> Experiment:
    """Validate an experiment given as a dictionary (see `read_experiment`)."""
    try:
        experiment = Experiment.model_validate(document, context={"folder": folder})
    except ValidationError as error:
        problems = [_explain(e, document, source, lines or {}) for e in error.errors()]
        raise InputError("\n".join(dict.fromkeys(problems))) from error
    _check_sections(experiment, source)
    return experiment


def parse_encoder(value: Any) -> Any:
    """Return encoder settings from a kind, a dictionary of keys, or settings."""
    return _parse_section(value, EncoderSettings, "encoder")


def parse_augment(value: Any) -> Any:
    """Return a tuple of augmentation settings from kinds, dictionaries of keys, or settings."""
    return _parse_section(list(value), Augmentations, "augment")


def parse_model(value: Any) -> Any:
    """Return model settings from a kind, a dictionary of keys, or settings."""
    return _parse_section(value, ModelSettings, "model")


def _parse_section(value: Any, union: Any, section: str) -> Any:
    if isinstance(value, str):
        value = {"kind": value}
    try:
        return TypeAdapter(union).validate_python(value)
    except ValidationError as error:
        problems = [
            _explain({**e, "loc": (section, *e["loc"])}, {section: value}, "Settings", {})
            for e in error.errors()
        ]
        raise InputError("\n".join(problems)) from error


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


def _check_task(experiment: Experiment, source: str) -> None:
    """Refuse a model, a metric or an evaluation that is not of what the samples carry."""
    number = bool(getattr(experiment.samples, "quantity", ""))
    metric = experiment.evaluation.metric
    if number != (metric in get_args(NumberMetric)):
        several = getattr(experiment.samples, "label_separator", None) is not None
        allowed = get_args(NumberMetric if number else SetMetric if several else OneClassMetric)
        kind = "a number" if number else "classes"
        raise InputError(
            f"{source}: evaluation.metric: {metric!r} does not compare samples that have {kind}. "
            f"Use one of: {', '.join(allowed)}."
        )
    model = experiment.model
    task = "numbers" if number else "classes"
    if model.family == "classical" and task not in model.predicts:
        possible = [
            kind.model_fields["kind"].default
            for kind in _kinds(ModelSettings)
            if kind.family == "network" or task in kind.predicts
        ]
        fitting = [name for name in possible if parse_model(name).reads == model.reads]
        raise InputError(
            f"{source}: model.kind: {model.kind!r} predicts {' and '.join(model.predicts)}, and "
            f"the samples have {'a number' if number else 'classes'}. Use one of: "
            f"{', '.join(fitting)}."
        )
    if not number:
        return
    check_numbers(experiment.training, source)
    if experiment.evaluation.repeats > 1:
        raise InputError(
            f"{source}: evaluation.repeats: predicted numbers are not averaged over repeats. Run "
            "one crossval for each seed (--seed)."
        )


def _check_sections(experiment: Experiment, source: str) -> None:
    """Refuse sections that cannot work together, before any data is read."""
    samples, split, encoder = experiment.samples, experiment.split, experiment.encoder
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
        fitting = [
            kind.model_fields["kind"].default
            for kind in _kinds(ModelSettings)
            if kind.reads == gives
        ]
        raise InputError(
            f"{source}: model.kind: {experiment.model.kind!r} reads "
            f"{'one vector' if gives == 'positions' else 'positions'} per sample, and the encoder "
            f"{encoder.kind!r} gives {'positions' if gives == 'positions' else 'one vector'}. "
            f"Use one of: {', '.join(fitting)}; or another encoder."
        )
    require_length(encoder, experiment.model, f"{source}: ")
    _check_task(experiment, source)
    several = getattr(samples, "label_separator", None) is not None
    metric = experiment.evaluation.metric
    if several != (metric in get_args(SetMetric)):
        allowed = get_args(SetMetric if several else OneClassMetric)
        kind = "which may have several classes" if several else "which have one class each"
        raise InputError(
            f"{source}: evaluation.metric: {metric!r} does not compare samples {kind} "
            f"(samples.label_separator). Use one of: {', '.join(allowed)}."
        )
    if several and experiment.training.monitor != "loss":
        raise InputError(
            f"{source}: training.monitor: {experiment.training.monitor!r} is no metric of samples "
            "with several classes (samples.label_separator). Use loss."
        )
    if several and experiment.evaluation.repeats > 1:
        raise InputError(
            f"{source}: evaluation.repeats: samples with several classes (samples.label_separator) "
            "have thresholds that differ between repeats, which cannot be averaged. Run one "
            "crossval for each seed (--seed)."
        )
    check_tuning(encoder, experiment.model, experiment.training, source)
    groups = getattr(samples, "group_names", tuple(samples.groups or ()))
    require_possible(
        experiment.augment, encoder, experiment.model, experiment.training, groups, f"{source}: "
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


def _kinds(union: Any) -> tuple[Any, ...]:
    """Return the settings classes of a discriminated union."""
    return get_args(get_args(union)[0])


def _apply(document: dict[str, Any], change: str) -> None:
    """Set one dotted key of a document in place."""
    path, found, value = change.partition("=")
    keys = path.strip().split(".")
    if not found or not all(keys):
        raise InputError(f"--set {change}: write it as section.key=value, like training.epochs=5.")
    place = document
    for key in keys[:-1]:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise InputError(f"--set {change}: {key!r} is a single value and has no keys.")
    try:
        place[keys[-1]] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"--set {change}: the value is not valid YAML.") from error


def _lines(node: yaml.Node | None, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple, int]]:
    """Yield the key path and the 1-based line of every key of a YAML document."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from _lines(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*path, number), value.start_mark.line + 1
            yield from _lines(value, (*path, number))


def _explain(error: Any, document: Any, source: str, lines: dict[tuple[Any, ...], int]) -> str:
    """Turn one pydantic error into a sentence."""
    path, owner = _place(error, document, Experiment)
    key = ".".join(map(str, path)) or "the file"
    line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)
    where = f"{source}, line {line}: {key}" if line else f"{source}: {key}"
    kind, context = error["type"], error.get("ctx", {})
    tag = context.get("discriminator", "kind").strip("'")
    if kind == "extra_forbidden":
        allowed = _keys(owner)
        guess = nearest(str(path[-1]), allowed)
        choice = f" Allowed here: {', '.join(allowed)}." if allowed else ""
        return f"{where}: there is no such key.{guess}{choice}"
    if kind == "union_tag_invalid":
        allowed = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        guess = nearest(context["tag"], allowed)
        choice = f"there is no {context['tag']!r}.{guess} Use one of: {', '.join(allowed)}."
        return f"{where}.{tag}: {choice}"
    if kind == "union_tag_not_found":
        return f"{where}: the key `{tag}` is missing."
    if kind == "missing":
        return f"{where}: this key is missing."
    message = error["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    value = error["input"]
    given = f" (it is {value!r})" if isinstance(value, str | int | float | bool | None) else ""
    guess = ""
    if kind == "literal_error" and isinstance(value, str):
        guess = nearest(
            value,
            [word.strip(" '") for word in context["expected"].replace(" or ", ",").split(",")],
        )
    return f"{where}: {message}{given}.{guess}"


def _place(error: Any, document: Any, model: Any) -> tuple[tuple[Any, ...], type[Settings] | None]:
    """Return an error's key path as the user wrote it, and the class that owns the last key.

    Pydantic's locations also name the branch of a union ("fasta", "str", "[table]"): steps that
    are not in the document are such words, except the last one of a key that is missing.
    """
    path: list[Any] = []
    owner: Any = model
    steps = error["loc"]
    for number, step in enumerate(steps):
        missing = error["type"] == "missing" and number == len(steps) - 1
        inside = isinstance(document, dict) and step in document
        inside |= isinstance(document, list | tuple) and isinstance(step, int)
        if not inside and not missing:
            owner = next((k for k in _branches(owner) if _kind(k) == step), None)
            continue
        path.append(step)
        if not missing:
            document = document[step]
        if isinstance(step, int):  # of a list: what its elements are, without annotations
            element = next(iter(_branches(owner)), None)
            owner = getattr(element, "__origin__", element)
            continue
        fields = getattr(owner, "model_fields", {})
        if number < len(steps) - 1:
            owner = fields[step].annotation if step in fields else None
    return tuple(path), owner if hasattr(owner, "model_fields") else None


def _branches(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation)


def _kind(branch: Any) -> str | None:
    field = getattr(branch, "model_fields", {}).get("kind")
    return field.default if field else None


def _keys(owner: type[Settings] | None) -> list[str]:
    if owner is None:
        return []
    return [field.alias or name for name, field in owner.model_fields.items()]
