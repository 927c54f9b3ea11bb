"""Model folders with one thing wrong in each, sealed again: as whoever wanted harm would."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from tests.places import DATA

SAVED = DATA / "saved"
INPUTS = {"proteins": "input.fasta", "several": "input.tsv", "cells": "input.tsv"}
ABSENT = object()


def deep(levels: int) -> Any:
    """Return lists within lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


VALUES = {
    "absent": ABSENT,
    "null": None,
    "text": "x",
    "negative": -1,
    "nan": float("nan"),
    "infinite": float("inf"),
    "huge": 10**30,
    "list": [],
    "object": {},
    "nested": deep(90),
    "numbers": [1, 2, 3],
    "true": True,
}


@dataclass(frozen=True)
class Case:
    """A folder with something wrong: what makes it so of a copy of a saved classifier."""

    name: str
    saved: str
    damage: Callable[[Path], None]

    def make(self, folder: Path) -> Path:
        """Return the damaged model folder."""
        shutil.copytree(SAVED / self.saved / "model", folder)
        self.damage(folder)
        return folder


def read(folder: Path) -> dict[str, Any]:
    """Return classifier.json."""
    return json.loads((folder / "classifier.json").read_text())


def seal(folder: Path, document: dict[str, Any], *, files: bool = True) -> None:
    """Write classifier.json with checksums that are right."""
    if files and isinstance(document.get("files"), dict):
        document["files"] = {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            if (folder / str(name)).is_file()
            else value
            for name, value in document["files"].items()
        }
    document.pop("sha256", None)
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "classifier.json").write_text(json.dumps(document, ensure_ascii=False))


def paths(value: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value of a document."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, part in value.items():
            yield from paths(part, (*at, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from paths(part, (*at, number))


def put(document: Any, path: tuple[Any, ...], value: object) -> None:
    """Set one value of a document, or take it out."""
    for key in path[:-1]:
        document = document[key]
    if value is ABSENT:
        del document[path[-1]]
    else:
        document[path[-1]] = value


def changed_key(path: tuple[Any, ...], value: object) -> Callable[[Path], None]:
    """Return what changes one value of classifier.json."""

    def damage(folder: Path) -> None:
        document = read(folder)
        put(document, path, value)
        seal(folder, document, files=path[0] != "files")

    return damage


def descriptions() -> Iterator[Case]:
    """Yield every value of the three documents, taken out or of another type."""
    for saved in INPUTS:
        document = json.loads((SAVED / saved / "model" / "classifier.json").read_text())
        for path in paths(document):
            if path[0] == "sha256":
                continue
            for word, value in VALUES.items():
                name = f"{saved}-{'.'.join(map(str, path))}-{word}"
                yield Case(name, saved, changed_key(path, value))


ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "nan": lambda a: np.full_like(a, np.nan) if a.dtype.kind == "f" else a.ravel()[:0],
    "one_nan": lambda a: np.where(np.arange(a.size).reshape(a.shape) == 0, np.nan, a),
    "infinite": lambda a: np.full_like(a, np.inf) if a.dtype.kind == "f" else a.ravel()[:0],
    "empty": lambda a: np.empty(0, a.dtype),
    "longer": lambda a: np.concatenate([a.ravel(), a.ravel()]),
    "scalar": lambda a: np.zeros((), a.dtype),
    "other_type": lambda a: a.astype(np.int64 if a.dtype.kind == "f" else np.float32),
    "double": lambda a: a.astype(np.float64 if a.dtype != np.float64 else np.float16),
    "largest": lambda a: np.full_like(a, np.finfo(a.dtype).max if a.dtype.kind == "f" else 255),
    "zeros": np.zeros_like,
    "negative": lambda a: (a * 0 - 1).astype(a.dtype),
}


def changed_array(
    name: str, tensor: str, change: Callable[[np.ndarray], np.ndarray] | None
) -> Callable[[Path], None]:
    """Return what changes one array of a safetensors file, or takes it out."""

    def damage(folder: Path) -> None:
        arrays = load_file(folder / name)
        array = arrays.pop(tensor)
        if change is not None:
            arrays[tensor] = np.ascontiguousarray(change(array))
        save_file(arrays, folder / name)
        seal(folder, read(folder))

    return damage


def added_array(name: str, tensor: str) -> Callable[[Path], None]:
    """Return what adds an array to a safetensors file."""

    def damage(folder: Path) -> None:
        save_file({**load_file(folder / name), tensor: np.ones(3)}, folder / name)
        seal(folder, read(folder))

    return damage


def arrays() -> Iterator[Case]:
    """Yield every array of the safetensors files, changed or taken out, and some too many."""
    for saved in INPUTS:
        for path in sorted((SAVED / saved / "model").glob("*.safetensors")):
            for tensor in load_file(path):
                for word, change in {**ARRAYS, "absent": None}.items():
                    name = f"{saved}-{path.stem}-{tensor}-{word}"
                    yield Case(name, saved, changed_array(path.name, tensor, change))
            for tensor in ("strange", "encoder.strange", "novelty.strange"):
                damage = added_array(path.name, tensor)
                yield Case(f"{saved}-{path.stem}-{tensor}-added", saved, damage)


def changed_bytes(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return what changes the bytes of a file."""

    def damage(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))
        if name != "classifier.json":
            seal(folder, read(folder))

    return damage


def flipped(seed: int) -> Callable[[bytes], bytes]:
    """Return what flips three bits."""

    def change(content: bytes) -> bytes:
        rng = np.random.default_rng(seed)
        damaged = bytearray(content)
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] ^= 1 << rng.integers(8)
        return bytes(damaged)

    return change


def contents() -> Iterator[Case]:
    """Yield every file cut short, replaced, or with flipped bits."""
    long = (2**62).to_bytes(8, "little")
    nested = b"[" * 100_000
    whole: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda _: b"",
        "half": lambda content: content[: len(content) // 2],
        "all_but_one": lambda content: content[:-1],
        "more": lambda content: content + b"\0",
        "long_header": lambda content: long + content[8:],
        "deep": lambda _: nested,
        "deep_header": lambda _: len(nested).to_bytes(8, "little") + nested,
        "latin": lambda _: b"\xff\xfe{}",
        "list": lambda _: b"[1, 2]",
        "number": lambda _: b"9" * 5000,
        "twice": lambda content: content.replace(b"{", b'{"format": 1,', 1),
        **{f"bits_{seed}": flipped(seed) for seed in range(8)},
    }
    for saved in INPUTS:
        for path in sorted((SAVED / saved / "model").iterdir()):
            for word, change in whole.items():
                name = f"{saved}-{path.name}-{word}"
                yield Case(name, saved, changed_bytes(path.name, change))
