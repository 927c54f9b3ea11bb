"""Proteins as profiles: padded arrays in numpy archives, or the text files of PSI-BLAST."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from cistron.base.errors import InputError
from cistron.base.files import open_input
from cistron.samples.filters import SequenceFilters, finish
from cistron.samples.keys import (
    ClassName,
    GroupName,
    GroupSource,
    InputPaths,
    LabelSource,
    require_label_table,
)
from cistron.samples.labels import Records, assign, collect
from cistron.samples.records import Block
from cistron.samples.samples import Samples
from cistron.samples.second import read_second
from cistron.samples.sequences.npz import ArrayNames, npz_blocks
from cistron.samples.sequences.pssm import MARK, read_pssm


class ProfileSamples(SequenceFilters):
    """Settings of the `profiles` source: how probable each residue is at each position.

    Whatever reads sequences (baselines, audit, homology search) reads the consensus: the most
    probable residue of each position.
    """

    contents: ClassVar[frozenset[str]] = frozenset({"protein", "profiles"})

    kind: Literal["profiles"] = "profiles"
    alphabet: Literal["protein"] = Field(
        "protein", description="letters of the sequences: profiles are of proteins"
    )
    path: InputPaths = Field(
        description="numpy archives (.npz), PSI-BLAST's ASCII matrices, or folders of these"
    )
    classes: tuple[ClassName, ...] | None = Field(
        None, min_length=1, description="names of the classes 0, 1, … of y in the archives"
    )
    label: LabelSource | None = Field(
        None, description="instead of y: a pattern in the id, or a table; an id is a file's name"
    )
    groups: dict[GroupName, GroupSource] = Field(
        default_factory=dict, description="columns of samples that belong together"
    )
    x: str | None = Field(None, description="array of profiles, where no single one begins with x")
    mask: str | None = Field(None, description="array that is 1 where a protein has positions")
    y: str | None = Field(None, description="array of class numbers")
    id: str | None = Field(None, description="array of ids; without it file:1, file:2, …")

    @property
    def gives(self) -> frozenset[str]:
        """Proteins and, of each, a profile."""
        return self.contents

    @model_validator(mode="after")
    def _one_label(self) -> Self:
        if self.classes is not None and self.label is not None:
            raise ValueError("give either `classes` (the names of y) or `label`, not both")
        if self.classes is None and self.label is None and self.keys_of_labels:
            named = " and ".join(self.keys_of_labels)
            raise ValueError(f"{named} need labels: give `classes` or `label`")
        require_label_table(self.groups, self.label)
        return self

    def read(self) -> Samples:
        """Read all files.

        Raises
        ------
        InputError
            If a file cannot be read or holds no profiles, if labels or groups are not found, or
            if too little is left (see `finish`).
        """
        names = ArrayNames(self.x, self.mask, self.y, self.id)
        blocks: list[tuple[Block, Path]] = []
        labels: list[str | None] = []
        for path in profile_files(self.path):
            for block, numbers in _blocks(path, names):
                blocks.append((block, path))
                labels += self._named(block, numbers, path)
        records = collect(blocks, [None] * len(blocks))
        _require_one(records)
        if self.classes is not None:
            records.table["label"] = pd.Series(labels, dtype=object)
        origins = assign(records, self.label, self.groups)
        read_second(records, self.second)
        labelled = self.classes is not None or self.label is not None
        return finish(records, self, list(self.classes or ()) if labelled else None, origins)

    def _named(self, block: Block, numbers: np.ndarray | None, path: Path) -> list[str | None]:
        """Return the class of each protein of a block."""
        if self.classes is None:
            return [None] * len(block)
        if numbers is None:
            raise InputError(
                f"{path} has no array y, so samples.classes names nothing. Give the labels with "
                "samples.label, a table of ids, or name the array: samples.y."
            )
        wrong = np.flatnonzero((numbers < 0) | (numbers >= len(self.classes)))
        if len(wrong):
            raise InputError(
                f"{path}, record {block.first_record + wrong[0]:,}: y is {numbers[wrong[0]]}, and "
                f"samples.classes names the classes 0 to {len(self.classes) - 1}."
            )
        return [self.classes[number] for number in numbers]


def read_profiles(path: str | Path | list[str | Path], **settings: object) -> Samples:
    """Read profiles of proteins: numpy archives (.npz) or PSI-BLAST's ASCII matrices.

    Parameters
    ----------
    path : path or list of paths
        Archives with an array `x` of shape (proteins, positions, 20) in the order
        ARNDCQEGHILKMFPSTWYV and, where they have them, `mask`, `y` and `id`; matrices, plain or
        gzip; or folders of either.
    **settings
        Further keys of `ProfileSamples`: classes (the names of y), label, groups, x, mask, y, id
        (names of arrays), min_length, max_length, conflicts, duplicates, only, rename, second.

    Returns
    -------
    Samples
        Their payload is `Profiles`. Records that were not used are in `dropped`.

    Raises
    ------
    InputError
        See `ProfileSamples.read`.
    """
    return ProfileSamples.model_validate({"path": path, **settings}).read()


def holds_profiles(path: str | Path) -> bool:
    """Tell an archive, a matrix or a folder from sequences, by content."""
    path = Path(path)
    if path.is_dir():
        return True
    if not path.is_file():
        return False
    with open_input(path) as source:
        archive = source.head.startswith(b"PK\x03\x04") and b".npy" in source.head[30:300]
        return archive or MARK in source.head[:300]


def profile_blocks(path: str | Path, skip: int = 0) -> Iterator[Block]:
    """Read an archive, a matrix or a folder in constant memory.

    Parameters
    ----------
    path : path
    skip : int
        Proteins to pass over, without reading those that have a file of their own.

    Yields
    ------
    Block
        Consecutive proteins, numbered through all files.
    """
    number = 1
    for file in profile_files((Path(path),)):
        if not _is_archive(file):
            if number > skip:
                yield replace(read_pssm(file), first_record=number)
            number += 1
            continue
        for block, _ in npz_blocks(file):
            passed = min(max(skip + 1 - number, 0), len(block))
            if passed < len(block):
                part = block.part(passed, len(block))
                yield replace(part, first_record=number + passed)
            number += len(block)


def profile_files(paths: tuple[Path, ...]) -> list[Path]:
    """Return the files, those of a folder in the order of their names.

    Raises
    ------
    InputError
        If a folder has none.
    """
    files_read: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files_read.append(path)
            continue
        inside = (file for file in path.iterdir() if not file.name.startswith("."))
        files = sorted(file for file in inside if file.is_file())
        if not files:
            raise InputError(f"{path} is a folder without files. Put profiles in it.")
        files_read += files
    return files_read


def _blocks(path: Path, names: ArrayNames) -> Iterator[tuple[Block, np.ndarray | None]]:
    if _is_archive(path):
        yield from npz_blocks(path, names)
    else:
        yield read_pssm(path), None


def _is_archive(path: Path) -> bool:
    with open_input(path) as source:
        return source.head.startswith(b"PK\x03\x04")


def _require_one(records: Records) -> None:
    """Refuse input in which nothing is a profile."""
    if not records.used.any():
        raise InputError(
            f"{records.place(0)} holds no profile: {records.table['reason'].iloc[0]} "
            f"(records that cannot be read: {len(records.table):,}, all of them)."
        )
