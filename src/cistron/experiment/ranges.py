"""Ranges in an experiment file, written where the value stands.

`{low: 1e-5, high: 1e-2, log: true}` is a range of numbers, `{choices: [8, 12, 16]}` a choice. What
is chosen may be a whole section, and may hold ranges itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from cistron.base.document import Document
from cistron.base.errors import InputError, nearest

SEARCHED = ("encoder", "augment", "model", "training")
MACHINE = ("seed", "device", "precision")  # keys of training that are no setting of a model
KEYS = ("low", "high", "log", "step", "start")

Path = tuple[str | int, ...]

Value = str | int | float | bool | None
"""A number, a text, or what an option is called."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Parameters
    ----------
    name : str
        Where it stands: "training.learning_rate".
    low, high : int or float
        Whole numbers are searched where both are whole.
    log : bool
        Whether numbers are drawn evenly by their logarithm.
    step : int or float, optional
        Distance of the numbers that are tried.
    start : int or float, optional
        What the first trial has; the middle of the range without it.
    """

    name: str
    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None
    start: int | float | None = None

    @property
    def first(self) -> int | float:
        """What the first trial has."""
        if self.start is not None:
            return self.start
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        if self.step is not None:
            middle = self.low + self.step * math.floor((middle - self.low) / self.step)
        return int(middle) if isinstance(self.low, int) else middle


@dataclass(frozen=True)
class Choice:
    """One of several values, or of several sections.

    Parameters
    ----------
    name : str
        Where it stands.
    options : tuple
        What is put there.
    labels : tuple
        What each option is called in tables and in the study: the value itself, where it is a
        number, a text or nothing, else the kind of the section.
    """

    name: str
    options: tuple[object, ...]
    labels: tuple[Value, ...]


Suggest = Callable[[Range | Choice], Value]
"""Is given a range or a choice, and returns a number or the label of an option."""


def fill(document: object, suggest: Suggest, path: Path = ()) -> Any:
    """Return a document with a value in place of every range and choice.

    Parameters
    ----------
    document : JSON types
    suggest : callable
    path : tuple
        Where the document stands.

    Raises
    ------
    InputError
        If a range or a choice is not well formed.
    """
    if _holds_none(document, path):
        return document
    if _is_choice(document):
        choice = _choice(document, path)
        number = choice.labels.index(suggest(choice))
        inside = (*path[:-1], f"{path[-1]}[{choice.labels[number]}]")
        return fill(choice.options[number], suggest, inside)
    if _is_range(document):
        return suggest(_range(document, path))
    if isinstance(document, dict):
        return {key: fill(value, suggest, (*path, key)) for key, value in document.items()}
    if isinstance(document, list):
        return [fill(value, suggest, (*path, n)) for n, value in enumerate(document)]
    return document


def first(dimension: Range | Choice) -> Value:
    """Return what the first trial has: where a range says to start, and the first option."""
    return dimension.first if isinstance(dimension, Range) else dimension.labels[0]


def dimensions(document: object) -> list[Range | Choice]:
    """Return every range and choice of a document, those inside of options as well."""
    return list(_walk(document, ()))


def corners(document: object) -> Iterator[tuple[str, Any]]:
    """Yield documents in which each end of a range, and each option, stands at least once.

    Yields
    ------
    name : str
        Range or choice that is not at its first value; "" for the document in which all are.
    document : JSON types
    """
    yield "", fill(document, first)
    for wanted in dimensions(document):
        ends = wanted.labels if isinstance(wanted, Choice) else (wanted.low, wanted.high)
        for end in ends:
            chosen = _towards(wanted.name, end)
            yield wanted.name, fill(document, chosen)


def require_searchable(document: Document, source: str) -> None:
    """Refuse ranges where nothing may be searched, and a search without any.

    Raises
    ------
    InputError
    """
    ranges = dimensions(document)
    if not ranges:
        raise InputError(
            f"{source}: there is nothing to search. Write a range where a value stands, such as "
            "`learning_rate: {low: 1e-4, high: 1e-2, log: true}` or `filters: {choices: [32, 64]}`."
        )
    for dimension in ranges:
        section, *inside = re.sub(r"\[.*?\]", "", dimension.name).split(".")
        if section not in SEARCHED:
            raise InputError(
                f"{source}: {dimension.name}: only {', '.join(SEARCHED)} are searched; what is "
                "asked and how it is judged must be the same for all trials."
            )
        if section == "training" and inside and inside[-1] in MACHINE:
            raise InputError(
                f"{source}: {dimension.name}: {inside[-1]} is not searched: the best of several "
                "would be a matter of luck. Give one value."
            )


def _walk(document: object, path: Path) -> Iterator[Range | Choice]:
    if _holds_none(document, path):
        return
    if _is_choice(document):
        choice = _choice(document, path)
        yield choice
        for label, option in zip(choice.labels, choice.options, strict=True):
            yield from _walk(option, (*path[:-1], f"{path[-1]}[{label}]"))
    elif _is_range(document):
        yield _range(document, path)
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from _walk(value, (*path, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from _walk(value, (*path, number))


def _towards(name: str, end: Value) -> Suggest:
    """Return what chooses `end` there, the options that lead to it, and else the first value."""

    def suggest(dimension: Range | Choice) -> Value:
        if dimension.name == name:
            return end
        if isinstance(dimension, Choice):
            for label in dimension.labels:
                if name.startswith(f"{dimension.name}[{label}]"):
                    return label
        return first(dimension)

    return suggest


def _holds_none(document: object, path: Path) -> bool:
    """Tell places where keys are names of classes, which may be called low and high."""
    if not path or path[0] == "samples":
        return bool(path)
    weights = str(path[-1]).startswith("class_weights")
    return weights and not (_is_choice(document) and isinstance(document["choices"], list))


def _is_choice(value: object) -> TypeGuard[Document]:
    return isinstance(value, dict) and "choices" in value


def _is_range(value: object) -> TypeGuard[Document]:
    return isinstance(value, dict) and "low" in value and "high" in value


def _choice(value: Document, path: Path) -> Choice:
    name = ".".join(map(str, path))
    unknown = [key for key in value if key != "choices"]
    if unknown:
        raise InputError(f"{name}: {unknown[0]!r} does not go with `choices`.")
    options = value["choices"]
    if not isinstance(options, list) or len(options) < 2:
        raise InputError(f"{name}: `choices` is a list of two values or more.")
    labels = [_label(option) for option in options]
    repeated = {label for label in labels if labels.count(label) > 1}
    labels = [
        f"{label} {number}" if label in repeated else label
        for number, label in enumerate(labels, start=1)
    ]
    return Choice(name, tuple(options), tuple(labels))


def _label(option: Any) -> Any:
    if isinstance(option, dict):
        return str(option.get("kind", "option"))
    if isinstance(option, list):
        return "+".join(str(_label(element)) for element in option) or "none"
    return option


def _range(value: Document, path: Path) -> Range:
    name = ".".join(map(str, path))
    for key in value:
        if key not in KEYS:
            raise InputError(
                f"{name}: a range has no key {key!r}.{nearest(key, KEYS)} Its keys are: "
                f"{', '.join(KEYS)}."
            )
    low, high = _number(value["low"], f"{name}.low"), _number(value["high"], f"{name}.high")
    log = value.get("log", False)
    step, start = (
        None if value.get(key) is None else _number(value[key], f"{name}.{key}")
        for key in ("step", "start")
    )
    if not isinstance(log, bool):
        raise InputError(f"{name}.log: it is true or false (it is {log!r}).")
    if low >= high:
        raise InputError(f"{name}: low ({low:g}) must be below high ({high:g}).")
    if log and low <= 0:
        raise InputError(f"{name}: a range by logarithms starts above zero (low is {low:g}).")
    if log and step is not None:
        raise InputError(f"{name}: `step` does not go with `log`.")
    if step is not None and (step <= 0 or step > high - low):
        raise InputError(f"{name}.step: it lies between zero and high - low (it is {step:g}).")
    if start is not None and not low <= start <= high:
        raise InputError(f"{name}.start: it lies between {low:g} and {high:g} (it is {start:g}).")
    if not all(isinstance(number, int) for number in (low, high, step or 1, start or 1)):
        low, high = float(low), float(high)
    return Range(name, low, high, log, step, start)


def _number(value: object, name: str) -> int | float:
    """Return a number; YAML reads 1e-5, which has no point, as text."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name}: it must be a number (it is {value!r}).")
    return value
