"""Genes of several files become the columns of one matrix: by name, never by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.samples.cells.cell_file import CellFile
from cistron.samples.cells.gene_names import without_version
from cistron.samples.cells.rearranged import put_columns, stack

Duplicates = Literal["sum", "first", "error"]
Join = Literal["shared", "all"]


def unite_columns(file: CellFile, rule: Duplicates, *, counts: bool) -> CellFile:
    """Return a file whose genes have one column each.

    Parameters
    ----------
    file : CellFile
    rule : {"sum", "first", "error"}
        What becomes of several columns that have the same name.
    counts : bool
        Whether the numbers are counts; others cannot be added up.

    Raises
    ------
    InputError
        If a name stands twice, and that is an error or cannot be mended so.
    """
    every = pd.Series(file.genes, dtype=object)
    again = every.duplicated().to_numpy()
    if not again.any():
        return file
    names = list(dict.fromkeys(every[again]))
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    problem = f"{file.path}: {len(names):,} genes have several columns ({shown})"
    if rule == "error" or (rule == "sum" and not counts):
        why = "" if rule == "error" else ", and numbers that are no counts cannot be added up"
        sums = " to `sum` (they are added up) or" if counts else ""
        raise InputError(
            f"{problem}{why}. Set samples.duplicate_genes{sums} to `first` (the others are left "
            "out), or take names that are unique (samples.gene_names: ensembl)."
        )
    genes = every[~again].to_numpy(dtype=object)
    columns = pd.Index(genes).get_indexer(pd.Index(every)).astype(np.int64)
    if rule == "first":
        columns[again] = -1
    done = "added up" if rule == "sum" else "the first was kept"
    note = f"{problem}: {done}, {len(every):,} columns became {len(genes):,}."
    return replace(
        file,
        matrix=put_columns(file.matrix, columns, len(genes)),
        genes=genes,
        names=_names([file], pd.Index(genes)),
        notes=(*file.notes, note),
    )


def join_files(files: Sequence[CellFile], join: Join) -> tuple[Counts, list[str]]:
    """Return the cells of all files, one behind the other, and what was done about their genes.

    Parameters
    ----------
    files : sequence of CellFile
        Each with unique genes.
    join : {"shared", "all"}
        The genes that every file has, or those of any file; absent ones are zero.

    Raises
    ------
    InputError
        If no gene is in all files.
    """
    if len(files) == 1:
        return counts_of(files[0]), []
    gene_lists = [file.genes.tolist() for file in files]
    shared = set(gene_lists[0]).intersection(*gene_lists[1:])
    if not shared:
        raise _disjoint(files)
    every = list(dict.fromkeys(gene for genes in gene_lists for gene in genes))
    genes = every if join == "all" else [gene for gene in gene_lists[0] if gene in shared]
    place = pd.Index(genes)
    parts = []
    for file in files:
        columns = place.get_indexer(pd.Index(file.genes)).astype(np.int64)
        parts.append(put_columns(file.matrix, columns, len(genes)))
    matrix = stack(parts)
    rows = np.arange(matrix.shape[0], dtype=np.int64)
    counts = Counts(matrix, np.array(genes, dtype=object), rows, _names(files, place))
    return counts, [_joined(files, shared, every, join)]


def counts_of(file: CellFile) -> Counts:
    """Return all cells of one file, whose genes are unique."""
    rows = np.arange(file.matrix.shape[0], dtype=np.int64)
    return Counts(file.matrix, file.genes, rows, file.names)


def _joined(
    files: Sequence[CellFile],
    shared: set[str],
    every: Sequence[str],
    join: Join,
) -> str:
    sizes = ", ".join(f"{file.path.name} {len(file.genes):,}" for file in files)
    sentence = f"Genes were joined by name: {len(shared):,} are in all files ({sizes})"
    if join == "shared":
        return f"{sentence}; {len(every) - len(shared):,} others were left out."
    return f"{sentence}; {len(every) - len(shared):,} others are zero in the files without them."


def _disjoint(files: Sequence[CellFile]) -> InputError:
    shown = "; ".join(f"{file.path} has {', '.join(file.genes[:3])}" for file in files)
    known = [
        {
            without_version(name).casefold()
            for names in (file.genes, *file.names.values())
            for name in names
            if name
        }
        for file in files
    ]
    remedy = "They may be of different organisms, or one has its genes and cells swapped."
    if set.intersection(*known):
        remedy = (
            "Other names that are stored, other letters or ids without version would meet: "
            "perhaps samples.gene_names (symbol or ensembl) makes them the same."
        )
    return InputError(f"No gene is in all {len(files)} files: {shown}. {remedy}")


def _names(files: Sequence[CellFile], place: pd.Index) -> dict[str, NDArray[np.object_]]:
    """Return further names of the joined genes: "" where the files or columns disagree."""
    joined: dict[str, NDArray[np.object_]] = {}
    for kind in dict.fromkeys(kind for file in files for kind in file.names):
        named: dict[str, set[str]] = {}
        for file in files:
            if kind in file.names:
                for gene, name in zip(file.genes, file.names[kind], strict=True):
                    if name:
                        named.setdefault(gene, set()).add(name)
        values = [
            next(iter(names)) if len(names) == 1 else ""
            for names in (named.get(gene, set()) for gene in place)
        ]
        joined[kind] = np.array(values, dtype=object)
    return joined
