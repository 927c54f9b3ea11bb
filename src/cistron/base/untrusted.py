"""JSON and arrays of files that others may have written, cut short or changed."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open

from cistron.base.arrays import Array, Arrays
from cistron.base.document import Document
from cistron.base.errors import InputError

if TYPE_CHECKING:
    import torch

MOST_TEXT = 1 << 28  # bytes of a JSON file
DEEPEST = 100  # levels of lists and objects
T = TypeVar("T")

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    SafetensorError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What libraries raise where a file is damaged, depending on where the damage is."""


@contextmanager
def as_damage(message: str) -> Iterator[None]:
    """Say that a file is damaged, where reading it fails in whatever way.

    Parameters
    ----------
    message : str
        Which file, and the remedy. `{}` stands for what went wrong.
    """
    try:
        yield
    except InputError:
        raise
    except DAMAGE as error:
        words = " ".join(str(error).split())[:200]
        raise InputError(message.replace("{}", words or type(error).__name__)) from error


def parse_json(text: str | bytes, source: str) -> Any:
    """Return what a JSON text says.

    Raises
    ------
    InputError
        If it is not valid JSON, has a key twice or is nested too deeply.
    """
    try:
        value = json.loads(text, object_pairs_hook=_different_keys)
        _require_bounded(value)
    except JSONDecodeError as error:
        raise InputError(f"{source} is cut short or damaged: {error}.") from error
    except UnicodeError as error:
        raise InputError(f"{source} is damaged: it is not UTF-8 text.") from error
    except RecursionError as error:
        raise InputError(f"{source} is damaged: its values are nested too deeply.") from error
    except ValueError as error:
        raise InputError(f"{source} is damaged: {error}.") from error
    return value


def read_json(path: Path) -> Any:
    """Return what a JSON file says (see `parse_json`).

    Raises
    ------
    InputError
        Also if it cannot be read.
    """
    try:
        if path.stat().st_size > MOST_TEXT:
            raise InputError(f"{path} is damaged: it has more than {MOST_TEXT:,} bytes.")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return parse_json(content, str(path))


def read_object(path: Path) -> Document:
    """Return what a JSON file says that holds an object (see `read_json`)."""
    document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(f"{path} is damaged: it should hold an object with keys.")
    return document


def as_model(model: type[T], document: object, source: str) -> T:
    """Return a document as what it should be.

    Raises
    ------
    InputError
        Naming the first key that is missing or has a wrong value.
    """
    try:
        return checked(model, document)
    except ValueError as error:
        raise InputError(f"{source} is damaged: {error}.") from error


def checked(kind: type[T], value: object) -> T:
    """Return a value as a type: a pydantic model, a dataclass, or what these hold.

    Raises
    ------
    ValueError
        With the key of the first value that is refused, and why.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error


def first_problem(error: ValidationError) -> str:
    """Return the key of the first value that is refused, and why, without a full stop."""
    first = error.errors()[0]
    problem = first["msg"].removeprefix("Value error, ").rstrip(".")
    if first["type"] in ("model_type", "dataclass_type", "dict_type"):
        problem = "it should be an object with keys"
    words = [*map(str, first["loc"]), problem[0].lower() + problem[1:]]
    return ": ".join(filter(None, [".".join(words[:-1]), words[-1]]))


def read_arrays(
    path: Path, infinite: Collection[str] = (), missing: Collection[str] = ()
) -> Arrays:
    """Return the arrays of a safetensors file, by name.

    Parameters
    ----------
    path : Path
    infinite, missing : collection of str
        Names of arrays that may hold infinite numbers, and of those that may hold NaN.

    Raises
    ------
    InputError
        If it is damaged, or holds numbers that are not finite.
    """
    return {
        name: array
        if name in missing
        else require_finite(array, f"{path}: the array {name!r}", infinite=name in infinite)
        for name, array in _tensors(path, "np").items()
    }


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file, by name (see `read_arrays`)."""
    tensors: dict[str, torch.Tensor] = _tensors(path, "pt")
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise InputError(_not_finite(f"{path}: the tensor {name!r}"))
    return tensors


def _tensors(path: Path, framework: str) -> Any:
    words = f"{path} is cut short or damaged ({{}}). Copy it again from where it was made."
    with as_damage(words), safe_open(path, framework=framework) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def require_finite(array: Array, what: str, *, infinite: bool = False) -> Array:
    """Return an array; refuse numbers that are not finite, or, where these may be, NaN.

    Raises
    ------
    InputError
    """
    if np.issubdtype(array.dtype, np.inexact):
        known = ~np.isnan(array) if infinite else np.isfinite(array)
        if not known.all():
            raise InputError(_not_finite(what))
    return array


def require_arrays(
    arrays: Arrays, axes: Mapping[str, Sequence[str]], positive: Collection[str] = ()
) -> None:
    """Refuse arrays that do not fit each other.

    Parameters
    ----------
    arrays : dict of ndarray
    axes : mapping of str to sequence of str
        Name of an array → what each of its axes counts. Axes of one name have one length.
    positive : collection of str
        Names of arrays whose numbers are all greater than 0.

    Raises
    ------
    ValueError
    """
    lengths: dict[str, int] = {}
    for name, counted in axes.items():
        if name not in arrays:
            raise ValueError(f"there is no array {name!r}")
        shape = arrays[name].shape
        if len(shape) != len(counted) or any(
            lengths.setdefault(axis, length) != length
            for axis, length in zip(counted, shape, strict=True)
        ):
            raise ValueError(f"the array {name!r} has the shape {list(shape)}, not {counted}")
        if name in positive and not (arrays[name] > 0).all():
            raise ValueError(f"the array {name!r} holds numbers that are not positive")


def _not_finite(what: str) -> str:
    return (
        f"{what} holds values that are not finite numbers. It is damaged, or training failed. It "
        "is not used."
    )


def _different_keys(pairs: list[tuple[str, Any]]) -> Document:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is written twice")
    return document


def _require_bounded(value: object) -> None:
    """Refuse depth that later steps cannot follow, and text that cannot be written again."""
    level = [value]
    for _ in range(DEEPEST):
        for text in level:
            if isinstance(text, str):
                text.encode()
        level = [
            part
            for values in level
            if isinstance(values, dict | list)
            for part in (values if isinstance(values, list) else [*values, *values.values()])
        ]
        if not level:
            return
    raise RecursionError
