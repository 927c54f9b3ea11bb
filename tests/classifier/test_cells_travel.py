"""What training decided of cells travels with the classifier, and what is scored is counted."""

from __future__ import annotations

import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import io, sparse
from typer.testing import CliRunner

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.classifier.predict.predict_cells import NewCells, predict_cell_file
from cistron.classifier.predict.predict_shards import find_shards, predict_shards
from cistron.cli import app
from cistron.samples.samples import Samples
from tests.cells_planted import planted
from tests.samples.cells.cells_made import write_zarr

ENCODER = {"kind": "expression", "genes": {"kind": "all"}}
LOGARITHMS = {**ENCODER, "normalise": {"input": "logarithms"}}
DAYS = {"resting": ["0"], "active": ["3", "7"]}
PLANTED = planted(40, 5)


def logarithms(samples: Samples) -> sparse.csr_matrix:
    counts = samples.payload.read()
    values = sparse.csr_matrix(counts.multiply(1e4 / counts.sum(axis=1)), dtype=np.float32)
    values.data = np.log1p(values.data)
    return values


def as_anndata(samples: Samples) -> anndata.AnnData:
    """Return counts in raw and in a layer, logarithms in X, and days 0, 3 and 7 as labels."""
    counts, labels = samples.payload.read(), samples.table["label"].to_numpy()
    days = np.where(labels == "resting", 0, np.where(np.arange(len(labels)) % 2, 3, 7))
    obs = pd.DataFrame({"label": labels, "day": days}, index=samples.ids.astype(str))
    obs["donor"] = samples.table["donor"].to_numpy()
    var = pd.DataFrame(index=list(samples.payload.genes))
    data = anndata.AnnData(counts, obs=obs, var=var)
    data.raw = data.copy()
    data.layers["counts"] = counts
    data.X = logarithms(samples)
    return data


