"""Cells as samples: labels, groups, joined files, filters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import sparse

import cistron
from cistron.base.errors import InputError
from cistron.experiment.file import make_experiment
from cistron.samples.cells.cells import CellSamples
from cistron.samples.samples import Samples
from tests.samples.cells.cells_made import (
    CELLS,
    barcodes,
    gene_names,
    made_anndata,
    made_counts,
    usual_obs,
    write_text,
    write_zarr,
)

COUNTS = made_counts()


@pytest.fixture
def h5ad(tmp_path: Path) -> Path:
    path = tmp_path / "cells.h5ad"
    made_anndata(sparse.csr_matrix(COUNTS), **usual_obs()).write_h5ad(path)
    return path


def dense(samples: Samples) -> np.ndarray:
    return samples.payload.read().toarray()


def test_labels_groups_and_weights_are_columns_of_obs(h5ad: Path) -> None:
    samples = cistron.read_cells(h5ad, "kind", {"donor": "patient"}, weight="share")
    assert samples.payload.content == "genes"
    assert np.array_equal(dense(samples), COUNTS)
    assert samples.classes == ("a", "b")
    assert samples.groups == ("donor",)
    assert samples.table["donor"].tolist() == usual_obs()["patient"]
    assert np.allclose(samples.table["weight"], usual_obs()["share"])
    assert np.array_equal(samples.table["counts"], COUNTS.sum(axis=1))
    assert np.array_equal(samples.table["detected"], (COUNTS > 0).sum(axis=1))
    assert list(samples.sources) == [str(h5ad)]
    assert cistron.read_cells(h5ad).classes == ()


def test_classes_name_values_of_a_column(h5ad: Path) -> None:
    label = {"column": "day", "classes": {"late": [2, 3], "early": 0}}
    samples = cistron.read_cells(h5ad, label)
    assert samples.classes == ("late", "early")
    assert samples.table["label"].value_counts().to_dict() == {"late": 20, "early": 10}
    assert set(samples.dropped["reason"]) == {"day is '1', which no class names"}
    assert "Cells left out because no class names their day '1': 10." in samples.notes
    with pytest.raises(InputError, match=r"no record is labelled '14_high'. The labels are: 0, 1"):
        cistron.read_cells(h5ad, {"column": "day", "classes": {"a": [0], "b": ["14_high"]}})


def test_only_some_classes(h5ad: Path) -> None:
    samples = cistron.read_cells(h5ad, "patient", only=["p4", "p1"])
    assert samples.classes == ("p4", "p1")
    assert len(samples) == 16
    assert len(samples.dropped) == 24


def test_a_backed_file_gives_the_same_samples(h5ad: Path) -> None:
    held = cistron.read_cells(h5ad, "kind", backed=False, min_counts=5)
    left = cistron.read_cells(h5ad, "kind", backed=True, min_counts=5)
    assert held.payload.chunk == 0
    assert left.payload.chunk > 0
    assert held.table.equals(left.table)
    assert np.array_equal(dense(held), dense(left))


def test_cells_of_poor_quality_are_listed(tmp_path: Path) -> None:
    values = np.ones((8, 4), dtype=np.float32)
    values[0] = 0
    values[1] = [5, 0, 0, 0]
    values[2] = [1, 1, 9, 0]  # nine of eleven are mitochondrial
    values[3] = [1, 1, 0, 0]
    path = tmp_path / "a.h5ad"
    data = made_anndata(values, kind=list("aaaaabab"))
    data.var_names = ["A", "B", "mt-Nd1", "C"]
    data.write_h5ad(path)
    samples = cistron.read_cells(path, "kind", min_genes=2, min_counts=3, max_mitochondrial=0.5)
    reasons = dict(zip(samples.dropped["record"], samples.dropped["reason"], strict=True))
    assert reasons == {
        1: "fewer than 2 genes above zero",
        2: "fewer than 2 genes above zero",
        3: "more than 50% of the counts are mitochondrial",
        4: "fewer than 3 counts",
    }
    assert samples.dropped["id"].tolist() == barcodes(8)[:4]
    assert samples.table["counts"].tolist() == [4, 4, 4, 4]


def test_silent_cells_and_genes_are_counted(tmp_path: Path) -> None:
    values = COUNTS.copy()
    values[5] = 0
    values[:, [4, 7]] = 0
    path = tmp_path / "a.h5ad"
    made_anndata(values, **usual_obs()).write_h5ad(path)
    samples = cistron.read_cells(path, "kind")
    assert len(samples) == CELLS - 1
    assert samples.dropped["reason"].tolist() == ["no gene above zero"]
    assert f"{path}: genes that are zero in all cells: 2 of 12." in samples.notes
    assert f"{path}: cells with no gene above zero: 1." in samples.notes


def write_two(folder: Path) -> tuple[Path, Path]:
    """Two tables that share ten genes, in different orders, and one barcode."""
    names = gene_names()
    one, two = barcodes(20, seed=7), barcodes(20, seed=8)
    two[4] = one[2]
    first = write_text(folder / "one.csv", COUNTS[:20, :11].T, names[:11], one, "gene")
    order = [11, *range(9, -1, -1)]
    second = write_text(
        folder / "two.csv.gz", COUNTS[20:, order].T, [names[i] for i in order], two, "gene"
    )
    return first, second


def test_files_are_joined_by_gene(tmp_path: Path) -> None:
    first, second = write_two(tmp_path)
    samples = cistron.read_cells({"no": first, "yes": second})
    assert samples.classes == ("no", "yes")
    assert samples.groups == ("source",)
    assert samples.table.groupby("label")["source"].unique().map(list).to_dict() == {
        "no": ["one"],
        "yes": ["two"],
    }
    assert samples.payload.genes.tolist() == gene_names()[:10]
    assert np.array_equal(dense(samples), COUNTS[:, :10])
    assert any(
        "10 are in all files (one.csv 11, two.csv.gz 11); 2 others were left out" in note
        for note in samples.notes
    )
    # A cell's own sum is over all genes of its file.
    assert samples.table["counts"].tolist()[:20] == COUNTS[:20, :11].sum(axis=1).tolist()


def test_all_genes_of_any_file(tmp_path: Path) -> None:
    samples = cistron.read_cells(dict(zip("ab", write_two(tmp_path), strict=True)), join="all")
    wanted = COUNTS.copy()
    wanted[:20, 11] = 0
    wanted[20:, 10] = 0
    assert samples.payload.genes.tolist() == gene_names()
    assert np.array_equal(dense(samples), wanted)
    assert any("2 others are zero in the files without them" in note for note in samples.notes)


def test_barcodes_of_two_files_may_be_the_same(tmp_path: Path) -> None:
    samples = cistron.read_cells(dict(zip("ab", write_two(tmp_path), strict=True)))
    shared = barcodes(20, seed=7)[2]
    assert samples.ids[[2, 24]].tolist() == [f"one:{shared}", f"two:{shared}"]
    assert len(set(samples.ids)) == 40
    assert sum(":" in name for name in samples.ids) == 2


def test_genes_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    data = made_anndata(COUNTS, **usual_obs())
    names = gene_names()
    names[5] = names[2]
    data.var_names = names
    data.write_h5ad(path)
    samples = cistron.read_cells(path, "kind")
    wanted = np.delete(COUNTS, 5, axis=1)
    assert np.array_equal(np.delete(dense(samples), 2, axis=1), np.delete(wanted, 2, axis=1))
    assert np.array_equal(dense(samples)[:, 2], COUNTS[:, 2] + COUNTS[:, 5])
    assert samples.payload.names["ensembl"][2] == ""  # it is two ids
    assert "(GENE3): added up, 12 columns became 11." in samples.notes[0]
    first = cistron.read_cells(path, "kind", duplicate_genes="first")
    assert np.array_equal(dense(first), wanted)
    by_id = cistron.read_cells(path, "kind", gene_names="ensembl")
    assert np.array_equal(dense(by_id), COUNTS)
    with pytest.raises(InputError, match="1 genes have several columns .GENE3"):
        cistron.read_cells(path, "kind", duplicate_genes="error")
    with pytest.raises(InputError, match="no counts cannot be added up"):
        cistron.read_cells(path, "kind", counts=False)


def write_metadata(path: Path, ids: list[str]) -> Path:
    frame = pd.DataFrame({"kind": ["x", "y"] * 20, "well": [f"w{i % 4}" for i in range(40)]})
    frame.index = pd.Index(ids, name="cell")
    frame.iloc[::-1].to_csv(path)
    return path


def test_a_metadata_table_knows_the_cells(tmp_path: Path) -> None:
    counts = write_text(tmp_path / "a.csv", COUNTS.T, gene_names(), [f"c{i}" for i in range(40)])
    table = write_metadata(tmp_path / "m.csv", [f"c{i}" for i in range(39)] + ["other"])
    samples = cistron.read_cells(counts, "kind", ["well"], metadata=table)
    assert samples.table["label"].tolist() == (["x", "y"] * 20)[:39]
    assert samples.table["well"].tolist() == [f"w{i % 4}" for i in range(39)]
    assert samples.dropped.to_numpy().tolist() == [
        ["c39", str(counts), 40, "not in the metadata table"]
    ]
    assert np.array_equal(dense(samples), COUNTS[:39])
    assert "genes in rows, because the column 'c0' is a cell that is known" in samples.notes[0]
    assert set(samples.sources) == {str(counts), str(table)}


def test_metadata_of_several_files(tmp_path: Path) -> None:
    first, second = write_two(tmp_path)
    one, two = barcodes(20, seed=7), barcodes(20, seed=8)
    two[4] = one[2]
    shared = one[2]
    ids = [f"one:{b}" if b == shared else b for b in one]
    ids += [f"two:{b}" if b == shared else b for b in two]
    path = {"one": first, "two": second}
    table = write_metadata(tmp_path / "m.csv", ids)
    samples = cistron.read_cells(path, "kind", metadata={"table": table, "id": "cell"})
    assert samples.table["label"].tolist() == ["x", "y"] * 20
    # The barcode alone does not say which of the two cells it is.
    table = write_metadata(tmp_path / "n.csv", [shared, *ids[1:2], "o", *ids[3:24], "p", *ids[25:]])
    samples = cistron.read_cells(path, "kind", metadata=table)
    assert samples.dropped["reason"].tolist() == [
        "not in the metadata table",
        "several cells have its barcode, and the metadata table does not say which",
        "several cells have its barcode, and the metadata table does not say which",
    ]
    # Or each file has a table of its own.
    frame = pd.read_csv(write_metadata(tmp_path / "o.csv", one + two))
    tables = {}
    for name, some in (("one", one), ("two", two)):
        part = frame.iloc[::-1].reset_index(drop=True)
        part = part.iloc[:20] if name == "one" else part.iloc[20:]
        part.to_csv(tmp_path / f"{name}_meta.csv", index=False)
        tables[name] = tmp_path / f"{name}_meta.csv"
        assert part["cell"].tolist() == some
    samples = cistron.read_cells(path, "kind", metadata=tables)
    assert samples.table["label"].tolist() == ["x", "y"] * 20
    with pytest.raises(InputError, match="no file is called 'three'; they are: one, two"):
        cistron.read_cells(path, "kind", metadata={**tables, "three": tables["one"]})


def test_a_single_cell_of_a_group_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    obs = usual_obs()
    obs["patient"][7] = "alone"
    made_anndata(COUNTS, **obs).write_h5ad(path)
    samples = cistron.read_cells(path, "kind", ["patient"])
    assert "Groups of patient with a single cell: 1 (alone)." in samples.notes


def test_a_sorted_file_is_noted_where_it_is_read_from_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cistron.samples.cells.stored.CHUNK", 8)
    path = tmp_path / "a.h5ad"
    made_anndata(sparse.csr_matrix(COUNTS), kind=["a"] * 20 + ["b"] * 20).write_h5ad(path)
    samples = cistron.read_cells(path, "kind", backed=True)
    assert any("sorted by label (2 stretches of 2 values)" in note for note in samples.notes)
    assert not cistron.read_cells(path, "kind", backed=False).notes


def test_other_numbers_than_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    values = np.log1p(COUNTS) - 0.5
    values[2, 3] = np.nan
    made_anndata(values, **usual_obs()).write_h5ad(path)
    samples = cistron.read_cells(path, "kind", counts=False, missing=True)
    assert np.array_equal(dense(samples), values, equal_nan=True)
    assert f"{path}: numbers that are missing (NaN), to be imputed: 1." in samples.notes
    assert np.isfinite(samples.table["counts"]).all()


def test_an_experiment_reads_cells(h5ad: Path) -> None:
    document = {
        "name": "cells",
        "samples": {"kind": "cells", "path": h5ad.name, "label": "kind", "groups": ["patient"]},
        "split": {"kind": "group", "columns": ["patient"]},
        "encoder": {"kind": "expression"},
        "model": {"kind": "logistic_regression"},
    }
    settings = make_experiment(document, folder=h5ad.parent).samples
    assert isinstance(settings, CellSamples)
    assert settings.group_names == ("patient",)
    assert len(settings.read()) == CELLS
    assert CellSamples.model_validate(settings.document()) == settings


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "either `classes`"),
        ({"path": "a", "classes": {"x": "b"}}, "either `classes`"),
        ({"classes": {"x": "b"}, "label": "kind"}, "the file is the label"),
        ({"path": "a", "only": ["x"]}, "`only` needs labels"),
        ({"path": "a", "layer": "x", "raw": True}, "not both"),
        ({"path": "a", "groups": ["source"]}, "a column that is made here"),
        ({"path": "a", "label": {"column": "k", "classes": {"a": [1], "b": [2, 1]}}}, "twice"),
    ],
)
def test_keys_that_do_not_go_together(keys: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CellSamples(**keys)


def test_names_of_files() -> None:
    settings = CellSamples(path=["x/day0.h5ad", "y/day0.h5ad", "z/GSM1.counts.txt.gz"])
    assert [name for _, name, _ in settings.files] == ["x/day0.h5ad", "y/day0.h5ad", "GSM1.counts"]
    assert settings.group_names == ("source",)


def test_files_of_several_formats_are_joined_where_they_are(tmp_path: Path) -> None:
    one, two = tmp_path / "one.h5ad", tmp_path / "two.zarr"
    made_anndata(sparse.csr_matrix(COUNTS), **usual_obs()).write_h5ad(one)
    other = made_anndata(sparse.csr_matrix(COUNTS)[:, ::-1], **usual_obs())
    other.var_names, other.obs_names = gene_names()[::-1], barcodes(seed=9)
    write_zarr(other, two)
    held = cistron.read_cells({"one": one, "two": two}, "kind", backed=False)
    left = cistron.read_cells({"one": one, "two": two}, "kind", backed=True)
    assert (held.payload.chunk, left.payload.chunk) == (0, 2048)
    assert np.array_equal(dense(held), np.concatenate([COUNTS, COUNTS]))
    assert np.array_equal(dense(left), dense(held))
    rows = np.random.default_rng(1).permutation(80)[:30]
    assert np.array_equal(dense(left[rows]), dense(held)[rows])
    assert left.sources.keys() == {str(one), str(two)}
