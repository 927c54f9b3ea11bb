"""Tables of text: CSV, TSV and parquet, plain or gzip, as frames of strings."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from cistron.base.errors import InputError, nearest
from cistron.base.files import BYTE_ORDER_MARK, PARQUET, Input, looks_like, open_input

MISSING = frozenset(["", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None"])
SEPARATORS = "\t,;"
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
            import pyarrow.parquet as pq

            return list(pq.read_schema(source.path).names)
        line = _first_line(source)
        row = pd.read_csv(io.StringIO(line), sep=_separator(line), header=None, dtype=str)
        return [str(name).strip() for name in row.iloc[0].fillna("")]


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
    line = _first_line(source)
    separator = _separator(line)
    try:
        # Without a header of its own, pandas holds every line to the first one's number of fields.
        reader = pd.read_csv(
            source.stream,
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            chunksize=rows,
        )
        names: list[str] = []
        for frame in reader:
            if not names:
                names = [str(name).strip() for name in frame.iloc[0]]
                _require(columns, names, source.name)
                frame = frame.iloc[1:]
            frame.columns = pd.Index(names)
            yield frame[columns].fillna("").reset_index(drop=True)
    except pd.errors.ParserError as error:
        raise InputError(f"{source.name} is no complete table: {_told(error)}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{source.name} is not UTF-8 text. Save the table with the encoding UTF-8."
        ) from error


def _separator(line: str) -> str:
    return max(SEPARATORS, key=lambda mark: (line.count(mark), mark == ","))


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


def _first_line(source: Input) -> str:
    kind, remedy = looks_like(source.head)
    if kind:
        raise InputError(f"{source.name} looks like {kind}, not a table. {remedy}")
    text = source.head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if text.startswith(b">"):
        raise InputError(f"{source.name} looks like FASTA, not a table. Set kind: fasta.")
    return text.splitlines()[0].decode(errors="replace")


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
            "fields as the header names (R: write.table with row.names = FALSE)."
        )
    opened = re.search(r"EOF inside string starting at row (\d+)", str(error))
    if opened:
        return f"a quotation mark opened in line {int(opened[1]) + 1} is never closed."
    return f"{str(error).strip()}."
