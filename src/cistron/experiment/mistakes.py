"""Mistakes in an experiment file, said in sentences: the line, the key, what is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args

import yaml
from pydantic.fields import FieldInfo

from cistron.base.document import Json
from cistron.base.errors import nearest
from cistron.base.settings import OneOf, Settings

KeyPath = tuple[str | int, ...]
"""Keys and places in lists, from the section down."""


def line_numbers(node: yaml.Node | None, path: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    """Yield the key path and the 1-based line of every key of a YAML document."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from line_numbers(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*path, number), value.start_mark.line + 1
            yield from line_numbers(value, (*path, number))


def explain(
    error: Json,
    document: object,
    source: str,
    lines: Mapping[KeyPath, int],
    model: type[Settings],
) -> str:
    """Turn one pydantic error into a sentence."""
    path, owner = _place(error, document, model)
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
    if kind in ("model_attributes_type", "model_type"):
        return f"{where}: {error['input']!r} stands where keys do. Write {{kind: …}} or its keys."
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


def _place(
    error: Json, document: Any, model: type[Settings]
) -> tuple[KeyPath, type[Settings] | None]:
    """Return an error's key path as the user wrote it, and the class that owns the last key.

    Pydantic's locations also name the branch of a union ("fasta", "str", "[table]"): steps that
    are not in the document are such words, except the last one of a key that is missing.
    """
    path: list[str | int] = []
    owner: Any = model
    steps = error["loc"]
    for number, step in enumerate(steps):
        missing = error["type"] == "missing" and number == len(steps) - 1
        branch = next((k for k in _branches(owner) if _kind(k) == step), None)
        if branch is not None:  # also where a key of the section has the name of its kind
            owner = branch
            continue
        inside = isinstance(document, dict) and step in document
        inside |= isinstance(document, list | tuple) and isinstance(step, int)
        if not inside and not missing:
            owner = None
            continue
        path.append(step)
        if not missing:
            document = document[step]
        if isinstance(step, int):  # of a list: what its elements are
            owner = next(iter(_branches(owner)), None)
            continue
        fields = getattr(owner, "model_fields", {})
        if number < len(steps) - 1:
            owner = _annotation(fields[step]) if step in fields else None
    return tuple(path), owner if hasattr(owner, "model_fields") else None


def _annotation(field: FieldInfo) -> Any:
    """Return the annotation of a field, with the kinds that are kept apart of it."""
    kinds = [note for note in field.metadata if isinstance(note, OneOf)]
    return Annotated[(field.annotation, *kinds)] if kinds else field.annotation


def _branches(annotation: Any) -> tuple[Any, ...]:
    notes = getattr(annotation, "__metadata__", ())
    kinds = next((note.kinds for note in notes if isinstance(note, OneOf)), None)
    if kinds is not None:
        return tuple(kinds)
    return get_args(annotation.__origin__ if notes else annotation)


def _kind(branch: Any) -> str | None:
    field = getattr(branch, "model_fields", {}).get("kind")
    return field.default if field else None


def _keys(owner: type[Settings] | None) -> list[str]:
    if owner is None:
        return []
    return [field.alias or name for name, field in owner.model_fields.items()]
