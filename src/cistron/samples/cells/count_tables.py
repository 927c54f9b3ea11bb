"""Tables of counts as text: one line a gene or one line a cell, read sparse, block by block."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.counts import InMemory
from cistron.base.errors import InputError
from cistron.base.files import BYTE_ORDER_MARK, Input, open_input
from cistron.samples.cells.cell_file import (
    CellFile,
    CellFormat,
    name_genes,
    objects,
    which_are_genes,
)
from cistron.samples.frames import GENE, MISSING, SEPARATORS, comment_lines, is_data

READ = 1 << 22  # bytes of text that are read, and parsed, at once
_NEWLINE, _ZERO = b"\n0"
_GENE_CORNER = re.compile(r"(gene|symbol|feature|ensembl)([ _.]?(symbol|name|id))?s?|hgnc.*", re.I)
_FEATURE_COUNTS = ("Chr", "Start", "End", "Strand", "Length")
# What htseq-count and STAR count beside genes.
_SUMMARY = re.compile(r"__\w+|N_(unmapped|multimapping|noFeature|ambiguous)")
_CELL_CORNER = re.compile(r"(cell|barcode)([ _.]?(name|id|barcode))?s?|obs_names?", re.I)

Orientation = Literal["genes_in_rows", "cells_in_rows"]


@dataclass(frozen=True)
class Header:
    """The first line of a table.

    Parameters
    ----------
    corner : str
        What stands over the names of the lines, if anything.
    columns : ndarray of object, shape (columns,)
    separator : int
        The byte between two fields.
    described : int
        Columns between the names of the lines and the numbers, which are passed over.
    line : bytes
        The first line, where it holds numbers.
    first : int
        Number of the line of the first numbers, 1 up.
    """

    corner: str
    columns: NDArray[np.object_]
    separator: int
    described: int = 0
    line: bytes = b""
    first: int = 2


def read_count_table(
    path: Path, how: CellFormat, known: Collection[str] = (), genes: Collection[str] = ()
) -> CellFile:
    """Read a whole table; what is held is sparse.

    Parameters
    ----------
    path : Path
        CSV, TSV or text between spaces, plain or gzip: a header, and on each line a name and
        numbers.
    how : CellFormat
    known, genes : collections of str
        Names of cells and genes that are known from elsewhere.

    Raises
    ------
    InputError
        If it is no such table, or nothing tells genes from cells.
    """
    names: list[str] = []
    blocks = []
    with open_input(path) as source:
        header = read_header(source)
        for lines, block in iter_table(source, header):
            names += lines
            blocks.append(block)
    if not blocks:
        raise InputError(f"{path} has a header and no lines.")
    rows, values = np.array(names, dtype=object), sparse.vstack(blocks, format="csr")
    summed = np.array([bool(_SUMMARY.fullmatch(name)) for name in names])
    notes = [f"{path}: {summed.sum()} lines sum up reads without a gene, and are left out."]
    rows, values = rows[~summed], values[~summed]
    way, why = find_orientation(path, header, rows, how, known, genes)
    file = table_file(path, how, header, way, rows, values)
    told = [f"{path}: {way.replace('_', ' ')}, because {why}."] * bool(why)
    if header.described:
        told.append(f"{path}: the columns {', '.join(_FEATURE_COUNTS)} are not read.")
    return replace(file, notes=(*told, *notes[: int(summed.any())]))


def table_file(
    path: Path,
    how: CellFormat,
    header: Header,
    way: Orientation,
    rows: NDArray[np.object_],
    values: sparse.csr_matrix,
) -> CellFile:
    """Return the lines of a table, shape (lines, columns), as cells and genes."""
    barcodes, columns = (header.columns, rows) if way == "genes_in_rows" else (rows, header.columns)
    if way == "genes_in_rows":
        values = values.T.tocsr()
        values.sort_indices()
    genes, further = name_genes(path, columns, {}, how.gene_names)
    return CellFile(path, InMemory(values), barcodes, genes, further, paths=(path,))


def find_orientation(
    path: Path,
    header: Header,
    rows: NDArray[np.object_],
    how: CellFormat,
    known: Collection[str] = (),
    genes: Collection[str] = (),
) -> tuple[Orientation, str]:
    """Tell which side of a table the genes are, by what the names prove.

    Returns
    -------
    orientation, why
        `why` is empty where the settings say it.

    Raises
    ------
    InputError
        If nothing proves it, or the names contradict each other.
    """
    if how.orientation is not None:
        return how.orientation, ""
    sides = {"line": rows, "column": header.columns}
    proofs: dict[Orientation, str] = {}
    for names, noun in ((known, "cell that is known"), (genes, "gene of training")):
        if not len(names):
            continue
        there = {side: np.flatnonzero(_isin(values, names)) for side, values in sides.items()}
        if bool(len(there["line"])) != bool(len(there["column"])):
            side = "line" if len(there["line"]) else "column"
            cells = (side == "line") == (names is known)
            what = f"the {side} {sides[side][there[side][0]]!r} is a {noun}"
            proofs["cells_in_rows" if cells else "genes_in_rows"] = what
    if not proofs:
        if _GENE_CORNER.fullmatch(header.corner):
            proofs["genes_in_rows"] = f"the first column is called {header.corner!r}"
        elif _CELL_CORNER.fullmatch(header.corner):
            proofs["cells_in_rows"] = f"the first column is called {header.corner!r}"
        which, why = which_are_genes(rows, header.columns)
        if which:
            proofs["genes_in_rows" if which == "first" else "cells_in_rows"] = why
    if len(proofs) != 1:
        contradiction = f" ({'; but '.join(proofs.values())})" if proofs else ""
        raise InputError(
            f"{path}: nothing tells for certain whether its lines ({', '.join(rows[:3])}, …) or "
            f"its columns ({', '.join(header.columns[:3])}, …) are genes{contradiction}. Set "
            "samples.orientation to genes_in_rows or cells_in_rows."
        )
    return next(iter(proofs.items()))


def read_header(source: Input) -> Header:
    """Read the first line of an open table.

    Raises
    ------
    InputError
        If it is no line of names.
    """
    head = source.head.removeprefix(BYTE_ORDER_MARK)
    begin = comment_lines([one.decode(errors="replace") for one in head.split(b"\n", 50)[:50]])
    for _ in range(begin):
        source.stream.readline()
    head = head.split(b"\n", begin)[-1]
    line = source.stream.readline().removeprefix(BYTE_ORDER_MARK)
    text = line.decode(errors="replace").rstrip("\r\n")
    separator = max(SEPARATORS, key=lambda mark: (text.count(mark), mark == ","))
    separator = separator if separator in text else " "
    fields = [_plain(field) for field in text.split(separator)]
    after = head[head.find(b"\n") + 1 :].split(b"\n", 1)[0].decode(errors="replace")
    # The lines of R's write.table have one field more than its header.
    short = after.rstrip("\r").count(separator) == len(fields)
    if len(fields) < 2 and not short:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise InputError(
            f"{source.name} is no table of counts: its first line, {shown!r}, has no tab, comma, "
            "semicolon or space. The first line is to name the columns."
        )
    if is_data(fields) and not short:
        stem = source.path.name.split(".")[0]
        columns = [stem] if len(fields) == 2 else [f"{stem}:{n}" for n in range(1, len(fields))]
        return Header(GENE, objects(columns), ord(separator), 0, line, begin + 1)
    corner, columns = ("", fields) if short else (fields[0], fields[1:])
    described = len(_FEATURE_COUNTS) * (tuple(columns[: len(_FEATURE_COUNTS)]) == _FEATURE_COUNTS)
    return Header(corner, objects(columns[described:]), ord(separator), described, first=begin + 2)


def iter_table(
    source: Input, header: Header, size: int = READ
) -> Iterator[tuple[list[str], sparse.csr_matrix]]:
    """Read the lines behind the header in constant memory.

    Yields
    ------
    names, values
        Names of some lines, and their numbers as float32 of shape (lines, columns); a missing
        number (an empty field, NA) is nan.

    Raises
    ------
    InputError
        Naming the line that has other fields than the header, or what is no number.
    """
    first = header.first
    held: list[bytes] = [header.line]
    while chunk := source.stream.read(size):
        cut = chunk.rfind(b"\n") + 1
        held.append(chunk[:cut] if cut else chunk)
        if cut:
            names, block = _parse(b"".join(held), header, first, source.name)
            yield names, block
            first += len(names)
            held = [chunk[cut:]]
    rest = b"".join(held)
    if rest.strip():
        yield _parse(rest + b"\n", header, first, source.name)


def _parse(
    data: bytes, header: Header, first: int, name: str
) -> tuple[list[str], sparse.csr_matrix]:
    """Return names and numbers of whole lines, the first of which is number `first`."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if header.described:
        mark = re.escape(bytes([header.separator]))
        passed = rb"(?m)^([^%b\n]*)(?:%b[^%b\n]*){%d}" % (mark, mark, mark, header.described)
        data = re.sub(passed, rb"\1", data)
    data = data.rstrip(b"\n") + b"\n" if data.endswith(b"\n\n") else data
    text = np.frombuffer(data, dtype=np.uint8)
    width = len(header.columns)
    breaks = text == _NEWLINE
    ends = np.flatnonzero(breaks | (text == header.separator))
    lines = int(breaks.sum())
    if len(ends) != lines * (width + 1) or not breaks[ends[width :: width + 1]].all():
        raise _uneven(data, header, first, name)
    starts = np.append(0, ends[:-1] + 1)
    sizes = ends - starts
    is_nonzero = (sizes != 1) | (text[starts] != _ZERO)
    is_nonzero[:: width + 1] = False
    fields = np.flatnonzero(is_nonzero)
    values = _numbers(text, starts[fields], sizes[fields])
    wrong = np.flatnonzero(np.isinf(values))
    if len(wrong):
        field = int(fields[wrong[0]])
        shown = data[starts[field] : ends[field]].decode(errors="replace")
        raise InputError(
            f"{name}, line {first + field // (width + 1):,}, column "
            f"{header.columns[field % (width + 1) - 1]!r}: {shown!r} is no number. A table of "
            "counts has one name in front of each line, and numbers; what is known of cells goes "
            "into a table of its own (samples.metadata)."
        )
    names = [
        _plain(data[a:b].decode(errors="replace"))
        for a, b in zip(starts[:: width + 1].tolist(), ends[:: width + 1].tolist(), strict=True)
    ]
    row, column = fields // (width + 1), fields % (width + 1) - 1
    kept = values != 0
    indptr = np.append(0, np.cumsum(np.bincount(row[kept], minlength=lines)))
    block = sparse.csr_matrix(
        (values[kept].astype(np.float32), column[kept].astype(np.int32), indptr),
        shape=(lines, width),
    )
    return names, block


