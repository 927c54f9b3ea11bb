"""Predictions of cells within a copy of their data: AnnData with what was predicted in obs."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cistron.base.hdf5 import hdf5_file
from cistron.base.version import __version__
from cistron.classifier.predictor import Predictor
from cistron.samples.cells.cell_file import CellFormat
from cistron.samples.cells.cell_formats import cell_format, read_cell_file
from cistron.samples.cells.stored import open_store


def write_anndata(
    classifier: Predictor,
    source: Path,
    out: Path,
    table: pd.DataFrame,
    summary: Mapping[str, Any],
) -> None:
    """Copy the source and add what was predicted.

    Of h5ad the numbers are copied as bytes. A zarr folder, or what is no AnnData, is read into
    memory and written as h5ad.

    Parameters
    ----------
    classifier : Predictor
    source : Path
    out : Path
    table : DataFrame
        The predictions of all cells, in the order of the source.
    summary : mapping
    """
    from anndata.io import read_elem, write_elem

    _copy(source, out, CellFormat(orientation=_orientation(classifier)))
    with hdf5_file(out, "r+") as file:
        obs = read_elem(file["obs"])
        for name in table.columns.drop("id"):
            values = table[name]
            if name == "predicted":
                values = values.astype("category")
            obs[f"cistron_{name}"] = values.set_axis(obs.index)
        write_elem(file, "obs", obs)
        if "uns" not in file:
            write_elem(file, "uns", {})
        provenance = {
            "version": __version__,
            "classifier": str(classifier.checksum_),
            "classes": [str(name) for name in classifier.classes_],
            "source": source.name,
            "summary": json.dumps(summary, ensure_ascii=False),
        }
        write_elem(file, "uns/cistron", provenance)


def _orientation(classifier: Predictor) -> Any:
    return None if classifier.reading_ is None else classifier.reading_.orientation


def _copy(source: Path, out: Path, how: CellFormat) -> None:
    """Write the source as h5ad."""
    import anndata

    kind = cell_format(source)
    if kind == "anndata" and source.is_file():
        shutil.copyfile(source, out)
    elif kind == "anndata":
        with open_store(source):
            anndata.read_zarr(source).write_h5ad(out)
    else:
        file = read_cell_file(source, how)
        cells = pd.DataFrame(index=file.barcodes.astype(str))
        genes = pd.DataFrame(file.names, index=file.genes.astype(str), dtype=str)
        values = file.matrix.read(np.arange(len(cells)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # names of genes that stand twice
            anndata.AnnData(values, obs=cells, var=genes).write_h5ad(out)
