"""Tell the formats of cells apart by their content, and read each by its reader."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from cistron.base.errors import InputError
from cistron.base.files import STDIN, looks_like, open_input
from cistron.samples.cells.anndata_files import LARGE, read_anndata
from cistron.samples.cells.cell_file import CellFile, CellFormat
from cistron.samples.cells.count_tables import read_count_table
from cistron.samples.cells.stored import open_store
from cistron.samples.cells.tenx import read_10x_h5, read_market
from cistron.samples.frames import MISSING

HDF5 = b"\x89HDF\r\n\x1a\n"
_ZARR = (".zgroup", ".zattrs", "zarr.json")
# Formats of other tools → how they become h5ad.
CONVERTED = {
    "h5mu": 'mudata.read("x.h5mu").mod["rna"].write_h5ad("x.h5ad") in Python',
    "rds": 'zellkonverter::writeH5AD(as.SingleCellExperiment(readRDS("x.rds")), "x.h5ad") in R',
    "rdata": 'zellkonverter::writeH5AD(as.SingleCellExperiment(object), "x.h5ad") in R',
    "h5seurat": 'SeuratDisk::Convert("x.h5seurat", dest = "h5ad") in R',
    "loom": 'anndata.io.read_loom("x.loom").write_h5ad("x.h5ad") in Python',
}
_KNOWN = (
    "AnnData (h5ad, zarr), 10x (a folder or h5), matrix market, and CSV or TSV of counts are read"
)


def read_cell_file(
    path: Path,
    how: CellFormat,
    columns: Collection[str] = (),
    known: Collection[str] = (),
    genes: Collection[str] = (),
    limit: int = LARGE,
) -> CellFile:
    """Read one file or folder of cells.

    Parameters
    ----------
    path : Path
    how : CellFormat
    columns : collection of str
        What is wanted of the cells, where the file knows it (AnnData).
    known, genes : collection of str
        Names of cells and of genes that are known from elsewhere: they tell which side of a count
        table is which.
    limit : int
        Bytes of a matrix in memory, above which it stays in its file, where that is possible and
        `how` does not say.

    Raises
    ------
    InputError
        If it is of no known format, is damaged, or has no such part.
    """
    kind = cell_format(path)
    if kind != "anndata" and (how.layer is not None or how.raw):
        raise InputError(
            f"samples.{'raw' if how.raw else 'layer'}: {path} is no AnnData, and only AnnData has "
            "layers and raw. Leave it out."
        )
    if how.backed and kind not in ("anndata", "10x_h5"):
        raise InputError(
            f"samples.backed: {path} is text, of which no single cells can be read. Leave the key "
            "out, or write it as h5ad once."
        )
    if kind == "anndata":
        return read_anndata(path, how, columns, limit)
    if kind == "10x_h5":
        return read_10x_h5(path, how, limit)
    if kind == "table":
        return read_count_table(path, how, known, genes)
    return read_market(path, how)


def holds_cells(path: str | Path) -> bool:
    """Tell AnnData, 10x, a matrix market file or a table of counts from sequences, by content."""
    path = Path(path)
    if str(path) == STDIN:
        return False
    try:
        return cell_format(path) != "table" or _holds_numbers(path)
    except InputError:
        return False


def _holds_numbers(path: Path) -> bool:
    """Tell whether the second line of a table is a name and numbers."""
    with open_input(path) as source:
        lines = source.head.decode(errors="replace").splitlines()[:2]
    fields = re.split(r"[\t,; ]", lines[-1])[1:50]
    return len(lines) == 2 and bool(fields) and all(map(_is_number, fields))


def _is_number(field: str) -> bool:
    text = field.strip().strip('"')
    return text in MISSING or bool(re.fullmatch(r"[-+]?[\d.]+([eE][-+]?\d+)?", text))


def cell_format(path: Path) -> str:
    """Return "anndata", "10x_h5", "10x_folder", "market" or "table".

    Raises
    ------
    InputError
        If it is none of these.
    """
    if str(path) == STDIN:
        return "table"
    suffix = path.suffix.lower().removeprefix(".")
    if suffix in CONVERTED:
        raise InputError(
            f"{path}: files of the kind {suffix} are not read. Make it h5ad: {CONVERTED[suffix]}."
        )
    if path.is_dir():
        return _format_of_folder(path)
    if path.is_file():
        with path.open("rb") as stream:
            head = stream.read(len(HDF5))
        if head == HDF5:
            return _format_of_hdf5(path)
        if path.suffix.lower() in (".h5ad", ".h5", ".hdf5"):
            kind, _ = looks_like(head)
            raise InputError(
                f"{path} is no HDF5 file: it begins with {head[:8]!r}"
                f"{f' and looks like {kind}' if kind else ''}. Fetch or write it again, or give "
                "it the name of what it is."
            )
    with open_input(path) as source:
        if source.head.startswith(b"%%MatrixMarket"):
            return "market"
        kind, _ = looks_like(source.head)
        if kind or source.head.lstrip().startswith(b">"):
            raise InputError(f"{path} looks like {kind or 'FASTA'}, not cells. {_KNOWN}.")
    return "table"


def _format_of_folder(path: Path) -> str:
    if any((path / name).exists() for name in _ZARR):
        return "anndata"
    if any(path.glob("*matrix.mtx*")):
        return "10x_folder"
    raise InputError(
        f"{path} is a folder with neither a matrix.mtx (10x) nor zarr in it. {_KNOWN}."
    )


def _format_of_hdf5(path: Path) -> str:
    with open_store(path) as store:
        keys = set(store)
        if {"obs", "var"} <= keys:
            return "anndata"
        groups = [store[name] for name in keys if hasattr(store[name], "keys")]
        if any({"barcodes", "indptr", "shape"} <= set(group) for group in groups):
            return "10x_h5"
    raise InputError(
        f"{path} is an HDF5 file, but neither AnnData (it would have obs and var) nor of 10x (a "
        f"group with barcodes): it has {', '.join(sorted(keys)) or 'nothing'}. {_KNOWN}."
    )
