"""FASTA files, one per class or labelled by their headers, read at the speed of the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from cistron.base.errors import InputError
from cistron.base.files import BYTE_ORDER_MARK, Input, looks_like, open_input
from cistron.base.outputs import new_file
from cistron.samples.alphabet import Alphabet
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
from cistron.samples.letters import CHECKED, check_alphabet, find_alphabet
from cistron.samples.records import Block, decode, make_block
from cistron.samples.samples import Samples
from cistron.samples.second import read_second

BLOCK = 1 << 24  # bytes read at once
_NEWLINE, _RETURN, _MARK = b"\n\r>"


class FastaSamples(SequenceFilters):
    """Settings of the `fasta` source: one file per class, or `path` and where labels are."""

    kind: Literal["fasta"] = "fasta"
    classes: dict[ClassName, InputPaths] | None = Field(
        None,
        min_length=1,
        description="class name: its file or files; the last class is the positive one",
    )
    path: InputPaths | None = Field(None, description="file or files that hold all classes")
    label: LabelSource | None = Field(
        None, description="where `path` has its labels: a pattern in the header, or a table"
    )
    groups: dict[GroupName, GroupSource] = Field(
        default_factory=dict, description="columns of samples that belong together"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.classes is None) == (self.path is None):
            raise ValueError("give either `classes` (a file each) or `path`, not both or neither")
        if self.classes is not None and self.label is not None:
            raise ValueError("`label` goes with `path`; with `classes` the file is the label")
        if self.classes is None and self.label is None and self.keys_of_labels:
            raise ValueError(f"{' and '.join(self.keys_of_labels)} need labels: give `label`")
        require_label_table(self.groups, self.label)
        return self

    def read(self) -> Samples:
        """Read all files.

        Raises
        ------
        InputError
            If a file cannot be read or is no FASTA of this alphabet, if labels or groups are not
            found, or if too little is left (see `finish`).
        """
        records = self._read_files()
        origins = assign(records, self.label, self.groups)
        read_second(records, self.second)
        labelled = self.classes is not None or self.label is not None
        return finish(records, self, list(self.classes or ()) if labelled else None, origins)

    def _read_files(self) -> Records:
        files: list[tuple[str | None, Path]] = [(None, path) for path in self.path or ()]
        for name, paths in (self.classes or {}).items():
            files.extend((name, path) for path in paths)
        blocks: list[tuple[Block, Path]] = []
        labels: list[str | None] = []
        for label, path in files:
            for block in iter_records(path, self.alphabet):
                blocks.append((block, path))
                labels.append(label)
        return collect(blocks, labels)


def read_fasta(
    source: str | Path | Sequence[str | Path] | Mapping[str, object],
    alphabet: str = "protein",
    label: str | Mapping[str, object] | None = None,
    groups: Mapping[str, object] | None = None,
    **settings: object,
) -> Samples:
    """Read FASTA files, plain or gzip.

    Parameters
    ----------
    source : path, list of paths, or dict
        A dict names the file or files of each class; the last class is the positive one.
        "-" is standard input.
    alphabet : {"protein", "dna"}
    label : str or dict, optional
        A regular expression with one group, searched in the header line, or a label table:
        {"table": file, "id": column, "column": column}. Without it, and without a dict of
        classes, the samples are unlabelled.
    groups : dict, optional
        Group name → regular expression, {"column": column of the label table}, or
        {"files": {value: files}}.
    **settings
        Further keys of `FastaSamples`: min_length, max_length, max_unknown, conflicts,
        duplicates, only, rename, second.

    Returns
    -------
    Samples
        In the order of the files. Records that were not used are in `dropped`.

    Raises
    ------
    InputError
        See `FastaSamples.read`.
    """
    keys = {"alphabet": alphabet, "label": label, "groups": groups or {}, **settings}
    keys["classes" if isinstance(source, Mapping) else "path"] = source
    return FastaSamples.model_validate(keys).read()


def write_fasta(samples: Samples, path: str | Path) -> None:
    """Write the sequences of samples, one line each, their ids as headers."""
    letters = np.frombuffer(samples.sequences.alphabet.letters.encode(), dtype=np.uint8)
    with new_file(Path(path), force=True) as draft, draft.open("wb") as stream:
        for row, name in enumerate(samples.ids.tolist()):
            stream.write(f">{name}\n".encode())
            stream.write(letters[samples.sequences[row]].tobytes() + b"\n")


def iter_records(
    path: str | Path, alphabet: str = "protein", block_size: int = BLOCK, skip: int = 0
) -> Iterator[Block]:
    """Read a FASTA file of any size in constant memory.

    Parameters
    ----------
    path : path
        Plain or gzip; "-" is standard input.
    alphabet : {"protein", "dna"}
    block_size : int
        Bytes read at once. A longer record is read whole all the same.
    skip : int
        Records to pass over without decoding them.

    Yields
    ------
    Block
        Whole records, in the order of the file.

    Raises
    ------
    InputError
        If the file cannot be read, or is no FASTA of this alphabet.
    """
    with open_input(path) as source:
        yield from fasta_blocks(source, find_alphabet(alphabet), block_size, skip)


def fasta_blocks(
    source: Input, alphabet: Alphabet, block_size: int = BLOCK, skip: int = 0
) -> Iterator[Block]:
    """Read the records of an open FASTA file (see `iter_records`)."""
    start = _find_start(source)
    source.stream.read(start)
    head = np.frombuffer(source.head[start:] + b"\n", dtype=np.uint8)
    begins, ends = (bounds[:CHECKED] for bounds in _bounds(head)[1])
    texts = [head[a:b].tobytes() for a, b in zip(begins.tolist(), ends.tolist(), strict=True)]
    check_alphabet(texts, alphabet, source.name)
    first = 1
    for chunk in _whole_records(source, block_size):
        data = np.frombuffer(chunk, dtype=np.uint8)
        starts, (begins, ends) = _bounds(data)
        passed = min(max(skip + 1 - first, 0), len(starts))
        first += passed
        if passed == len(starts):
            continue
        starts, begins, ends = starts[passed:], begins[passed:], ends[passed:]
        lines = zip((starts + 1).tolist(), begins.tolist(), strict=True)
        headers = [decode(chunk[a:b]).strip() for a, b in lines]
        ids = [header.split(maxsplit=1)[0] if header else "" for header in headers]
        yield make_block(data, (begins, ends), alphabet, first, ids, headers)
        first += len(starts)


def _find_start(source: Input) -> int:
    """Return the position of the first header in the head."""
    kind, remedy = looks_like(source.head)
    if kind:
        raise InputError(f"{source.name} looks like {kind}, not FASTA. {remedy}")
    text = source.head.removeprefix(BYTE_ORDER_MARK).lstrip()
    start = len(source.head) - len(text)
    if text.startswith(b">"):
        return start
    line = source.head.count(b"\n", 0, start) + 1
    shown = decode(text.splitlines()[0])
    shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
    there = b"\n>" in text or b"\r>" in text
    reason = "It stands before the first header" if there else "No line begins with >"
    table = " For a table of sequences set kind: table." if {",", "\t"} & set(shown) else ""
    raise InputError(
        f"{source.name}, line {line}: {shown!r} is no FASTA header. {reason}; every record needs "
        f"a line >name before its sequence.{table}"
    )


def _bounds(
    data: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return where records start, and begin and end of their sequences.

    The data begin with a header and end with a line break.
    """
    marks = np.flatnonzero(data == _MARK)
    before = data[marks - 1]  # of the very first byte it is the last, a line break
    starts = marks[(before == _NEWLINE) | (before == _RETURN)]
    breaks = np.flatnonzero((data == _NEWLINE) | (data == _RETURN))
    begins = breaks[np.searchsorted(breaks, starts)]
    return starts, (begins, np.append(starts[1:], len(data)))


def _whole_records(source: Input, size: int) -> Iterator[bytes]:
    """Cut the stream at record starts; every piece ends with a line break."""
    held: list[bytes] = []
    last = b"\n"
    while chunk := source.stream.read(size):
        cut = max(chunk.rfind(b"\n>"), chunk.rfind(b"\r>")) + 1
        starts = cut > 0 or (chunk.startswith(b">") and last in b"\n\r")
        if starts and (held or cut > 0):
            yield b"".join([*held, chunk[:cut]])
            held = [chunk[cut:]]
        else:
            held.append(chunk)
        last = chunk[-1:]
    if held:
        yield b"".join([*held, b"\n"])