def part(donors: list[str]) -> Samples:
    return PLANTED.take(np.flatnonzero(PLANTED.table["donor"].isin(donors)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    where = tmp_path_factory.mktemp("travel")
    as_anndata(part(["d0", "d1", "d2", "d3"])).write_h5ad(where / "train.h5ad")
    new = as_anndata(part(["d4"]))
    new.write_h5ad(where / "new.h5ad")
    return where


def trained(folder: Path, name: str, encoder: dict = ENCODER, **keys: object) -> Classifier:
    """Return a classifier of the training file as it is loaded from disk."""
    samples = cistron.read_cells(folder / "train.h5ad", **{"label": "label", **keys})
    if not (folder / name).exists():
        Classifier(encoder, "logistic_regression").fit(samples).save(folder / name)
    return cistron.load(folder / name)


@pytest.mark.parametrize("keys", [{"raw": True}, {"layer": "counts"}])
def test_prediction_reads_the_numbers_that_training_read(folder, tmp_path, keys):
    classifier = trained(folder, f"numbers_{next(iter(keys))}", **keys)
    how = NewCells(label="label")
    found = predict_cell_file(classifier, folder / "new.h5ad", tmp_path / "a.tsv", how=how)
    expected = classifier.predict(cistron.read_cells(folder / "new.h5ad", label="label", **keys))
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    np.testing.assert_allclose(table["p_active"], expected["p_active"], rtol=1e-4)
    assert found["share_rejected"] < 0.3
    assert found["scores"]["accuracy"]["value"] > 0.9
    how = NewCells(layer="X")
    with pytest.raises(InputError, match="Counts are whole numbers"):
        predict_cell_file(classifier, folder / "new.h5ad", tmp_path / "b.tsv", how=how)


def test_what_training_read_and_a_new_file_lacks_is_told(folder, tmp_path):
    data = as_anndata(part(["d4"]))
    data.raw = None
    data.layers["count"] = data.layers.pop("counts")
    data.write_h5ad(tmp_path / "new.h5ad")
    with pytest.raises(InputError, match=r"does not have `raw`.*trained on.*count\. .*--layer"):
        predict_cell_file(
            trained(folder, "numbers_raw", raw=True), tmp_path / "new.h5ad", tmp_path / "a.tsv"
        )
    classifier = trained(folder, "numbers_layer", layer="counts")
    with pytest.raises(InputError, match=r"layer 'counts'.*Did you mean 'count'"):
        predict_cell_file(classifier, tmp_path / "new.h5ad", tmp_path / "a.tsv")
    found = predict_cell_file(
        classifier, tmp_path / "new.h5ad", tmp_path / "a.tsv", how=NewCells(layer="count")
    )
    assert found["predicted"] == 80


def write_10x(samples: Samples, path: Path) -> Path:
    path.mkdir()
    io.mmwrite(path / "matrix.mtx", samples.payload.read().T.tocoo())
    (path / "barcodes.tsv").write_text("".join(f"{name}\n" for name in samples.ids))
    genes = [f"ENSG{k:011d}\t{name}\n" for k, name in enumerate(samples.payload.genes)]
    (path / "genes.tsv").write_text("".join(genes))
    return path


def test_formats_without_layers_are_read_by_a_classifier_of_a_layer(folder, tmp_path):
    classifier = trained(folder, "numbers_layer", layer="counts")
    source = write_10x(part(["d4"]), tmp_path / "filtered")
    predict_cell_file(classifier, source, tmp_path / "out.h5ad")
    predict_cell_file(classifier, folder / "new.h5ad", tmp_path / "expected.h5ad")
    called, expected = (anndata.read_h5ad(tmp_path / f"{n}.h5ad") for n in ("out", "expected"))
    for column in ("cistron_predicted", "cistron_p_active"):
        assert called.obs[column].tolist() == expected.obs[column].tolist()
    assert called.obs_names.tolist() == part(["d4"]).ids.tolist()
    assert called.var["ensembl"].iloc[1] == "ENSG00000000001"
    assert (expected.layers["counts"] != called.X).nnz == 0


def test_the_orientation_of_training_is_taken_where_genes_do_not_tell(folder, tmp_path):
    from cistron.samples.cells.cell_file import CellFormat
    from cistron.samples.cells.cell_stream import stream_cells

    (tmp_path / "a.csv").write_text("x,one,two\nthree,1,2\nfour,3,4\n")
    how = CellFormat(orientation="genes_in_rows")
    told = next(stream_cells(tmp_path / "a.csv", how=how))
    assert told.payload.genes.tolist() == ["three", "four"]
    known = next(stream_cells(tmp_path / "a.csv", how=how, genes={"one", "two"}))
    assert known.payload.genes.tolist() == ["one", "two"]


def test_genes_go_by_the_names_that_training_gave_them(tmp_path):
    """Two genes of one symbol stay two where training took Ensembl ids."""
    samples = part(["d0", "d1", "d2", "d3"])
    for name, donors in (("train", ["d0", "d1", "d2", "d3"]), ("new", ["d4"])):
        samples, data = part(donors), as_anndata(part(donors))
        ids = [f"ENSG{k:011d}" for k in range(data.n_vars)]
        genes = pd.DataFrame({"gene_ids": ids}, index=["GENE", "GENE", *data.var_names[2:]])
        obs = samples.table[["label"]].set_axis(samples.ids.astype(str))
        values = samples.payload.read()
        with pytest.warns(UserWarning, match="not unique"):
            anndata.AnnData(values, obs=obs, var=genes).write_h5ad(tmp_path / f"{name}.h5ad")
    keys = {"label": "label", "gene_names": "ensembl"}
    training = cistron.read_cells(tmp_path / "train.h5ad", **keys)
    Classifier(ENCODER, "logistic_regression").fit(training).save(tmp_path / "model")
    classifier = cistron.load(tmp_path / "model")
    predict_cell_file(classifier, tmp_path / "new.h5ad", tmp_path / "a.tsv")
    expected = classifier.predict(cistron.read_cells(tmp_path / "new.h5ad", **keys))
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    np.testing.assert_allclose(table["p_active"], expected["p_active"], rtol=1e-4)


def test_values_that_training_made_classes_of_are_labels(folder, tmp_path):
    label = {"column": "day", "classes": DAYS}
    classifier = trained(folder, "days", label=label, layer="counts")
    source = folder / "new.h5ad"
    found = predict_cell_file(classifier, source, tmp_path / "a.tsv", how=NewCells(label="day"))
    assert (found["scored"], found["unscored"]) == (80, {})
    assert found["scores"]["accuracy"]["value"] > 0.9
    with pytest.raises(InputError, match="classes of values of the column 'day'"):
        predict_cell_file(classifier, source, tmp_path / "b.tsv", how=NewCells(label="donor"))


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_what_is_scored_and_what_not_is_said_with_reasons(folder, tmp_path, suffix):
    """Of 80 cells 30 have a class, 25 another label, 24 none, and one no gene above zero."""
    trained(folder, "numbers_layer", layer="counts")
    data = as_anndata(part(["d4"]))
    labels = data.obs["label"].astype(object).to_numpy()
    order = np.random.default_rng(0).permutation(80)
    labels[order[:25]], labels[order[25:49]] = "other", None
    counts = data.layers["counts"].tolil()
    counts[int(order[79])] = 0
    data.layers["counts"] = counts.tocsr()
    data.obs["label"] = labels
    source = tmp_path / f"some.{suffix}"
    data.write_h5ad(source) if suffix == "h5ad" else write_zarr(data, source)
    arguments = ["predict", str(folder / "numbers_layer"), str(source), "--quiet"]
    arguments += ["--out", str(tmp_path / "a.h5ad"), "--label", "label", "--group", "donor"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "30 cells scored, 50 not scored." in result.output
    for line in ("24  no label", "does not know the label 'other'", "1  not predicted: no gene"):
        assert line in result.output
    called = anndata.read_h5ad(tmp_path / "a.h5ad")
    assert called.obs["cistron_predicted"].notna().sum() == 79
    np.testing.assert_allclose(called.X.toarray(), data.X.toarray())

    found = json.loads((tmp_path / "a.h5ad.summary.json").read_text())
    assert (found["scored"], found["scores"]["n"]) == (30, 30)
    assert sum(found["unscored"].values()) == 50
    group = found["groups"]["donor"]["d4"]
    assert group["scored"] + sum(group["unscored"].values()) == group["cells"] == 79


def test_members_that_read_other_matrices_are_not_joined(folder):
    members = [trained(folder, "numbers_raw", raw=True)]
    members.append(trained(folder, "numbers_layer", layer="counts"))
    with pytest.raises(InputError, match="matrix of AnnData is 'raw' in the one, 'counts'"):
        Ensemble(members)
    joined = Ensemble([members[0], members[0]])
    assert joined.reading_.raw


@pytest.mark.parametrize("missing", [False, True])
def test_missing_numbers_are_predicted_only_where_training_allowed_them(folder, tmp_path, missing):
    classifier = trained(folder, f"missing_{missing}", layer="counts", missing=missing)
    data = as_anndata(part(["d4"]))
    counts = data.layers["counts"].toarray()
    counts[3, :5] = np.nan
    data.layers["counts"] = counts
    data.write_h5ad(tmp_path / "new.h5ad")
    if missing:
        predict_cell_file(classifier, tmp_path / "new.h5ad", tmp_path / "a.tsv")
        assert pd.read_csv(tmp_path / "a.tsv", sep="\t")["p_active"].notna().all()
        return
    with pytest.raises(InputError, match=r"missing \(NaN\)\. The classifier was trained on cells"):
        predict_cell_file(classifier, tmp_path / "new.h5ad", tmp_path / "a.tsv")
    assert not (tmp_path / "a.tsv").exists()


def test_counts_given_to_a_classifier_of_logarithms_are_refused(folder, tmp_path):
    classifier = trained(folder, "logarithms", LOGARITHMS, counts=False)
    found = predict_cell_file(classifier, folder / "new.h5ad", tmp_path / "a.tsv")
    assert found["predicted"] == 80
    data = as_anndata(part(["d4"]))
    data.X = data.layers["counts"].minimum(50)
    data.write_h5ad(tmp_path / "new.h5ad")
    with pytest.raises(InputError, match="whole numbers from 0 to 32: they look like counts"):
        predict_cell_file(classifier, tmp_path / "new.h5ad", tmp_path / "b.tsv")


def test_a_pattern_names_folders_of_cells(folder, tmp_path):
    trained(folder, "numbers_layer", layer="counts")
    write_zarr(as_anndata(part(["d4"])), tmp_path / "a.zarr")
    write_10x(part(["d4"]), tmp_path / "b")
    (tmp_path / "empty").mkdir()
    shards = find_shards(f"{tmp_path}/*", "genes")
    assert [path.name for path in shards] == ["a.zarr", "b"]
    found = predict_shards(folder / "numbers_layer", shards, tmp_path / "out", format="tsv")
    assert (found["shards"], found["predicted"]) == (2, 160)
    one, other = (pd.read_csv(tmp_path / "out" / f"{n}.tsv", sep="\t") for n in ("a", "b"))
    pd.testing.assert_frame_equal(one, other)


def test_explanations_read_the_numbers_that_training_read(folder, tmp_path):
    trained(folder, "numbers_layer", layer="counts")
    arguments = ["explain", str(folder / "numbers_layer"), str(folder / "new.h5ad"), "--quiet"]
    arguments += ["--out", str(tmp_path / "explained"), "--limit", "5"]
    result = CliRunner().invoke(app, [*arguments, "--figures", "0"])
    assert result.exit_code == 0, result.output
