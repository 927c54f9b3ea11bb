"""The experiment file: everything that defines a run, validated before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from cistron.base.errors import InputError
from cistron.base.settings import Settings
from cistron.encoders.cells.expression import ExpressionSettings
from cistron.encoders.composition import CompositionSettings
from cistron.encoders.kmers import KmersSettings
from cistron.encoders.language_models.protein_lm import ProteinLMSettings
from cistron.encoders.one_hot import OneHotSettings
from cistron.encoders.proteins.descriptors import DescriptorsSettings
from cistron.encoders.proteins.profile import ProfileSettings
from cistron.encoders.proteins.residues import ResiduesSettings
from cistron.evaluation.settings import USUAL_OF_CELLS, USUAL_OF_DNA, EvaluationSettings
from cistron.experiment.checks import check_sections
from cistron.experiment.mistakes import explain, line_numbers
from cistron.experiment.ranges import dimensions
from cistron.models.kinds import ModelSettings
from cistron.samples.cells.cells import CellSamples
from cistron.samples.genome.genome import GenomeSamples
from cistron.samples.sequences.fasta import FastaSamples
from cistron.samples.sequences.profiles import ProfileSamples
from cistron.samples.sequences.table import TableSamples
from cistron.splits.chromosome import ChromosomeSplit
from cistron.splits.group import GroupSplit
from cistron.splits.homology import HomologySplit
from cistron.splits.predefined import PredefinedSplit
from cistron.splits.random import RandomSplit
from cistron.training.augment.augment import Augmentations
from cistron.training.settings import TrainingSettings

# Each room's kinds: whoever adds a file adds it here (models list theirs in models/__init__.py).
SamplesSettings = Annotated[
    FastaSamples | TableSamples | ProfileSamples | GenomeSamples | CellSamples,
    Field(discriminator="kind"),
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
    | ProteinLMSettings
    | ExpressionSettings,
    Field(discriminator="kind"),
]


def _with_usual(document: Any) -> Any:
    """Put in what is usual for these samples where nothing was chosen.

    The metric of samples of several classes, or of a number; the baselines of DNA and of cells, of
    which no homologs are searched.
    """
    if not isinstance(document, dict):
        return document
    samples, evaluation = document.get("samples"), document.get("evaluation", {})
    if not isinstance(samples, dict) or not isinstance(evaluation, dict):
        return document
    usual: dict[str, Any] = {}
    label = samples.get("label")
    number = isinstance(label, dict) and label.get("kind") == "number"
    if samples.get("label_separator") is not None:
        usual["metric"] = "macro_f1"
    elif samples.get("target") is not None or number:
        usual["metric"] = "r2"
    if samples.get("kind") == "cells":
        usual |= {"baselines": list(USUAL_OF_CELLS), "homology_search": False}
        usual["projection"] = "pca"
    elif samples.get("alphabet") == "dna" or samples.get("kind") == "genome":
        usual["baselines"] = list(USUAL_OF_DNA)
    return {**document, "evaluation": {**usual, **evaluation}} if usual else document


class Experiment(Settings):
    """Everything that defines a run."""

    _usual = model_validator(mode="before")(_with_usual)

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
    document, lines = read_document(path, changes)
    return make_experiment(document, source=str(path), folder=path.parent, lines=lines)


def read_document(
    path: Path, changes: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[tuple[Any, ...], int]]:
    """Read an experiment file without validating it (see `read_experiment`).

    Returns
    -------
    document : dict
        With the changes.
    lines : dict
        Path of a key → the line it stands in; 0 for what a change says.

    Raises
    ------
    InputError
        If it cannot be read, or is no YAML mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path}: the experiment file cannot be read: {reason}.") from error
    try:
        document = yaml.safe_load(text)
        lines = dict(line_numbers(yaml.compose(text)))
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
        changed = tuple(change.partition("=")[0].strip().split("."))
        # What an option says stands in no line of the file.
        lines = {path: n for path, n in lines.items() if path[: len(changed)] != changed}
        lines[changed] = 0
    return document, lines


def make_experiment(
    document: dict[str, Any],
    source: str = "experiment",
    folder: Path | None = None,
    lines: dict[tuple[Any, ...], int] | None = None,
) -> Experiment:
    """Validate an experiment given as a dictionary (see `read_experiment`)."""
    ranges = dimensions(document)
    if ranges:
        raise InputError(
            f"{source}: {ranges[0].name} is a range, from which `cistron tune` chooses. Give one "
            f"value, or: cistron tune {source} --out RUN"
        )
    try:
        experiment = Experiment.model_validate(document, context={"folder": folder})
    except ValidationError as error:
        problems = [explain(e, document, source, lines or {}, Experiment) for e in error.errors()]
        raise InputError("\n".join(dict.fromkeys(problems))) from error
    check_sections(experiment, source)
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
            explain(
                {**e, "loc": (section, *e["loc"])}, {section: value}, "Settings", {}, Experiment
            )
            for e in error.errors()
        ]
        raise InputError("\n".join(problems)) from error


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