def _numbers(
    text: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the fields as numbers; nan where one is missing, infinity where it is none."""
    values = np.full(len(starts), np.nan)
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        letters = text[starts[rows][:, None] + np.arange(size)]
        digits = ((letters >= _ZERO) & (letters <= _ZERO + 9)).all(axis=1) & (0 < size < 16)
        powers = 10.0 ** np.arange(size - 1, -1, -1)
        values[rows[digits]] = (letters[digits] - float(_ZERO)) @ powers
        others = np.ascontiguousarray(letters[~digits])
        if size and len(others):
            words = others.view(f"S{size}").ravel()
            values[rows[~digits]] = _parsed(words)
    return values


def _parsed(words: NDArray[np.bytes_]) -> NDArray[np.float64]:
    try:
        return words.astype(np.float64)
    except ValueError:
        return np.array([_number(_plain(word.decode(errors="replace"))) for word in words])


def _number(word: str) -> float:
    if word in MISSING:
        return np.nan
    try:
        return float(word)
    except ValueError:
        return np.inf


def _plain(field: str) -> str:
    """Return a field without quotation marks and spaces around it."""
    return field.strip().strip('"').strip()


def _uneven(data: bytes, header: Header, first: int, name: str) -> InputError:
    wanted = len(header.columns) + 1
    for number, line in enumerate(data.split(b"\n")[:-1], start=first):
        fields = line.count(bytes([header.separator])) + 1
        if fields != wanted:
            quoted = " A name with the separator in it cannot be read." * (b'"' in line)
            return InputError(
                f"{name}, line {number:,} has {fields:,} fields, and the header makes {wanted:,}: "
                f"a name and {wanted - 1:,} numbers. The file may be cut short; copy or download "
                f"it again.{quoted}"
            )
    return InputError(f"{name}: its lines have different numbers of fields.")


def _isin(values: NDArray[np.object_], names: Collection[str]) -> NDArray[np.bool_]:
    known = set(names)
    return np.array([value in known for value in values], dtype=bool)
