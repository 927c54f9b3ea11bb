"""What is known of each cell: columns of its file and of a metadata table, by its id."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError, nearest
from cistron.samples.cells.cell_file import CellFile
from cistron.samples.cells.cell_keys import Metadata
from cistron.samples.frames import column_names, read_frame
from cistron.samples.labels import Records


@dataclass(frozen=True, eq=False)
class Known:
    """A metadata table that was read.

    Parameters
    ----------
    path : Path
    id : str
        Its column of ids.
    columns : tuple of str
        All of its columns.
    frame : DataFrame
        Those that are wanted, as text; its index are the ids.
    """

    path: Path
    id: str
    columns: tuple[str, ...]
    frame: pd.DataFrame

    @property
    def ids(self) -> pd.Index:
        """Names of the cells it knows."""
        return self.frame.index


def read_metadata(source: Metadata, wanted: Collection[str]) -> Known:
    """Read a metadata table: its ids, and the columns that are wanted, where it has them.

    Raises
    ------
    InputError
        If it cannot be read, or says two things about one cell.
    """
    columns = column_names(source.table)
    name = columns[0] if source.id is None else source.id
    here = [column for column in dict.fromkeys(wanted) if column in columns]
    frame = read_frame(source.table, [name, *here])
    frame = frame[frame[name].notna()].drop_duplicates()
    again = frame[name].duplicated()
    if again.any():
        raise InputError(
            f"{source.table} has rows that contradict each other for {again.sum():,} cells, such "
            f"as {frame[name][again].iloc[0]!r}. Leave one row of each cell; where a barcode "
            "stands in several files, write `name of the file:barcode`."
        )
    return Known(source.table, name, tuple(columns), frame.set_index(name, drop=False)[here])


def cell_columns(
    records: Records,
    files: Sequence[CellFile],
    tables: Sequence[Known | None],
    wanted: Mapping[str, str],
) -> pd.DataFrame:
    """Return the wanted columns of all cells; None where a value is missing.

    A column that both a metadata table and the file itself have is that of the table.

    Parameters
    ----------
    records : Records
        All cells, file by file; those that a table is asked for and does not know are dropped.
    files : sequence of CellFile
    tables : sequence of Known or None
        The metadata table of each file.
    wanted : mapping of str to str
        Column → the key of the samples that asks for it.

    Raises
    ------
    InputError
        If a column is nowhere, or a table knows none of the cells of its file.
    """
    frames: list[pd.DataFrame] = []
    barcodes = pd.Series(np.concatenate([file.barcodes for file in files]))
    start = 0
    for file, table in zip(files, tables, strict=True):
        part = slice(start, start + len(file.barcodes))
        start = part.stop
        frame = pd.DataFrame(index=range(len(file.barcodes)), dtype=object)
        known: dict[str, NDArray[np.object_]] = {}
        if table is not None and len(table.frame.columns):
            among = barcodes if sum(other is table for other in tables) > 1 else barcodes[part]
            several = among.duplicated(keep=False).loc[barcodes[part].index].to_numpy()
            rows = _match(records, part, several, file, table)
            for name in table.frame:
                known[str(name)] = np.array([*table.frame[name], None], dtype=object)[rows]
        for column, key in wanted.items():
            if column in known:
                frame[column] = known[column]
            elif column in file.frame:
                frame[column] = file.frame[column].to_numpy(dtype=object)
            else:
                raise _absent(column, key, file, table)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _match(
    records: Records, part: slice, several: NDArray[np.bool_], file: CellFile, table: Known
) -> NDArray[np.intp]:
    """Return the row of a metadata table for each cell of a file, -1 without.

    A cell is known by its barcode; where several cells have it, by its id (`file:barcode`).
    """
    ids = records.table["id"].to_numpy(dtype=object)[part]
    rows = table.ids.get_indexer(pd.Index(np.where(several, ids, file.barcodes)))
    rows[several & (ids == file.barcodes)] = -1
    if (rows < 0).all() and not several.any():
        theirs = ", ".join(repr(name) for name in table.ids[:3])
        ours = ", ".join(repr(name) for name in file.barcodes[:3])
        raise InputError(
            f"{table.path} knows none of the {len(rows):,} cells of {file.path}. Its column "
            f"{table.id!r} holds {theirs}; the cells are called {ours}.{_swapped(file, table)} "
            "Write the barcodes the same way (with their `-1`, if they have one), and name their "
            "column with samples.metadata.id."
        )
    unclear = several & (table.ids.get_indexer(pd.Index(file.barcodes)) >= 0)
    for which, reason in (
        (unclear, "several cells have its barcode, and the metadata table does not say which"),
        (~unclear, "not in the metadata table"),
    ):
        dropped = np.zeros(len(records.table), dtype=bool)
        dropped[part] = (rows < 0) & which
        records.drop(dropped, reason)
    return rows


def _swapped(file: CellFile, table: Known) -> str:
    if np.isin(file.genes, table.ids.to_numpy()).any():
        return (
            " But the columns, which are to be genes, have these names: genes and cells are "
            "swapped in the file. Turn it (AnnData: adata.T; a table: samples.orientation)."
        )
    return ""


def _absent(column: str, key: str, file: CellFile, table: Known | None) -> InputError:
    there = [*file.columns, *(() if table is None else table.columns)]
    places = f"{file.path}" if table is None else f"Neither {file.path} nor {table.path}"
    has = "has no" if table is None else "has a"
    listed = f"{'Its' if table is None else 'Their'} columns are: {', '.join(there)}."
    if not there:
        listed = "It has none; name a table of the cells under samples.metadata."
    return InputError(
        f"samples.{key}: {places} {has} column {column!r}. {listed}{nearest(column, there)}"
    )
