"""Columns of AnnData files as every version of anndata wrote them, against anndata itself."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import zarr

from cistron.base.errors import InputError
from cistron.experiment.file import make_experiment
from cistron.pipeline.check import read_samples
from cistron.samples.cells.anndata_files import is_enumeration, read_anndata
from cistron.samples.cells.cell_file import CellFormat, as_text
from cistron.samples.cells.cells import read_cells
from tests.places import REAL_DATA
from tests.samples.cells.cells_made import (
    CELLS,
    GENES,
    barcodes,
    ensembl,
    gene_names,
    made_anndata,
    made_counts,
    usual_obs,
    write_zarr,
)

KINDS = ["B cell", "monocyte", "T cell"]
ARCHIVES = REAL_DATA / "cells" / "anndata_archives"


def codes(first: str, cells: int = CELLS) -> tuple[list[str], np.ndarray]:
    """Return categories of which another one is the first in every file, and codes."""
    names = [first, *[name for name in KINDS if name != first]]
    return names, (np.arange(cells) % 3).astype(np.int8)


def write_07(path: Path, first: str) -> Path:
    """Write h5ad or zarr as anndata 0.7 did: codes, and categories in a group of their own."""
    values, names, numbers = made_counts(), *codes(first)
    if path.suffix == ".h5ad":
        store = h5py.File(path, "w")
        text = {"dtype": h5py.string_dtype()}
    else:
        store, text = zarr.open_group(str(path), mode="w", zarr_format=2), {"dtype": str}

    def put(group, name, data, **keys):
        if isinstance(store, h5py.File):
            group.create_dataset(name, data=data, **keys)
        else:
            data = np.asarray(data, dtype=object if keys else None)
            group.create_array(name, shape=data.shape, **(keys or {"dtype": data.dtype}))[:] = data

    put(store, "X", values)
    for table, index in (("obs", barcodes()), ("var", gene_names())):
        group = store.create_group(table)
        put(group, "_index", index, **text)
        group.attrs["_index"] = "_index"
        group.attrs["encoding-type"], group.attrs["encoding-version"] = "dataframe", "0.1.0"
        group.attrs["column-order"] = ["kind"] if table == "obs" else []
    obs = store["obs"]
    put(obs, "kind", numbers)
    put(obs.create_group("__categories"), "kind", names, **text)
    if isinstance(store, h5py.File):
        obs["kind"].attrs["categories"] = obs["__categories/kind"].ref
        store.close()
    else:
        obs["kind"].attrs["categories"] = "__categories/kind"
    return path


def write_06(path: Path, first: str) -> Path:
    """Write h5ad as anndata 0.6 did: tables as arrays of records, categories in uns."""
    names, numbers = codes(first)
    with h5py.File(path, "w") as file:
        file["X"] = made_counts()
        obs = [(name.encode(), code) for name, code in zip(barcodes(), numbers, strict=True)]
        file["obs"] = np.array(obs, dtype=[("index", "S30"), ("kind", "i1")])
        var = [
            (name.encode(), id_.encode()) for name, id_ in zip(gene_names(), ensembl(), strict=True)
        ]
        file["var"] = np.array(var, dtype=[("index", "S30"), ("gene_ids", "S30")])
        file["raw.X"] = 2 * made_counts()
        file["raw.var"] = file["var"][:]
        file.create_dataset("uns/kind_categories", data=names, dtype=h5py.string_dtype())
    return path


def kinds_of(path: Path, **how: object) -> list[str]:
    return read_anndata(path, CellFormat(**how), ["kind"]).frame["kind"].tolist()


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
@pytest.mark.parametrize("first", KINDS)
def test_categories_of_anndata_07_are_names(suffix, first, tmp_path) -> None:
    path = write_07(tmp_path / f"old{suffix}", first)
    names, numbers = codes(first)
    assert kinds_of(path) == [names[code] for code in numbers]
    assert read_anndata(path, CellFormat()).genes.tolist() == gene_names()


@pytest.mark.parametrize("first", KINDS)
def test_records_of_anndata_06_are_read(first, tmp_path) -> None:
    path = write_06(tmp_path / "old.h5ad", first)
    names, numbers = codes(first)
    assert kinds_of(path) == [names[code] for code in numbers]
    file = read_anndata(path, CellFormat())
    assert file.genes.tolist() == gene_names()
    assert file.barcodes.tolist() == barcodes()
    assert file.names["ensembl"].tolist() == ensembl()
    raw = read_anndata(path, CellFormat(raw=True))
    np.testing.assert_array_equal(raw.matrix.read(np.arange(3)).toarray(), 2 * made_counts()[:3])


def test_two_files_with_the_same_codes_have_the_classes_they_name(tmp_path) -> None:
    paths = {first: write_07(tmp_path / f"{first}.h5ad", first) for first in KINDS[:2]}
    samples = read_cells(paths, label="kind")
    assert set(samples.classes) == set(KINDS)
    first = samples.table.groupby("source")["label"].first()
    assert sorted(first) == KINDS[:2]


def test_codes_beyond_the_categories_are_damage(tmp_path) -> None:
    path = write_07(tmp_path / "old.h5ad", KINDS[0])
    with h5py.File(path, "r+") as file:
        file["obs/kind"][0] = 7
    with pytest.raises(InputError, match="'kind' has categories that it does not name"):
        kinds_of(path)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["v0.7.0.h5ad"])
def test_the_archives_of_anndata_are_read_as_anndata_reads_them(name) -> None:
    path = ARCHIVES / name
    if not path.exists():
        pytest.skip("needs ../shared/data")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = anndata.read_h5ad(path)
    file = read_anndata(path, CellFormat(), list(data.obs))
    for column in data.obs:
        assert file.frame[column].tolist() == as_text(data.obs[column]), column
    assert file.genes.tolist() == data.var_names.tolist()


# Genes that are only counted


def census(path: Path, **columns: list[str]) -> Path:
    data = made_anndata(**usual_obs())
    data.var = pd.DataFrame(columns, index=[str(n) for n in range(GENES)])
    data.write_h5ad(path)
    return path


def test_genes_that_are_numbered_go_by_their_names(tmp_path) -> None:
    path = census(tmp_path / "c.h5ad", feature_id=ensembl(), feature_name=gene_names())
    file = read_anndata(path, CellFormat())
    assert file.genes.tolist() == ensembl()
    assert file.names["symbol"].tolist() == gene_names()
    assert "numbers its genes" in file.notes[0]
    symbols = read_anndata(path, CellFormat(gene_names="symbol"))
    assert symbols.genes.tolist() == gene_names()


def test_genes_that_have_no_names_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="only numbers its genes"):
        read_anndata(census(tmp_path / "c.h5ad", length=list("abcdefghijkl")), CellFormat())


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (["0", "1", "2"], True),
        (["1", "2", "3"], True),
        (["7157", "1017", "672"], False),
        (["0", "2", "3"], False),
        (["0"], False),
    ],
)
def test_what_an_enumeration_is(names, counts) -> None:
    assert is_enumeration(np.array(names, dtype=object)) is counts


# Labels that are none


def test_words_for_missing_values_are_no_classes(tmp_path) -> None:
    obs = usual_obs()
    words = ["nan", "NaN", "NA", "None", ""]
    obs["kind"] = [words[i % 5] if i < 10 else "ab"[i % 2] for i in range(CELLS)]
    path = write_zarr(made_anndata(**obs), tmp_path / "c.zarr")
    samples = read_cells(path, label="kind")
    assert samples.classes == ("a", "b")
    assert len(samples) == CELLS - 10
    assert len(samples.dropped) == 10
    (tmp_path / "t.csv").write_text(
        "id,sequence,label\na,MKV,x\nb,MKVW,None\nc,MKVV,y\nd,MK,nan\ne,WW,x\nf,WWW,y\n"
    )
    sections = {
        "samples": {
            "kind": "table", "path": "t.csv", "alphabet": "protein", "id": "id",
            "sequence": "sequence", "label": "label",
        },
        "split": {"kind": "random"},
        "encoder": {"kind": "kmers"},
        "model": {"kind": "logistic_regression"},
    }  # fmt: skip
    samples, _ = read_samples(make_experiment({"name": "t", **sections}, folder=tmp_path))
    assert samples.classes == ("x", "y")


def test_classes_that_mean_unknown_are_pointed_out(tmp_path) -> None:
    of_class = {"T": "A", "Unassigned": "C", "Doublet": "D"}
    rows = "".join(f"{c}{i},MKV{of_class[c] * i},{c}\n" for c in of_class for i in (1, 2))
    (tmp_path / "t.csv").write_text("id,sequence,label\n" + rows)
    sections = {
        "samples": {
            "kind": "table", "path": "t.csv", "alphabet": "protein", "id": "id",
            "sequence": "sequence", "label": "label",
        },
        "split": {"kind": "random"},
        "encoder": {"kind": "kmers"},
        "model": {"kind": "logistic_regression"},
    }  # fmt: skip
    samples, _ = read_samples(make_experiment({"name": "t", **sections}, folder=tmp_path))
    (note,) = [one for one in samples.notes if "may not be classes" in one]
    assert "'Doublet', 'Unassigned'" in note
    assert "samples.only: [T]" in note


def test_headers_that_say_na_are_pointed_out(tmp_path) -> None:
    """Tables have no such labels: there they mean a missing value."""
    names = {"NA": "A", "nan": "C", "N/A": "D", "kinase": "E", "native": "F"}
    records = (
        f">{n}_{i}|{c}|g=NULL\nMKV{names[c] * i}\n" for n, c in enumerate(names) for i in (1, 2)
    )
    (tmp_path / "t.fasta").write_text("".join(records))
    sections = {
        "samples": {
            "kind": "fasta", "path": "t.fasta", "alphabet": "protein", "label": r"\|(\S+)\|g=",
            "groups": {"gene": r"g=(\w+)"},
        },
        "split": {"kind": "random"},
        "encoder": {"kind": "kmers"},
        "model": {"kind": "logistic_regression"},
    }  # fmt: skip
    samples, _ = read_samples(make_experiment({"name": "t", **sections}, folder=tmp_path))
    (note,) = [one for one in samples.notes if "may not be classes" in one]
    assert "'N/A', 'NA', 'nan'. To leave" in note
    assert "samples.only: [kinase, native]" in note
    (note,) = [one for one in samples.notes if "samples.groups.gene" in one]
    assert "10 headers have the value 'NULL'" in note
