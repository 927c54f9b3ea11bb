"""What 10x and similar tools write: h5, and matrix market files with names beside them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import io, sparse

from cistron.base.counts import InMemory, Matrix
from cistron.base.errors import InputError
from cistron.base.files import open_input
from cistron.samples.cells.anndata_files import LARGE, stored_or_read
from cistron.samples.cells.cell_file import CellFile, CellFormat, name_genes, objects
from cistron.samples.cells.rearranged import put_columns
from cistron.samples.cells.stored import StoredRows, open_store, require_complete

EXPRESSION = "Gene Expression"
_ENDINGS = tuple(f"{end}{zipped}" for end in (".tsv", ".txt", ".csv") for zipped in ("", ".gz"))
_CELLS = ("barcodes", "cells", "cell_names", "cellnames")
_GENES = ("features", "genes", "gene_names", "genenames")


def read_10x_h5(path: Path, how: CellFormat, limit: int = LARGE) -> CellFile:
    """Read an h5 of Cell Ranger, version 2 and later.

    Raises
    ------
    InputError
        If it is damaged.
    """
    with open_store(path) as store:
        groups = [name for name in store if "barcodes" in store[name] and "indptr" in store[name]]
    if not groups:
        raise InputError(f"{path} holds no matrix as Cell Ranger writes it.")
    files = [_of_genome(path, key, how, limit) for key in groups]
    return files[0] if len(files) == 1 else _side_by_side(path, groups, files)


def _of_genome(path: Path, key: str, how: CellFormat, limit: int) -> CellFile:
    """Read one matrix; Cell Ranger 2 writes one for each genome."""
    with open_store(path) as store:
        group = store[key]
        barcodes = _decoded(group["barcodes"])
        features = group.get("features", group)
        ids = _decoded(features["id" if "features" in group else "genes"])
        symbols = _decoded(features["name" if "features" in group else "gene_names"])
        kinds = _decoded(features["feature_type"]) if "feature_type" in features else None
        indptr = np.asarray(group["indptr"][:], dtype=np.int64)
        require_complete(group, indptr, path, key)
    stored = StoredRows(path, key, indptr, len(ids))
    if len(indptr) - 1 != len(barcodes):
        raise InputError(
            f"{path} is damaged: it names {len(barcodes):,} cells and has numbers of "
            f"{len(indptr) - 1:,}."
        )
    matrix = stored_or_read(stored, how.backed, limit)
    return _cell_file(path, how, matrix, barcodes, (ids, symbols, kinds), (path,))


def _side_by_side(path: Path, genomes: list[str], files: list[CellFile]) -> CellFile:
    """Return the genes of several genomes in the cells of any of them."""
    barcodes = pd.unique(np.concatenate([file.barcodes for file in files]))
    blocks = []
    for file in files:
        rows = pd.Index(barcodes).get_indexer(pd.Index(file.barcodes))
        values = file.matrix.read(np.arange(file.matrix.shape[0])).tocoo()
        shape = (len(barcodes), file.matrix.shape[1])
        blocks.append(sparse.csr_matrix((values.data, (rows[values.row], values.col)), shape=shape))
    kinds = set.intersection(*(set(file.names) for file in files))
    return replace(
        files[0],
        matrix=InMemory(sparse.hstack(blocks, format="csr", dtype=np.float32)),
        barcodes=barcodes,
        genes=np.concatenate([file.genes for file in files]),
        names={kind: np.concatenate([file.names[kind] for file in files]) for kind in kinds},
        notes=(
            *(note for file in files for note in file.notes),
            f"{path} holds several genomes ({', '.join(genomes)}): the genes of all are read.",
        ),
    )


def read_market(path: Path, how: CellFormat) -> CellFile:
    """Read a matrix market file, or a folder with one, and the names of cells and genes beside it.

    The names stand in files like barcodes.tsv and features.tsv or genes.tsv, which begin as the
    matrix does (GSM1_matrix.mtx.gz, GSM1_barcodes.tsv.gz).

    Parameters
    ----------
    path : Path
    how : CellFormat

    Raises
    ------
    InputError
        If a file is absent or damaged, or the names do not fit the matrix.
    """
    of_10x = path.is_dir()
    market = _only_matrix(path) if of_10x else path
    barcodes_path = _beside(market, _CELLS, "cells")
    genes_path = _beside(market, _GENES, "genes")
    barcodes, features = _lines(barcodes_path), _lines(genes_path)
    values = _read_values(market)
    rows, columns = values.shape
    notes: list[str] = []
    for names, sizes, file in (
        (barcodes, {rows, columns}, barcodes_path),
        (features, {rows, columns}, genes_path),
    ):
        if len(names) not in sizes and len(names) - 1 in sizes:
            notes.append(f"{file}: its first line was taken for a header.")
            del names[0]
    by_gene = (len(features), len(barcodes)) == (rows, columns)
    by_cell = (len(barcodes), len(features)) == (rows, columns)
    if not (by_gene or by_cell):
        raise InputError(
            f"{market} has {rows:,} rows and {columns:,} columns, {genes_path} {len(features):,} "
            f"genes and {barcodes_path} {len(barcodes):,} cells: they do not belong together, or "
            "one is cut short."
        )
    if by_gene and by_cell and not of_10x and how.orientation is None:
        raise InputError(
            f"{market} has as many genes as cells, so that nothing tells them apart. Set "
            "samples.orientation to genes_in_rows or cells_in_rows."
        )
    turned = by_gene and not (by_cell and how.orientation == "cells_in_rows")
    matrix = sparse.csr_matrix(values.T if turned else values, dtype=np.float32)
    matrix.sum_duplicates()
    ids = objects([fields[0] for fields in features])
    symbols = objects([fields[1] if len(fields) > 1 else fields[0] for fields in features])
    kinds = objects([fields[2] for fields in features]) if _typed(features) else None
    cells = objects([fields[0] for fields in barcodes])
    paths = (market, barcodes_path, genes_path)
    return _cell_file(path, how, InMemory(matrix), cells, (ids, symbols, kinds), paths, notes)


def _cell_file(
    path: Path,
    how: CellFormat,
    matrix: Matrix,
    barcodes: NDArray[np.object_],
    features: tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_] | None],
    paths: tuple[Path, ...],
    notes: list[str] | None = None,
) -> CellFile:
    """Leave out what is no gene (antibodies, guides), and name the genes."""
    ids, symbols, kinds = features
    kept = list(notes or ())
    if kinds is not None and (kinds != EXPRESSION).any():
        genes = kinds == EXPRESSION
        if not genes.any():
            raise InputError(
                f"{path} has no features of the type {EXPRESSION!r}, only "
                f"{', '.join(sorted(set(kinds)))}."
            )
        columns = np.where(genes, np.cumsum(genes) - 1, -1)
        matrix = put_columns(matrix, columns, int(genes.sum()))
        others = ", ".join(sorted(set(kinds[~genes])))
        kept.append(f"{path}: {(~genes).sum():,} features are no genes and left out ({others}).")
        ids, symbols = ids[genes], symbols[genes]
    further = {} if (ids == symbols).all() else {"ensembl": ids}
    gene_ids, names = name_genes(path, symbols, further, how.gene_names)
    return CellFile(path, matrix, barcodes, gene_ids, names, paths=paths, notes=tuple(kept))


def _decoded(array: Any) -> NDArray[np.object_]:
    return objects([text.decode() if isinstance(text, bytes) else text for text in array[:]])


def _only_matrix(folder: Path) -> Path:
    files = sorted(folder.glob("*matrix.mtx")) + sorted(folder.glob("*matrix.mtx.gz"))
    if len(files) != 1:
        raise InputError(
            f"{folder} holds {len(files)} matrices ({', '.join(path.name for path in files)}). "
            "Name the file that is meant."
        )
    return files[0]


def _beside(market: Path, words: tuple[str, ...], noun: str) -> Path:
    stem = market.name.lower().removesuffix(".gz").removesuffix(".mtx")
    prefix = market.name[: len(stem)]
    starts = [prefix[: -len("matrix")]] if stem.endswith("matrix") else [f"{prefix}_", f"{prefix}."]
    for start in starts:
        for word in words:
            for ending in _ENDINGS:
                path = market.with_name(f"{start}{word}{ending}")
                if path.is_file():
                    return path
    raise InputError(
        f"{market} has no names of its {noun} beside it: there is no {starts[0]}{words[0]}.tsv "
        f"({' or '.join(words[1:])}; .tsv, .txt or .csv, plain or .gz)."
    )


def _lines(path: Path) -> list[list[str]]:
    with open_input(path) as source:
        text = source.stream.read().decode("utf-8-sig", errors="replace")
    mark = "," if ".csv" in path.name.lower() else "\t"
    return [[field.strip().strip('"') for field in line.split(mark)] for line in text.splitlines()]


def _typed(features: list[list[str]]) -> bool:
    return all(len(fields) > 2 for fields in features) and any(
        fields[2] == EXPRESSION for fields in features
    )


def _read_values(path: Path) -> sparse.coo_matrix:
    with open_input(path) as source:
        try:
            values = io.mmread(source.stream)
        except (ValueError, zlib.error, OverflowError, MemoryError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{path} is no whole matrix market file: {str(error).rstrip('.')}. Copy or "
                "download it again."
            ) from error
    return sparse.coo_matrix(values)
