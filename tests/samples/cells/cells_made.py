"""Small cells, and files of every format with the same numbers in them."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy import io, sparse

CELLS, GENES = 40, 12


def made_counts(cells: int = CELLS, genes: int = GENES, seed: int = 1) -> np.ndarray:
    """Counts of which most are zero, one cell with large ones; no cell is silent."""
    values = np.random.default_rng(seed).poisson(0.5, (cells, genes)).astype(np.float32)
    values[:, 0] = 1
    values[3] = np.arange(genes) * 1111
    return values


def gene_names(genes: int = GENES) -> list[str]:
    return [f"GENE{i + 1}" for i in range(genes)]


def barcodes(cells: int = CELLS, seed: int = 5) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), 20)) + "-1" for _ in range(cells)]


def ensembl(genes: int = GENES) -> list[str]:
    return [f"ENSG{i + 1:011d}" for i in range(genes)]


def made_anndata(values: Any = None, **obs: Any) -> anndata.AnnData:
    values = made_counts() if values is None else values
    cells, genes = values.shape
    frame = pd.DataFrame(obs, index=barcodes(cells))
    var = pd.DataFrame({"gene_ids": ensembl(genes)}, index=gene_names(genes))
    return anndata.AnnData(values, obs=frame, var=var)


def usual_obs(cells: int = CELLS) -> dict[str, Any]:
    return {
        "kind": pd.Categorical(np.where(np.arange(cells) % 2, "b", "a")),
        "day": np.arange(cells) % 4,
        "patient": [f"p{i % 5}" for i in range(cells)],
        "share": np.linspace(0.5, 1, cells),
    }


def write_zarr(data: anndata.AnnData, path: Path, version: int = 3) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that version 2 will be the default no more
        with anndata.settings.override(zarr_write_format=version):
            data.write_zarr(path)
    return path


def write_text(
    path: Path, values: np.ndarray, rows: list[str], columns: list[str], corner: str = ""
) -> Path:
    mark = "," if ".csv" in path.name else "\t"
    lines = [mark.join([corner, *columns])]
    lines += [
        mark.join([name, *(f"{value:g}" for value in row)])
        for name, row in zip(rows, values.tolist(), strict=True)
    ]
    text = "\n".join(lines) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def write_10x(folder: Path, values: np.ndarray, prefix: str = "", genes: str = "features") -> Path:
    folder.mkdir(exist_ok=True)
    matrix = folder / f"{prefix}matrix.mtx"
    io.mmwrite(matrix, sparse.coo_matrix(values.T.astype(int)))
    (folder / f"{prefix}matrix.mtx.gz").write_bytes(gzip.compress(matrix.read_bytes()))
    matrix.unlink()
    names = "".join(f"{name}\n" for name in barcodes(len(values)))
    (folder / f"{prefix}barcodes.tsv.gz").write_bytes(gzip.compress(names.encode()))
    pairs = zip(ensembl(values.shape[1]), gene_names(values.shape[1]), strict=True)
    text = "".join(f"{ident}\t{symbol}\tGene Expression\n" for ident, symbol in pairs)
    (folder / f"{prefix}{genes}.tsv.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def write_10x_h5(path: Path, values: np.ndarray, *, antibodies: int = 0, old: bool = False) -> Path:
    matrix = sparse.csr_matrix(values)
    with h5py.File(path, "w") as file:
        group = file.create_group("GRCh38" if old else "matrix")
        group["data"], group["indices"] = matrix.data.astype(np.int32), matrix.indices
        group["indptr"], group["shape"] = matrix.indptr, values.shape[::-1]
        group["barcodes"] = np.array(barcodes(len(values)), dtype="S")
        ids, symbols = ensembl(values.shape[1]), gene_names(values.shape[1])
        if old:
            group["genes"], group["gene_names"] = np.array(ids, "S"), np.array(symbols, "S")
        else:
            kinds = ["Gene Expression"] * values.shape[1]
            kinds[len(kinds) - antibodies :] = ["Antibody Capture"] * antibodies
            features = group.create_group("features")
            features["id"], features["name"] = np.array(ids, "S"), np.array(symbols, "S")
            features["feature_type"] = np.array(kinds, "S")
    return path
