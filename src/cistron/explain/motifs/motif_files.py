"""Files of motifs in the formats of MEME, JASPAR, TRANSFAC and HOMER, told by their content.

JASPAR: https://jaspar.elixir.no/docs/, TRANSFAC: https://meme-suite.org/meme/doc/transfac-format.html,
HOMER: http://homer.ucsd.edu/homer/motif/creatingCustomMotifs.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.motif import BASES, Motif
from cistron.explain.motifs.meme import Lines, parse_meme, require_new, tell_empty, text_lines

_COLUMNS = re.compile(r"P[0O]\s+([ACGT])\s+([ACGT])\s+([ACGT])\s+([ACGT])\b", re.IGNORECASE)
_OF_BASE = re.compile(r"([ACGT])\s*[|:]?\s*\[?([-+.\deE\s,]*)\]?", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\d|\.\d)")


@dataclass
class _Record:
    """A motif on its way: its title, and numbered lines of the matrix."""

    where: str
    name: str
    factor: str = ""
    rows: list[tuple[int, str]] = field(default_factory=list)


def read_motifs(path: str | Path, notes: list[str] | None = None) -> list[Motif]:
    """Read a file of DNA motifs, plain or gzip.

    A matrix of counts becomes probabilities, each position divided by its sum. A motif without a
    matrix, or with zeros alone, is skipped.

    Parameters
    ----------
    path : path
        MEME; JASPAR (`>MA0004.1 Arnt` and a line for each base, with or without its letter);
        TRANSFAC (`AC`, `ID`, `P0 A C G T`, `//`); HOMER (`>consensus, name, threshold` and a line
        for each position).
    notes : list of str, optional
        Is told how many motifs are skipped.

    Raises
    ------
    InputError
        If it is none of these, or a matrix is broken: with the line.
    """
    path = Path(path)
    lines = text_lines(path)
    texts = [line for _, line in lines]
    if not any(line.startswith(("MOTIF", "MEME version")) for line in texts):
        if any(map(_COLUMNS.match, texts)):
            return _finish(_transfac(lines, path), path, notes)
        if texts and texts[0].startswith(">"):
            records = [*_titled(lines, path)]
            if _is_homer(records):
                return _finish(map(_homer, records), path, notes)
            return _finish(map(_jaspar, records), path, notes)
        if texts and all(_OF_BASE.fullmatch(line) or _NUMBER.match(line) for line in texts):
            name = path.name.removesuffix(".gz").partition(".")[0]
            return _finish([_jaspar(_Record(str(path), name, rows=[*lines]))], path, notes)
    return parse_meme(lines, path, notes)


_Made = tuple[_Record, NDArray[np.float64]]


def _finish(
    made: Iterator[_Made] | Sequence[_Made], path: Path, notes: list[str] | None
) -> list[Motif]:
    """Return motifs of matrices of positions by bases; those without a number are skipped."""
    motifs: list[Motif] = []
    names: set[str] = set()
    empty: list[str] = []
    for record, counts in made:
        require_new(record.name, names, record.where)
        names.add(record.name)
        if not counts.any():
            empty.append(record.name)
            continue
        sums = counts.sum(axis=1, keepdims=True)
        if not np.isfinite(counts).all() or (counts < 0).any() or (sums == 0).any():
            raise InputError(
                f"{record.where}: every position of motif {record.name} needs four numbers from 0 "
                "up, not all of them 0."
            )
        sites = round(float(sums.max())) if sums.max() > 1.5 else 0
        motifs.append(Motif(record.name, record.factor, "", counts / sums, sites))
    tell_empty(empty, path, notes)
    if not motifs:
        raise InputError(f"{path}: none of its {len(empty)} motifs has a matrix.")
    return motifs


def _titled(lines: Lines, path: Path) -> Iterator[_Record]:
    """Yield the records of a file whose titles begin with >."""
    record = None
    for number, line in lines:
        if line.startswith(">"):
            if record is not None:
                yield record
            words = line[1:].split(maxsplit=1)
            where = f"{path}, line {number}"
            if not words:
                raise InputError(f"{where}: a motif has no name. Write: >identifier name.")
            record = _Record(where, words[0], words[1].strip() if len(words) > 1 else "")
        elif record is not None and not line.startswith("#"):
            record.rows.append((number, line))
    if record is not None:
        yield record


def _is_homer(records: Sequence[_Record]) -> bool:
    """Whether lines are positions, not bases: never four, or titles have a threshold."""
    full = [record for record in records if record.rows]
    if any(line[0].upper() in BASES for record in full for _, line in record.rows):
        return False
    if any(len(record.rows) != len(BASES) for record in full):
        return True
    titles = [record.factor.split("\t") for record in full]
    return all(len(title) > 1 and _NUMBER.match(title[1]) for title in titles)


def _homer(record: _Record) -> _Made:
    """Return positions in lines; the title is consensus, name, threshold, and more."""
    name = "_".join(record.factor.split("\t")[0].split()) or record.name
    titled = _Record(record.where, name, re.split(r"[(/]", name)[0] if "(" in name else "")
    rows = [_numbers(line, record, number) for number, line in record.rows]
    return titled, np.array(rows).reshape(-1, len(BASES))


def _jaspar(record: _Record) -> _Made:
    """Return bases in lines, each with its letter or all in the order A, C, G, T."""
    of_base: dict[str, NDArray[np.float64]] = {}
    for (number, line), base in zip(record.rows, BASES, strict=False):
        match = _OF_BASE.fullmatch(line)
        letter, text = (match[1].upper(), match[2]) if match else (base, line)
        of_base[letter] = _numbers(text, record, number, fewest=0)
    if record.rows and (len(record.rows) != len(BASES) or set(of_base) != set(BASES)):
        raise InputError(
            f"{record.where}: motif {record.name} has {len(record.rows)} lines of numbers "
            f"({', '.join(of_base)}), and a matrix has one for each of A, C, G and T."
        )
    widths = [len(row) for row in of_base.values()]
    if len(set(widths)) > 1:
        raise InputError(
            f"{record.where}: the lines of motif {record.name} have {', '.join(map(str, widths))} "
            "numbers, and all need the same."
        )
    columns = [of_base.get(base, np.empty(0)) for base in BASES]
    return record, np.stack(columns, axis=1)


def _transfac(lines: Lines, path: Path) -> Iterator[_Made]:
    """Yield each record that a line // ends."""
    fields: dict[str, str] = {}
    rows: list[NDArray[np.float64]] = []
    order, first = BASES, 0
    for number, line in [*lines, (0, "//")]:
        word, rest = (*line.split(maxsplit=1), "")[:2]
        first = first or number
        header = _COLUMNS.match(line)
        if header:
            order = "".join(header.groups()).upper()
        elif word == "//":
            if rows or {"AC", "ID"} & fields.keys():  # the title of the file is none
                name = (fields.get("AC") or fields.get("ID") or path.stem).split()[0]
                factor = fields.get("NA") or (fields.get("ID", "") if "AC" in fields else "")
                matrix = np.array(rows).reshape(-1, len(BASES))
                yield (
                    _Record(f"{path}, line {first}", name, factor),
                    matrix[:, [order.index(base) for base in BASES]],
                )
            fields, rows, order, first = {}, [], BASES, 0
        elif word.isdecimal():
            record = _Record(f"{path}, line {number}", fields.get("AC") or fields.get("ID", "?"))
            text = " ".join(rest.split()[: len(BASES)])  # behind them stands the consensus
            rows.append(_numbers(text, record, number))
        else:
            fields.setdefault(word, rest.strip())


def _numbers(text: str, record: _Record, number: int, fewest: int = 4) -> NDArray[np.float64]:
    """Return the numbers of a line; of a position there are four."""
    place = f"{record.where.rpartition(', line')[0] or record.where}, line {number}"
    try:
        numbers = np.array(text.replace(",", " ").split(), dtype=np.float64)
    except ValueError:
        raise InputError(
            f"{place}: motif {record.name} has a line that does not hold numbers alone: "
            f"{text[:40]!r}."
        ) from None
    if fewest and len(numbers) != fewest:
        raise InputError(
            f"{place}: motif {record.name} has {len(numbers)} numbers for a position instead of "
            f"{fewest}."
        )
    return numbers
