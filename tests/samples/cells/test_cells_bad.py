"""What is wrong with files of cells is said in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import cistron
from cistron.base.errors import InputError
from cistron.samples.cells.cell_file import CellFormat
from cistron.samples.cells.tenx import read_10x_h5
from tests.samples.cells.cells_made import (
    barcodes,
    ensembl,
    gene_names,
    made_anndata,
    made_counts,
    usual_obs,
    write_10x,
    write_10x_h5,
    write_text,
    write_zarr,
)

COUNTS = made_counts()


def refusal(*arguments: Any, **settings: Any) -> str:
    with pytest.raises(InputError) as error:
        cistron.read_cells(*arguments, **settings)
    return str(error.value)


def h5ad(folder: Path, values: Any = COUNTS, **obs: Any) -> Path:
    path = folder / "cells.h5ad"
    made_anndata(values, **(obs or usual_obs())).write_h5ad(path)
    return path


def test_not_an_h5ad(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    path.write_text("gene,c1\nA,1\n")
    assert "a.h5ad is no HDF5 file: it begins with b'gene,c1" in refusal(path)
    with h5py.File(tmp_path / "b.h5ad", "w") as file:
        file["weights"] = np.ones(3)
    assert "neither AnnData" in refusal(tmp_path / "b.h5ad")
    assert "there is no such file. Did you mean 'a.h5ad'?" in refusal(tmp_path / "aa.h5ad")
    (tmp_path / "folder").mkdir()
    assert "neither a matrix.mtx (10x) nor zarr" in refusal(tmp_path / "folder")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_truncated(share: float, tmp_path: Path) -> None:
    path = h5ad(tmp_path, sparse.csr_matrix(COUNTS))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert "cells.h5ad is damaged or cut short" in refusal(path, "kind")


def test_numbers_are_announced_that_are_not_there(tmp_path: Path) -> None:
    path = h5ad(tmp_path, sparse.csr_matrix(COUNTS))
    with h5py.File(path, "r+") as file:
        data = file["X/data"][:-5]
        del file["X/data"]
        file["X/data"] = data
    assert "X is damaged: it has" in refusal(path, "kind")


def test_an_old_h5ad(tmp_path: Path) -> None:
    path = h5ad(tmp_path)
    with h5py.File(path, "r+") as file:
        del file["obs"]
        file["obs"] = np.zeros(40, dtype=[("index", "S5")])
    assert "anndata 0.7" in refusal(path, "kind")


@pytest.mark.parametrize("backed", [False, True])
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (-2, "is negative (-2)"),
        (np.nan, "is missing (NaN)"),
        (np.inf, "is infinite"),
        (1.5, "is 1.5. Counts are whole numbers"),
    ],
)
def test_numbers_that_are_no_counts(
    number: float, message: str, backed: bool, tmp_path: Path
) -> None:
    values = COUNTS.copy()
    values[6, 4] = number
    said = refusal(h5ad(tmp_path, sparse.csr_matrix(values)), "kind", backed=backed)
    assert f"the number of gene 'GENE5' in cell '{barcodes()[6]}' {message}" in said
    assert "samples." in said or number == np.inf


def test_genes_and_cells_are_swapped(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    made_anndata(COUNTS).T.write_h5ad(path)
    said = refusal(path)
    assert "a.h5ad has its genes and cells swapped" in said
    assert "adata.T" in said
    data = made_anndata(COUNTS.T.copy())
    data.obs_names, data.var_names = ensembl(), [f"cell{i}" for i in range(40)]
    data.write_h5ad(path)
    assert "ENSG00000000001 is an Ensembl id" in refusal(path)
    data.obs_names = [f"sample{i}" for i in range(12)]
    data.write_h5ad(path)
    table = tmp_path / "m.csv"
    pd.DataFrame({"cell": [f"cell{i}" for i in range(40)], "kind": ["a", "b"] * 20}).to_csv(
        table, index=False
    )
    said = refusal(path, "kind", metadata=table)
    assert "genes and cells are swapped in the file" in said
    text = write_text(tmp_path / "a.csv", COUNTS.T, ensembl(), barcodes())
    assert "swapped" in refusal(text, orientation="cells_in_rows")


def test_files_without_a_gene_in_common(tmp_path: Path) -> None:
    one, two = tmp_path / "one.h5ad", tmp_path / "two.h5ad"
    made_anndata(COUNTS).write_h5ad(one)
    other = made_anndata(COUNTS)
    other.var_names = [f"Mouse{i}" for i in range(12)]
    del other.var["gene_ids"]
    other.write_h5ad(two)
    said = refusal({"a": one, "b": two})
    assert "No gene is in all 2 files" in said
    assert "GENE1, GENE2, GENE3" in said
    assert "Mouse0" in said
    other.var_names = ensembl()
    other.write_h5ad(two)
    assert "samples.gene_names" in refusal({"a": one, "b": two})


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = h5ad(tmp_path)
    said = refusal(path, "kinds")
    assert f"samples.label: {path} has no column 'kinds'" in said
    assert "kind, day, patient, share. Did you mean 'kind'?" in said
    assert "samples.groups.donor" in refusal(path, "kind", {"donor": "donor"})
    text = write_text(tmp_path / "a.csv", COUNTS.T, gene_names(), barcodes())
    assert "name a table of the cells under samples.metadata" in refusal(text, "kind")


def test_a_group_without_a_value(tmp_path: Path) -> None:
    obs = usual_obs()
    obs["patient"] = pd.Series(obs["patient"], dtype=object)
    obs["patient"].iloc[3] = np.nan
    obs["patient"] = pd.Categorical(obs["patient"])
    said = refusal(h5ad(tmp_path, COUNTS, **obs), "kind", ["patient"])
    assert "samples.groups.patient: the column 'patient' gives no value for 1 of 40" in said


def test_names_of_cells_that_stand_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    data = made_anndata(COUNTS, **usual_obs())
    names = barcodes()
    names[9] = names[1]
    data.obs_names = names
    data.write_h5ad(path)
    said = refusal(path, "kind")
    assert f"1 names of cells stand more than once, such as '{names[1]}'" in said
    assert "samples.number_cells" in said
    samples = cistron.read_cells(path, "kind", number_cells=True)
    assert samples.ids[9] == f"{names[1]}#2"
    assert np.array_equal(samples.payload.read().toarray(), COUNTS)


def test_metadata_of_other_cells(tmp_path: Path) -> None:
    path = h5ad(tmp_path)
    table = tmp_path / "m.csv"
    plain = [name.removesuffix("-1") for name in barcodes()]
    pd.DataFrame({"cell": plain, "kind": ["x", "y"] * 20}).to_csv(table, index=False)
    said = refusal(path, "kind", metadata=table)
    assert "m.csv knows none of the 40 cells" in said
    assert f"'{barcodes()[0]}'" in said
    table.write_text(f"cell,kind\n{barcodes()[0]},x\n{barcodes()[0]},y\n")
    assert "contradict each other for 1 cells" in refusal(path, "kind", metadata=table)


def test_too_few_classes(tmp_path: Path) -> None:
    path = h5ad(tmp_path, COUNTS, kind=["a"] * 40)
    assert "only one class to learn: a (40 records)" in refusal(path, "kind")
    assert "No cell is left" in refusal(path, min_counts=1e9)


def test_a_weight_that_is_no_number(tmp_path: Path) -> None:
    assert "no weight" in refusal(h5ad(tmp_path), "kind", weight="patient")


def test_mitochondria_without_symbols(tmp_path: Path) -> None:
    said = refusal(h5ad(tmp_path), "kind", max_mitochondrial=0.2, gene_names="ensembl")
    assert "cells.h5ad has the name of a mitochondrial one" in said


def test_names_that_a_file_does_not_have(tmp_path: Path) -> None:
    text = write_text(tmp_path / "a.csv", COUNTS.T, gene_names(), barcodes())
    assert "has no names of the kind 'ensembl'" in refusal(text, gene_names="ensembl")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("B2M,1,2", "line 3 has 3 fields, and the header makes 4"),
        ("B2M,1,2,3,4", "line 3 has 5 fields"),
        ("B2M,1,many,3", "line 3, column 'c2': 'many' is no number"),
        ("B2M,1,inf,3", "'inf' is no number"),
    ],
)
def test_a_line_of_a_table(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"gene,c1,c2,c3\nACTB,1,2,3\n{line}\nGAPDH,0,0,0\n")
    assert message in refusal(path)


def test_a_table_of_names_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("gene,c1\n")
    assert "has a header and no lines" in refusal(path)
    path.write_text("ACGTT\nACGT\n")
    assert "no table of counts" in refusal(path)


def test_matrix_market_that_does_not_fit(tmp_path: Path) -> None:
    folder = write_10x(tmp_path / "run", COUNTS)
    (folder / "barcodes.tsv.gz").unlink()
    assert "no names of its cells beside it: there is no barcodes.tsv" in refusal(folder)
    (folder / "barcodes.tsv").write_text("a\nb\n")
    assert "do not belong together" in refusal(folder)
    (folder / "matrix.mtx").write_text("%%MatrixMarket matrix coordinate integer general\n3 2 9\n")
    (folder / "matrix.mtx.gz").unlink()
    assert "no whole matrix market file" in refusal(folder)
    (folder / "other_matrix.mtx").write_text("")
    assert "holds 2 matrices" in refusal(folder)


def test_several_genomes(tmp_path: Path) -> None:
    path = write_10x_h5(tmp_path / "a.h5", COUNTS, old=True)
    with h5py.File(path, "r+") as file:
        file.copy("GRCh38", "mm10")
        names = file["mm10/gene_names"][:]
        file["mm10/gene_names"][:] = np.char.lower(names)
        cells = file["mm10/barcodes"][:]
        cells[0] = b"T" * 18 + b"-1"  # a cell in which only the mouse was found
        file["mm10/barcodes"][:] = cells
    read = read_10x_h5(path, CellFormat())
    human = read_10x_h5(write_10x_h5(tmp_path / "b.h5", COUNTS, old=True), CellFormat())
    cells, genes = COUNTS.shape
    assert read.matrix.shape == (cells + 1, 2 * genes)
    assert read.genes[genes:].tolist() == [name.lower() for name in human.genes]
    values = read.matrix.read(np.arange(cells + 1)).toarray()
    np.testing.assert_array_equal(values[:cells, :genes], COUNTS)
    np.testing.assert_array_equal(values[1:cells, genes:], COUNTS[1:])
    np.testing.assert_array_equal(values[[0, cells], genes:], [0 * COUNTS[0], COUNTS[0]])
    assert "several genomes (GRCh38, mm10)" in read.notes[-1]


@pytest.mark.parametrize("name", ["indptr", "indices"])
@pytest.mark.parametrize("value", [-5, 10**8])
def test_places_that_do_not_exist(name: str, value: int, tmp_path: Path) -> None:
    """The libraries beneath end the process where such places are followed."""
    tenx = write_10x_h5(tmp_path / "a.h5", COUNTS)
    by_gene = h5ad(tmp_path, sparse.csc_matrix(COUNTS))
    for path, group in ((tenx, "matrix"), (by_gene, "X")):
        with h5py.File(path, "r+") as file:
            file[f"{group}/{name}"][0] = value
        assert "is damaged" in refusal(path)


def test_without_anndata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = h5ad(tmp_path)
    monkeypatch.setitem(sys.modules, "anndata.io", None)
    assert "anndata is not installed. Install it with: pip install 'cistron[cells]'" in refusal(
        path
    )
    assert anndata is not None


def test_without_zarr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zarr(made_anndata(COUNTS), tmp_path / "a.zarr")
    monkeypatch.setitem(sys.modules, "zarr", None)
    assert "zarr is not installed. Install it with: pip install 'cistron[cells]'" in refusal(path)


@pytest.mark.parametrize("suffix", ["h5mu", "rds", "loom", "h5Seurat", "RData"])
def test_formats_of_other_tools_are_named(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"cells.{suffix}"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert f"files of the kind {suffix.lower()} are not read. Make it h5ad" in refusal(path)
