"""Tables of text: CSV, TSV and parquet, plain or gzip, as frames of strings."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cistron.base.errors import InputError, nearest
from cistron.base.files import BYTE_ORDER_MARK, PARQUET, Input, looks_like, open_input

MISSING = frozenset(["", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None"])
SEPARATORS = "\t,;"
ROW_NAMES, GENE, COUNT = "row.names", "gene_id", "count"  # of columns that have no name
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.I)
TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".parquet", ".pq")
FASTA_SUFFIXES = (".fasta", ".fa", ".faa", ".fna", ".fas", ".ffn", ".pep")


def is_table(source: Input) -> bool:
    """Tell a table from FASTA, by its content and, where that says nothing, by its name."""
    text = source.head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if text.startswith(b">"):
        return False
    if source.head.startswith(PARQUET):
        return True
    suffix = Path(source.path.name.lower().removesuffix(".gz")).suffix
    if suffix in TABLE_SUFFIXES or suffix in FASTA_SUFFIXES:
        return suffix in TABLE_SUFFIXES
    return any(mark in text.splitlines()[0] for mark in SEPARATORS.encode())


def read_frame(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read some columns of a table as strings; missing values are None.

    Raises
    ------
    InputError
        If the file cannot be read or is no table, or a column is absent.
    """
    with open_input(path) as source:
        frame = pd.concat(frames(source, columns), ignore_index=True)
        if frame.empty:
            raise InputError(f"{source.name} has a header and no rows.")
    for column in frame:
        values = [None if value in MISSING else value for value in frame[column].str.strip()]
        frame[column] = pd.Series(values, dtype=object)
    return frame


def column_names(path: str | Path) -> list[str]:
    """Return the names of a table's columns.

    Raises
    ------
    InputError
        As for `read_frame`.
    """
    with open_input(path) as source:
        if source.head.startswith(PARQUET):
            import pyarrow as pa
            import pyarrow.parquet as pq

            try:
                return list(pq.read_schema(source.path).names)
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{source.name} is no readable parquet table: {error}") from error
        return _layout(source).names


def frames(source: Input, columns: Sequence[str], rows: int = 8192) -> Iterator[pd.DataFrame]:
    """Read some columns of a table as strings, a number of rows at a time.

    A missing value is an empty string; anything else stands as it is in the file.

    Raises
    ------
    InputError
        As for `read_frame`.
    """
    columns = list(dict.fromkeys(columns))
    if source.head.startswith(PARQUET):
        yield from _parquet(source, columns, rows)
    else:
        yield from _delimited(source, columns, rows)


def _delimited(source: Input, columns: list[str], rows: int) -> Iterator[pd.DataFrame]:
    layout = _layout(source)
    names = layout.names
    _require(columns, names, source.name)
    try:
        # Without a header of its own, pandas holds every line to the first one's number of fields.
        reader = pd.read_csv(
            source.stream,
            sep=layout.separator,
            header=None,
            skiprows=layout.before,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            chunksize=rows,
        )
        for number, frame in enumerate(reader):
            if number == 0 and layout.header:
                frame = frame.iloc[1:]
            frame.columns = pd.Index(names)
            yield frame[columns].fillna("").reset_index(drop=True)
    except pd.errors.ParserError as error:
        raise InputError(f"{source.name} is no complete table: {_told(error)}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{source.name} is not UTF-8 text. Save the table with the encoding UTF-8."
        ) from error


@dataclass(frozen=True)
class _Layout:
    """How a table of text begins.

    Parameters
    ----------
    names : list of str
        One a column.
    separator : str
    before : int
        Lines in front of the first that has as many fields as there are columns.
    header : bool
        Whether that line holds the names.
    """

    names: list[str]
    separator: str
    before: int
    header: bool


def _layout(source: Input) -> _Layout:
    """Tell the columns of a table, and where its rows begin.

    The lines of R's write.table have one field more than its header: the name of the row. Files of
    htseq-count and STAR have no header.
    """
    head = _first_lines(source)
    comments = comment_lines(head)
    first, *rest = head[comments:] or head[-1:]
    separator = max(SEPARATORS, key=lambda mark: (first.count(mark), mark == ","))
    names = _fields(first, separator)
    after = _fields(rest[0], separator) if rest else []
    if len(after) == len(names) + 1:
        return _Layout([ROW_NAMES, *names], separator, comments + 1, header=False)
    if is_data(names):
        number = [COUNT] if len(names) == 2 else [f"column_{n}" for n in range(2, len(names) + 1)]
        return _Layout([GENE, *number], separator, comments, header=False)
    return _Layout(names, separator, comments, header=True)


def _fields(line: str, separator: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator), [""])]
    except csv.Error:  # a field longer than any should be
        return line.split(separator)


def comment_lines(lines: Sequence[str]) -> int:
    """Return how many lines at the beginning are comments, such as the program of featureCounts."""
    return next((n for n, line in enumerate(lines) if not line.startswith(("# ", "##"))), 0)


def is_data(fields: Sequence[str]) -> bool:
    """Return whether the first line of a table is no header: a name, and numbers that do not count.

    Columns that are called 0, 1, 2, … or 1, 2, 3, … have no other names.
    """
    name, *numbers = fields
    if not name or not numbers or not all(map(_NUMBER.fullmatch, numbers)):
        return False
    counted = [[str(n) for n in range(start, start + len(numbers))] for start in (0, 1)]
    named = re.fullmatch(r"(gene|cell|barcode|id|name|symbol|feature|index).*", name, re.I)
    return not named and (len(numbers) == 1 or numbers not in counted)


def _parquet(source: Input, columns: list[str], rows: int) -> Iterator[pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not source.path.is_file():
        raise InputError(f"{source.name} is a parquet table, which cannot be read from a pipe.")
    try:
        with pq.ParquetFile(source.path) as file:
            _require(columns, file.schema_arrow.names, source.name)
            for batch in file.iter_batches(batch_size=rows, columns=columns):
                texts = {
                    name: [text or "" for text in batch.column(name).cast(pa.string()).to_pylist()]
                    for name in columns
                }
                yield pd.DataFrame(texts, dtype=object)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source.name} is no readable parquet table: {error}") from error


def _first_lines(source: Input) -> list[str]:
    kind, remedy = looks_like(source.head)
    if kind:
        raise InputError(f"{source.name} looks like {kind}, not a table. {remedy}")
    text = source.head.removeprefix(BYTE_ORDER_MARK).lstrip(b"\r\n")
    if text.lstrip().startswith(b">"):
        raise InputError(f"{source.name} looks like FASTA, not a table. Set kind: fasta.")
    return [line.decode(errors="replace") for line in text.splitlines()[:50]]


def _require(columns: list[str], there: Sequence[str], name: str) -> None:
    for column in columns:
        if column not in there:
            raise InputError(
                f"{name} has no column {column!r}. Its columns are: {', '.join(there)}."
                f"{nearest(column, there)}"
            )
        if list(there).count(column) > 1:
            raise InputError(f"{name} has two columns {column!r}. Rename one of them.")


def _told(error: pd.errors.ParserError) -> str:
    fields = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
    if fields:
        wanted, line, there = fields.groups()
        return (
            f"line {line} has {there} fields, its first line {wanted}. Every line needs as many "
            "fields as the header names."
        )
    opened = re.search(r"EOF inside string starting at row (\d+)", str(error))
    if opened:
        return f"a quotation mark opened in line {int(opened[1]) + 1} is never closed."
    return f"{str(error).strip()}."
