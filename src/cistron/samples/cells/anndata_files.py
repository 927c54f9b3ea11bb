"""AnnData: h5ad files and zarr folders, their numbers in memory or left in the file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.counts import InMemory, Matrix
from cistron.base.errors import InputError, nearest
from cistron.samples.cells.cell_file import CellFile, CellFormat, as_text, name_genes, objects
from cistron.samples.cells.gene_names import is_ensembl
from cistron.samples.cells.stored import (
    PIECE,
    StoredDense,
    StoredRows,
    open_store,
    require_complete,
    require_inside,
)
from cistron.samples.cells.stored_table import Table, stored_table

LARGE = 1_000_000_000  # bytes of a matrix in memory, above which it stays in its file
GENE_COLUMNS = (
    *("gene_ids", "gene_id", "ensembl", "ensembl_id", "ensembl_ids", "feature_id"),
    *("feature_name", "gene_symbols", "gene_symbol", "gene_name", "gene_names", "symbol"),
    *("symbols", "SYMBOL", "ENSEMBL", "GENEID"),
)  # columns of var with further names of genes


def read_anndata(
    path: Path, how: CellFormat, columns: Collection[str] = (), limit: int = LARGE
) -> CellFile:
    """Read an h5ad file or a zarr folder.

    The matrix stays in the file where `how.backed` says so, or where it would take more than
    `limit` bytes; not one that is stored by gene (CSC), which is read whole and turned.

    Parameters
    ----------
    path : Path
    how : CellFormat
    columns : collection of str
        Columns of obs to read, where they are there.

    Raises
    ------
    InputError
        If it is damaged, no AnnData, has no such layer, or anndata is not installed.
    """
    with open_store(path) as store:
        key, var = _place(store, path, how)
        cells, described = stored_table(store, "obs", path), stored_table(store, var, path)
        there = cells.columns
        frame = {name: as_text(cells.column(name)) for name in columns if name in there}
        barcodes, gene_ids = objects(cells.names), objects(described.names)
        further = _further_names(described)
        matrix, notes = _matrix(store, key, path, how.backed, limit)
    if matrix.shape != (len(barcodes), len(gene_ids)):
        raise InputError(
            f"{path}: {key} has {matrix.shape[0]:,} rows and {matrix.shape[1]:,} columns, and the "
            f"file names {len(barcodes):,} cells and {len(gene_ids):,} genes. It is damaged."
        )
    gene_ids, further, told = _named(path, gene_ids, further)
    notes = (*notes, *told)
    genes, names = name_genes(path, gene_ids, further, how.gene_names)
    return CellFile(
        path,
        matrix,
        barcodes,
        genes,
        names,
        there,
        pd.DataFrame(frame, index=range(len(barcodes)), dtype=object),
        (path,),
        notes,
    )


def _place(store: Any, path: Path, how: CellFormat) -> tuple[str, str]:
    """Return where the numbers are, and the table of their genes."""
    layers = list(store["layers"]) if "layers" in store else []
    if how.raw:
        if "raw.X" in store and "raw.var" in store:  # before anndata 0.7
            return "raw.X", "raw.var"
        if "raw" not in store or "X" not in store["raw"]:
            raise InputError(f"samples.raw: {path} has no raw. Leave the key out.")
        return "raw/X", "raw/var"
    if how.layer is not None:
        if how.layer not in layers:
            raise InputError(
                f"{path} has no layer {how.layer!r} (samples.layer, or --layer). Its layers are: "
                f"{', '.join(layers) or 'none'}.{nearest(how.layer, layers)}"
            )
        return f"layers/{how.layer}", "var"
    if "X" not in store or store["X"].attrs.get("encoding-type") == "null":
        there = (
            f"Its layers are: {', '.join(layers)}; name one (samples.layer, or --layer)."
            * bool(layers)
        )
        raise InputError(f"{path} has no X. {there}".strip())
    return "X", "var"


def _further_names(var: Table) -> dict[str, NDArray[np.object_]]:
    names: dict[str, NDArray[np.object_]] = {}
    there = var.columns
    for name in GENE_COLUMNS:
        if name in there:
            values = np.array([text or "" for text in as_text(var.column(name))], dtype=object)
            names.setdefault("ensembl" if is_ensembl(values[:1000]) else "symbol", values)
    return names


def _named(
    path: Path, gene_ids: NDArray[np.object_], further: dict[str, NDArray[np.object_]]
) -> tuple[NDArray[np.object_], dict[str, NDArray[np.object_]], tuple[str, ...]]:
    """Return what genes are called where the index of var only counts them."""
    if not is_enumeration(gene_ids):
        return gene_ids, further, ()
    for kind in ("ensembl", "symbol"):
        if kind in further and (further[kind] != "").all():
            note = (
                f"{path} numbers its genes ({gene_ids[0]}, {gene_ids[1]}, …); they go by their "
                f"{kind} names."
            )
            return further[kind], {k: v for k, v in further.items() if k != kind}, (note,)
    raise InputError(
        f"{path} only numbers its genes ({gene_ids[0]}, {gene_ids[1]}, …), which names none of "
        "them. Name them: adata.var_names = adata.var['…'], with Ensembl ids or symbols."
    )


def is_enumeration(names: NDArray[np.object_]) -> bool:
    """Return whether names only count: 0, 1, 2, … or 1, 2, 3, …."""
    if len(names) < 2 or names[0] not in ("0", "1"):
        return False
    first = int(names[0])
    return all(name == str(number) for number, name in enumerate(names.tolist(), first))


def _matrix(
    store: Any, key: str, path: Path, backed: bool | None, limit: int
) -> tuple[Matrix, tuple[str, ...]]:
    """Return a matrix of the file, in memory or where it is, and what is to be said of it."""
    element = store[key]
    kind = str(element.attrs.get("encoding-type", element.attrs.get("h5sparse_format", "array")))
    if not hasattr(element, "keys"):
        if len(element.shape) != 2:
            raise InputError(f"{path}: {key} is no matrix: it has {len(element.shape)} dimensions.")
        shape = int(element.shape[0]), int(element.shape[1])
        stored: StoredDense | StoredRows = StoredDense(path, key, shape)
    else:
        rows, columns = element.attrs.get("shape", element.attrs.get("h5sparse_shape"))
        shape = int(rows), int(columns)
        indptr = np.asarray(element["indptr"][:], dtype=np.int64)
        require_complete(element, indptr, path, key)
        if kind.startswith("csc"):
            return _turned(element, shape, path, backed)
        stored = StoredRows(path, key, indptr, shape[1])
    return stored_or_read(stored, backed, limit), ()


def stored_or_read(stored: StoredRows | StoredDense, backed: bool | None, limit: int) -> Matrix:
    """Leave a matrix in its file or read it, as the settings say, or as its size does."""
    if backed or (backed is None and stored.bytes > limit):
        return stored
    return InMemory(stored.read(np.arange(stored.shape[0])))


def _turned(
    element: Any, shape: tuple[int, int], path: Path, backed: bool | None
) -> tuple[Matrix, tuple[str, ...]]:
    """Read a matrix that is stored by gene."""
    if backed:
        raise InputError(
            f"samples.backed: {path} is stored by gene (CSC), so that its cells cannot be read one "
            "by one. Store it by cell (adata.X = adata.X.tocsr(); adata.write_h5ad(…)), or leave "
            "the key out: it is then read into memory."
        )
    size = int(element["data"].shape[0])
    data, indices = np.empty(size, np.float32), np.empty(size, np.int32)
    for start in range(0, size, PIECE):
        data[start : start + PIECE] = element["data"][start : start + PIECE]
        indices[start : start + PIECE] = element["indices"][start : start + PIECE]
    require_inside(indices, shape[0], path, "X")
    by_gene = sparse.csc_matrix((data, indices, element["indptr"][:]), shape=shape)
    note = f"{path} is stored by gene (CSC): it was read into memory and turned."
    values = by_gene.tocsr()
    values.sort_indices()
    return InMemory(values), (note,)
