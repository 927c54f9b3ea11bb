"""The experiment file, read and validated; mistakes name the line and the key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.settings import Settings
from cistron.base.yaml_text import parse_with_nodes, parse_yaml
from cistron.encoders.kinds import AnyEncoder
from cistron.encoders.settings import EncoderSettings
from cistron.experiment.checks import check_sections
from cistron.experiment.experiment import Augmentations, Experiment
from cistron.experiment.mistakes import KeyPath, explain, line_numbers
from cistron.experiment.ranges import dimensions
from cistron.models.families import ClassicalSettings, NetworkSettings
from cistron.models.kinds import AnyModel
from cistron.training.augment.settings import AugmentSettings

T = TypeVar("T")


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


def read_document(path: Path, changes: Sequence[str] = ()) -> tuple[Document, dict[KeyPath, int]]:
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
    document, root = parse_with_nodes(text, str(path))
    lines = dict(line_numbers(root))
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
    document: Document,
    source: str = "experiment",
    folder: Path | None = None,
    lines: dict[KeyPath, int] | None = None,
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


def parse_encoder(value: str | Document | Settings) -> EncoderSettings:
    """Return encoder settings from a kind, a dictionary of keys, or settings."""
    return _parse_section(value, TypeAdapter(AnyEncoder), "encoder")


def parse_augment(value: Iterable[str | Document | Settings]) -> tuple[AugmentSettings, ...]:
    """Return a tuple of augmentation settings from kinds, dictionaries of keys, or settings."""
    return _parse_section(list(value), TypeAdapter(Augmentations), "augment")


def parse_model(value: str | Document | Settings) -> NetworkSettings | ClassicalSettings:
    """Return model settings from a kind, a dictionary of keys, or settings."""
    model = _parse_section(value, TypeAdapter(AnyModel), "model")
    if model.family == "auto":
        raise InputError(
            "model.kind: 'auto' compares and blends several classifiers, and here one is made. Use "
            "cistron fit or crossval, or name the model."
        )
    return cast("NetworkSettings | ClassicalSettings", model)  # there are no other families


def _parse_section(value: object, adapter: TypeAdapter[T], section: str) -> T:
    if isinstance(value, str):
        value = {"kind": value}
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        problems = [
            explain(
                {**e, "loc": (section, *e["loc"])}, {section: value}, "Settings", {}, Experiment
            )
            for e in error.errors()
        ]
        raise InputError("\n".join(problems)) from error


def _apply(document: Document, change: str) -> None:
    """Set one dotted key of a document in place."""
    path, equals, value = change.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise InputError(f"--set {change}: write it as section.key=value, like training.epochs=5.")
    place = document
    for key in keys[:-1]:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise InputError(f"--set {change}: {key!r} is a single value and has no keys.")
    # A pattern such as *.bam would be an alias in YAML, which one value has no use for.
    pattern = value.strip().startswith("*")
    place[keys[-1]] = value.strip() if pattern else parse_yaml(value, f"--set {change}")
