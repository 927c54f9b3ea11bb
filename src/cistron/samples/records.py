"""Records as they come out of a file: bytes become letter codes, a block at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.samples.alphabet import INVALID, PROTEIN, SKIPPED, Alphabet
from cistron.samples.samples import Sequences

STOP = 253  # the asterisk of a stop codon


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive records of one input.

    Parameters
    ----------
    ids : list of str
        "record_N" where the input names none. Not made unique.
    headers : list of str
        Whole header lines; the ids of a table.
    sequences : Sequences
        An empty row where there is a problem.
    problems : list of str
        Per record, why it cannot be used, or "".
    first_record : int
        1-based position of the first record in the input.
    unnamed : ndarray of bool, shape (records,)
        Records without an id.
    stops : ndarray of bool, shape (records,)
        Records in which a `*` stood before the end and became X.
    """

    ids: list[str]
    headers: list[str]
    sequences: Sequences
    problems: list[str]
    first_record: int
    unnamed: NDArray[np.bool_]
    stops: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, start: int, stop: int) -> Self:
        """Return the records from `start` up to and without `stop`, 0-based in this block."""
        rows = slice(start, stop)
        return replace(
            self,
            ids=self.ids[rows],
            headers=self.headers[rows],
            sequences=self.sequences.span(start, stop),
            problems=self.problems[rows],
            first_record=self.first_record + start,
            unnamed=self.unnamed[rows],
            stops=self.stops[rows],
        )

    @classmethod
    def join(cls, blocks: Sequence[Self]) -> Self:
        """Return blocks that follow each other as one."""
        if len(blocks) == 1:
            return blocks[0]
        return cls(
            ids=[name for block in blocks for name in block.ids],
            headers=[header for block in blocks for header in block.headers],
            sequences=type(blocks[0].sequences).stack([block.sequences for block in blocks]),
            problems=[problem for block in blocks for problem in block.problems],
            first_record=blocks[0].first_record,
            unnamed=np.concatenate([block.unnamed for block in blocks]),
            stops=np.concatenate([block.stops for block in blocks]),
        )

    def notes(self) -> list[str]:
        """Return what was changed on reading, one sentence each."""
        unnamed, stops = int(self.unnamed.sum()), int(self.stops.sum())
        notes = []
        if unnamed:
            notes.append(f"Records without an id, called record_N: {unnamed:,}.")
        if stops:
            notes.append(f"Records with a * inside the sequence, read as X: {stops:,}.")
        return notes


def decode(data: bytes) -> str:
    """Return text from UTF-8 or, where it is none, from Latin-1."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def decode_utf8(data: bytes, place: str) -> str:
    """Return text from UTF-8.

    Parameters
    ----------
    data : bytes
    place : str
        What messages call it: the file, or the line or record of a file.

    Raises
    ------
    InputError
        If it is no UTF-8; of several lines, with the line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = f", line {data[: error.start].count(10) + 1:,}" if 10 in data else ""
        raise InputError(
            f"{place}{line}: the byte 0x{data[error.start]:02x} is not UTF-8 text. Save the file "
            "with the encoding UTF-8 (iconv -f latin1 -t utf-8), or fetch it again."
        ) from error


def make_block(
    data: NDArray[np.uint8],
    spans: tuple[NDArray[np.int64], NDArray[np.int64]],
    alphabet: Alphabet,
    first_record: int,
    ids: list[str],
    headers: list[str],
) -> Block:
    """Turn stretches of bytes into letter codes.

    White space and gaps are left out, lower case counts as upper case. Of a protein, `*` at the
    end is left out and becomes X elsewhere.

    Parameters
    ----------
    data : ndarray of uint8, shape (bytes,)
    spans : two ndarrays of int64, shape (records,)
        Begin and end (exclusive) of each record's sequence in `data`. Begins increase strictly
        and lie inside of `data`; what lies between the spans is not read.
    alphabet : Alphabet
    first_record : int
        1-based position of the first of them in the input.
    ids, headers : list of str
        An empty id becomes "record_N".
    """
    begins, ends = spans
    codes = _codes(alphabet)[data]
    bounds = np.zeros(2 * len(begins) + 2, dtype=np.int64)
    bounds[1:-1:2], bounds[2:-1:2], bounds[-1] = begins, ends, len(data)
    inside = np.arange(len(bounds) - 1) % 2 == 1
    kept = np.repeat(inside, np.diff(bounds))
    kept &= codes != SKIPPED
    values = codes[kept]
    lengths = np.add.reduceat(kept.view(np.uint8), begins, dtype=np.uint32).astype(np.int64)
    values, lengths, stops = _without_stops(values, lengths, alphabet)
    invalid = np.zeros(len(begins), dtype=bool)
    invalid[np.searchsorted(np.cumsum(lengths), np.flatnonzero(values == INVALID), "right")] = True
    problems = np.where(lengths == 0, "no sequence", "").astype(object)
    for row in np.flatnonzero(invalid).tolist():
        problems[row] = _foreign(data[begins[row] : ends[row]].tobytes(), alphabet)
    if invalid.any():
        values = values[np.repeat(~invalid, lengths)]
        lengths[invalid] = 0
    return Block(
        ids=[name or f"record_{first_record + row}" for row, name in enumerate(ids)],
        headers=headers,
        sequences=Sequences(values, np.concatenate([[0], np.cumsum(lengths)]), alphabet),
        problems=problems.tolist(),
        first_record=first_record,
        unnamed=np.array([not name for name in ids], dtype=bool),
        stops=stops & ~invalid,
    )


@lru_cache
def _codes(alphabet: Alphabet) -> NDArray[np.uint8]:
    table = alphabet.codes.copy()
    if alphabet is PROTEIN:
        table[ord("*")] = STOP
    return table


def _without_stops(
    values: NDArray[np.uint8], lengths: NDArray[np.int64], alphabet: Alphabet
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]:
    """Leave out stops at the end of a record; make those before it unknown, and say where."""
    internal = np.zeros(len(lengths), dtype=bool)
    where = np.flatnonzero(values == STOP)
    if len(where) == 0:
        return values, lengths, internal
    ends = np.cumsum(lengths)
    record = np.searchsorted(ends, where, "right")
    # Stops side by side in one record are a run; a run is at the end if its last stop is.
    opens = np.append(True, (np.diff(where) != 1) | (np.diff(record) != 0))
    last = where[np.append(np.flatnonzero(opens)[1:] - 1, len(where) - 1)]
    at_end = (last + 1 == ends[record[opens]])[np.cumsum(opens) - 1]
    values[where[~at_end]] = alphabet.unknown
    internal[record[~at_end]] = True
    kept = np.ones(len(values), dtype=bool)
    kept[where[at_end]] = False
    removed = np.bincount(record[at_end], minlength=len(lengths))
    return values[kept], lengths - removed, internal


def _foreign(text: bytes, alphabet: Alphabet) -> str:
    """Name the characters that are no letters."""
    table = _codes(alphabet)
    odd = sorted({c for c in decode(text) if ord(c) > 127 or table[ord(c)] == INVALID})
    shown = " ".join(odd[:8]) if all(map(str.isprintable, odd[:8])) else repr(odd[:8])
    kind = "protein" if alphabet is PROTEIN else "DNA"
    return f"characters that are no {kind} letters: {shown}{' …' if len(odd) > 8 else ''}"
