"""Profiles in numpy archives (.npz), padded to one length: read a stretch at a time."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.errors import InputError, nearest
from cistron.samples.records import Block
from cistron.samples.samples import Profiles

RESIDUES = 20
ROWS = 256  # proteins read at once: 8 MB at 400 positions
TOLERANCE = 0.2  # of a position's sum: percentages are rounded, or rounded down
ARRAYS = ("x", "mask", "y", "id")


@dataclass(frozen=True)
class ArrayNames:
    """What the arrays of an archive are called; None: the one whose name begins like the key."""

    x: str | None = None
    mask: str | None = None
    y: str | None = None
    id: str | None = None


def npz_blocks(
    path: Path, names: ArrayNames = ArrayNames()
) -> Iterator[tuple[Block, NDArray[np.int64] | None]]:
    """Read an archive in constant memory.

    Parameters
    ----------
    path : Path
    names : ArrayNames

    Yields
    ------
    Block, ndarray of int64 or None
        Consecutive proteins, and their y, shape (proteins,), where the archive has it.

    Raises
    ------
    InputError
        If the file is no archive of profiles, an array is missing or of another shape, or every
        protein that is read first has a problem.
    """
    with ExitStack() as opened:
        try:
            archive = opened.enter_context(zipfile.ZipFile(path))
        except (zipfile.BadZipFile, OSError) as error:
            raise InputError(f"{path} is no readable numpy archive (.npz): {error}.") from error
        arrays = _arrays(path, archive, names, opened)
        x = arrays["x"]
        mask, y, ids = (arrays.get(key) for key in ("mask", "y", "id"))
        count, first = x.shape[0], 1
        while first <= count:
            size = min(ROWS, count + 1 - first)
            profile = x.read(size)
            inside = None if mask is None else mask.read(size)
            classes = None if y is None else _classes(y.read(size), path, first)
            given = None if ids is None else [str(name) for name in ids.read(size)]
            block = _block(profile, inside, given, path.stem, first)
            if first == 1 and all(block.problems):
                raise InputError(f"{path}, record 1: {block.problems[0]}. {_ADVICE}")
            yield block, classes
            first += size


_ADVICE = (
    "All records at the beginning of the file are like that. A profile is an array of "
    "(proteins, positions, 20) probabilities in the order ARNDCQEGHILKMFPSTWYV, with a mask of "
    "(proteins, positions) that is 1 on the first positions of each."
)


class _Array:
    """One array of an archive, read from its beginning, some rows at a time."""

    def __init__(self, path: Path, name: str, stream: IO[bytes]) -> None:
        self.name, self._stream, self._path = name, stream, path
        try:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0
            if version >= (2, 0):
                read = np.lib.format.read_array_header_2_0
            self.shape, fortran, self._dtype = read(stream)
        except ValueError as error:
            raise InputError(f"{path}: the array {name!r} cannot be read: {error}.") from error
        if self._dtype.hasobject:
            raise InputError(
                f"{path}: the array {name!r} holds Python objects, which are never loaded. Save "
                "it as numbers or text (ids: np.array(ids, dtype=str))."
            )
        if fortran and len(self.shape) > 1:
            raise InputError(
                f"{path}: the array {name!r} is stored column by column. Save it as "
                "np.ascontiguousarray(array)."
            )

    def read(self, rows: int) -> Array:
        shape = (rows, *self.shape[1:])
        size = int(np.prod(shape)) * self._dtype.itemsize
        try:
            data = self._stream.read(size)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise InputError(f"{self._path}: {self.name!r} is damaged: {error}.") from error
        if len(data) < size:
            raise InputError(f"{self._path}: the array {self.name!r} is cut short.")
        return np.frombuffer(data, dtype=self._dtype).reshape(shape)


def _arrays(
    path: Path, archive: zipfile.ZipFile, names: ArrayNames, opened: ExitStack
) -> dict[str, _Array]:
    """Open the arrays that are there, and check that they fit together."""
    there = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    arrays: dict[str, _Array] = {}
    for key in ARRAYS:
        name = _find(path, there, key, getattr(names, key))
        if name is not None:
            arrays[key] = _Array(path, name, opened.enter_context(archive.open(f"{name}.npy")))
    x = arrays["x"]
    if len(x.shape) != 3 or x.shape[2] != RESIDUES:
        raise InputError(
            f"{path}: the array {x.name!r} has the shape {x.shape}; profiles have (proteins, "
            f"positions, {RESIDUES})."
        )
    wanted = {"mask": x.shape[:2], "y": x.shape[:1], "id": x.shape[:1]}
    for key, shape in wanted.items():
        if key in arrays and arrays[key].shape != shape:
            raise InputError(
                f"{path}: the array {arrays[key].name!r} has the shape {arrays[key].shape} and "
                f"needs {shape}, as {x.name!r} has {x.shape}."
            )
    return arrays


def _find(path: Path, there: list[str], key: str, chosen: str | None) -> str | None:
    """Return the name of an array, None where there is none (there must be an x)."""
    if chosen is not None:
        if chosen in there:
            return chosen
        raise InputError(
            f"{path}: there is no array {chosen!r} (samples.{key}). There are: "
            f"{', '.join(there) or 'none'}.{nearest(chosen, there)}"
        )
    fitting = [name for name in there if name.lower().startswith(key)]
    if len(fitting) > 1 or (key == "x" and not fitting):
        count = "several arrays" if fitting else "no array"
        raise InputError(
            f"{path}: {count} could be {key!r}; there are: {', '.join(there) or 'none'}. Name it: "
            f"samples.{key}."
        )
    return fitting[0] if fitting else None


def _classes(y: Array, path: Path, first: int) -> NDArray[np.int64]:
    if y.dtype.kind not in "iufb":
        raise InputError(
            f"{path}: y holds {y.dtype}, not the numbers of classes. Save it as integers from 0 "
            "up, in the order of samples.classes."
        )
    numbers = np.nan_to_num(y, nan=-0.5).astype(np.int64)
    wrong = np.flatnonzero(numbers != y)
    if len(wrong):
        raise InputError(
            f"{path}, record {first + wrong[0]:,}: y is {y[wrong[0]]}, which is no whole number."
        )
    return numbers


def _block(
    profile: Array, mask: Array | None, ids: list[str] | None, stem: str, first: int
) -> Block:
    """Return proteins as a block; where something is wrong with one, why."""
    names = ids or [f"{stem}:{first + row}" for row in range(len(profile))]
    # Without a mask, the zeros behind the last position that is not all zeros are padding.
    inside = (profile != 0).any(axis=2) if mask is None else mask != 0
    lengths = inside.sum(axis=1)
    reach = np.arange(inside.shape[1]) < lengths[:, None]
    sums = profile.sum(axis=2, dtype=np.float64)
    number = np.isfinite(sums) & (profile >= 0).all(axis=2)
    near = np.abs(sums - 1) <= TOLERANCE
    problems = []
    for row in range(len(profile)):
        problem = ""
        if lengths[row] == 0:
            problem = "no positions"
        elif not (inside[row] == reach[row]).all():
            gap = int(np.flatnonzero(~inside[row])[0]) + 1
            problem = f"the mask has a gap at position {gap:,}"
        elif len(odd := np.flatnonzero(inside[row] & ~number[row])):
            problem = f"position {odd[0] + 1:,} holds a value that is no probability"
        elif len(odd := np.flatnonzero(inside[row] & ~near[row])):
            where = odd[0]
            problem = f"position {where + 1:,} sums to {sums[row, where]:.2f}, not to about 1"
        problems.append(problem)
    good = np.array([not problem for problem in problems], dtype=bool)
    lengths = np.where(good, lengths, 0)
    used = reach & good[:, None]
    return Block(
        ids=names,
        headers=names,
        sequences=Profiles.of(profile[used].astype(np.float32), lengths),
        problems=problems,
        first_record=first,
        unnamed=np.zeros(len(names), dtype=bool),
        stops=np.zeros(len(names), dtype=bool),
    )
