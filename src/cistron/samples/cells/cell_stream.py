"""Cells of any number, a window at a time: what prediction reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.counts import BLOCK, InMemory
from cistron.base.files import open_input
from cistron.samples.cells.cell_file import CellFile, CellFormat, name_genes
from cistron.samples.cells.cell_formats import cell_format, read_cell_file
from cistron.samples.cells.cell_join import Duplicates, counts_of, unite_columns
from cistron.samples.cells.cell_numbers import add_up
from cistron.samples.cells.cell_reading import CellReading
from cistron.samples.cells.cell_records import refuse_swapped
from cistron.samples.cells.count_tables import (
    Header,
    Orientation,
    find_orientation,
    iter_table,
    read_header,
    table_file,
)
from cistron.samples.samples import Samples


def stream_cells(
    path: str | Path,
    window: int = BLOCK,
    *,
    how: CellFormat | None = None,
    genes: Collection[str] = (),
    columns: Mapping[str, str] | None = None,
    counts: bool = False,
    skip: int = 0,
) -> Iterator[Samples]:
    """Read cells of any format in windows.

    In constant memory, but for the names of the cells, are read: AnnData and h5 of 10x that are
    stored by cell, and tables with cells in rows. What is stored by gene (CSC, genes in rows,
    matrix market) is read whole, as a sparse matrix, and then given out in windows.

    Parameters
    ----------
    path : path
    window : int
        Cells read for each Samples.
    how : CellFormat or CellReading, optional
        Layer, raw, and whether numbers may be missing. The orientation is taken where the genes of
        training do not tell; the names of genes, where the file has such names.
    genes : collection of str
        Genes of training: they tell which side of a table is which.
    columns : mapping of str to str, optional
        Column of the result → column of obs (AnnData), as when labels are there to compare with.
    counts : bool
        Refuse what is no count. Several columns of one gene are added up where they are counts;
        of other numbers the first is read.
    skip : int
        Windows to pass over, to go on where an earlier run was broken off.

    Yields
    ------
    Samples
        Unlabelled, in the order of the file, ids as they are in it. Usable and dropped cells
        together are exactly `window`, fewer in the last one. Their payload is in memory, and the
        arrays of genes are the same object in every window.

    Raises
    ------
    InputError
        If the input cannot be read, or its numbers are not what was said.
    """
    if window < 1 or skip < 0:
        raise ValueError("window must be at least 1, skip at least 0")
    path, wanted = Path(path), dict(columns or {})
    how = CellReading(**(how or CellFormat()).model_dump())
    start = skip * window
    added = how.duplicate_genes == "sum" and not counts
    duplicate_genes: Duplicates = "first" if added else how.duplicate_genes
    shared: CellFile | None = None
    for part in _windows(path, how, window, genes, list(wanted.values()), start):
        if shared is None:
            refuse_swapped([part])
        file = unite_columns(_named(part, how), duplicate_genes, counts=counts)
        shared = shared or file
        file = replace(file, genes=shared.genes, names=shared.names)
        yield _samples(file, wanted, start, counts=counts, missing=how.missing)
        start += len(file.barcodes)


def _windows(
    path: Path,
    how: CellFormat,
    window: int,
    genes: Collection[str],
    columns: list[str],
    start: int,
) -> Iterator[CellFile]:
    """Yield the cells from `start` on, a window at a time, as files whose numbers are in memory."""
    if cell_format(path) == "table":
        yield from _table_windows(path, how, window, genes, start)
        return
    plain = CellFormat(**how.model_dump(include={"layer", "raw", "orientation"}))
    yield from _cut(read_cell_file(path, plain, columns, limit=0), window, start)


def _named(file: CellFile, how: CellFormat) -> CellFile:
    """Call the genes by the names that training called them by, where the file has such names."""
    if how.gene_names not in file.names:
        return file
    genes, names = name_genes(file.path, file.genes, file.names, how.gene_names)
    return replace(file, genes=genes, names=names)


def _cut(file: CellFile, window: int, start: int) -> Iterator[CellFile]:
    for first in range(start, len(file.barcodes), window):
        part = slice(first, min(first + window, len(file.barcodes)))
        values = file.matrix.read(np.arange(part.start, part.stop))
        yield replace(
            file,
            matrix=InMemory(values),
            barcodes=file.barcodes[part],
            frame=file.frame.iloc[part].reset_index(drop=True),
        )


def _table_windows(
    path: Path, how: CellFormat, window: int, genes: Collection[str], start: int
) -> Iterator[CellFile]:
    """Read a table; which way it lies is told by its first lines."""
    with open_input(path) as source:
        header = read_header(source)
        blocks = iter_table(source, header)
        names, values = next(blocks, ([], sparse.csr_matrix((0, len(header.columns)))))
        rows = np.array(names, dtype=object)
        way = _way(path, header, rows, how, genes)
        every = chain([(names, values)], blocks)
        if way == "genes_in_rows":
            held = list(every)
            rows = np.array([name for names, _ in held for name in names], dtype=object)
            values = sparse.vstack([block for _, block in held], format="csr")
            yield from _cut(table_file(path, how, header, way, rows, values), window, start)
            return
        for rows, part in _regular(every, window, start):
            yield table_file(path, how, header, way, rows, part)


def _way(
    path: Path,
    header: Header,
    rows: NDArray[np.object_],
    how: CellFormat,
    genes: Collection[str],
) -> Orientation:
    """Tell which way a table lies: by the genes of training, else as `how` says, else by names."""
    lines, columns = (any(str(name) in genes for name in side) for side in (rows, header.columns))
    if lines != columns:
        return "genes_in_rows" if lines else "cells_in_rows"
    return find_orientation(path, header, rows, how, (), genes)[0]


def _regular(
    blocks: Iterable[tuple[list[str], sparse.csr_matrix]], window: int, skip: int
) -> Iterator[tuple[NDArray[np.object_], sparse.csr_matrix]]:
    """Cut blocks anew, into exactly `window` lines (the last: the rest), after `skip` lines."""
    names: list[str] = []
    parts: list[sparse.csr_matrix] = []
    for more, block in blocks:
        passed = min(skip, len(more))
        skip -= passed
        names = names + more[passed:]
        parts.append(block[passed:])
        while len(names) >= window:
            whole = sparse.vstack(parts, format="csr")
            yield np.array(names[:window], dtype=object), whole[:window]
            names, parts = names[window:], [whole[window:]]
    if names:
        yield np.array(names, dtype=object), sparse.vstack(parts, format="csr")


def _samples(
    file: CellFile, columns: Mapping[str, str], first: int, *, counts: bool, missing: bool
) -> Samples:
    """Return the cells of a window as Samples without labels."""
    payload = counts_of(file)
    numbers = add_up(
        payload,
        file.barcodes,
        promised=counts,
        missing=missing,
        where=str(file.path),
        otherwise="The classifier reads counts: name the layer that holds them (--layer), or take "
        "a classifier that was trained on such numbers.",
        lacking="The classifier was trained on cells without missing numbers. Mend the input, or "
        "train with samples.missing: true, so that what is missing is imputed.",
    )
    table = pd.DataFrame({"id": pd.Series(file.barcodes, dtype=object)})
    table["label"] = pd.Series([None] * len(table), dtype=object)
    table["weight"] = 1.0
    for name, column in columns.items():
        there = column in file.frame
        values = file.frame[column].to_numpy(dtype=object) if there else [None] * len(table)
        table[name] = pd.Series(values, dtype=object)
    table["counts"] = numbers.counts
    table["detected"] = numbers.detected
    silent = numbers.detected == 0
    dropped = pd.DataFrame(
        {
            "id": file.barcodes[silent],
            "source": pd.Series([str(file.path)] * int(silent.sum()), dtype=object),
            "record": first + 1 + np.flatnonzero(silent),
            "reason": pd.Series(["no gene above zero"] * int(silent.sum()), dtype=object),
        }
    )
    used = np.flatnonzero(~silent)
    return Samples(
        table.iloc[used].reset_index(drop=True),
        payload.take(used),
        dropped=dropped,
        notes=file.notes,
    )
