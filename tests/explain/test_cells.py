"""Cells: contributions of genes, through any model, scale and components."""

import json

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.cli import app
from cistron.explain.cells import dense, reference_vector
from cistron.explain.checks import faithfulness
from cistron.explain.explanation import explain
from cistron.explain.genes import linear_coefficients
from cistron.explain.store import read
from cistron.samples.samples import make_samples
from tests.cells_made import MARKERS, cells, counts_of, names_of

ENCODER = {"kind": "expression", "genes": {"kind": "highly_variable", "number": 60}}
PLANTED = set(names_of(2 * MARKERS))


def fitted(model="logistic_regression", components=None, scale="z_score") -> Classifier:
    encoder = {**ENCODER, "components": components, "scale": {"kind": scale}}
    return Classifier(encoder, model, training={"epochs": 8, "device": "cpu"}).fit(cells())


@pytest.fixture(scope="module")
def new():
    return cells(24, seed=5)


@pytest.mark.parametrize("scale", ["z_score", "min_max"])
@pytest.mark.parametrize(
    ("model", "components"),
    [
        ("logistic_regression", None),
        ("logistic_regression", 10),
        ("nearest_centroid", None),
        ("nearest_centroid", 10),
        ("mlp", None),
        ("mlp", 10),
        ("gene_attention", None),
    ],
)
def test_genes_add_up_to_the_difference_from_the_mean_cell(new, model, components, scale):
    classifier = fitted(model, components, scale)
    found = explain(classifier, new)
    assert list(found.features) == classifier.encoder_.genes
    assert found.codes is None
    assert found.lengths is None
    sums = found.contributions.reshape(len(new), -1).sum(axis=1, dtype=np.float64)
    difference = found.output - found.reference_output
    np.testing.assert_allclose(sums, difference, rtol=1e-4, atol=1e-4 * np.abs(difference).mean())
    assert (found.error < 1e-4).all()
    # Probabilities of a centroid far away are 0, so that deleting more changes nothing.
    least = 0.6 if model == "nearest_centroid" else 0.9
    assert faithfulness(classifier, new, found)["better"] > least
    size = np.abs(found.contributions).reshape(len(new), -1).mean(axis=0)
    planted = np.isin(found.features, list(PLANTED))
    assert size[planted].mean() > 1.4 * size[~planted].mean()


def test_components_give_what_to_genes_says(new):
    """Nothing is cut here, so contributions are the slope of each gene times its difference."""
    encoder = {**ENCODER, "components": 8, "scale": {"kind": "z_score", "clip": None}}
    classifier = Classifier(encoder, "logistic_regression").fit(cells())
    found = explain(classifier, new, {"class_": "b"})
    made = classifier.encoder_
    slopes = np.diff(linear_coefficients(classifier.model_), axis=0)[0]
    genes, per_unit = made.to_genes(slopes)
    normalised = (
        made.scaled_genes(new).toarray() + made.scaler.shared
    ) * made.scaler.spread + made.scaler.centre
    each = found.contributions.reshape(len(new), -1)
    assert list(found.features) == genes
    between = (normalised[1:] - normalised[:-1]) * per_unit
    np.testing.assert_allclose(each[1:] - each[:-1], between, atol=1e-3 * np.abs(between).max())


def test_the_reference_is_the_mean_training_cell():
    classifier = fitted("mlp", scale="min_max")
    vectors = dense(classifier.encoder_.encode(cells()))
    assert not np.allclose(vectors.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(reference_vector(classifier), vectors.mean(axis=0), atol=0.05)


def test_three_classes_are_read_beside_each_other():
    values, _ = counts_of(150, seed=2)
    labels = ["abc"[i % 3] for i in range(150)]
    values[np.ix_([i % 3 == 2 for i in range(150)], range(40, 46))] += 6
    samples = make_samples(Counts.of(values, names_of(150)), labels=labels)
    classifier = Classifier(ENCODER, "nearest_centroid").fit(samples)
    found = explain(classifier, samples[:30], {"class_": "predicted"})
    assert (found.error < 1e-4).all()
    own = found.probabilities.argmax(axis=1)
    np.testing.assert_array_equal(found.explained, own)
    each = found.contributions.reshape(30, -1)[own == 2].mean(axis=0)
    top = {found.features[i] for i in np.argsort(-each)[:6]}
    assert len(top & {f"GENE{i}" for i in range(40, 46)}) >= 5


def test_trees_that_read_genes_are_explained_and_of_components_refused(new):
    forest = {"kind": "random_forest", "trees": 20}
    classifier = Classifier(ENCODER, forest).fit(cells(60))
    found = explain(classifier, new, {"class_": "predicted"})
    assert set(found.method) == {"tree_shap"}
    assert found.features == tuple(classifier.encoder_.genes)
    sums = found.contributions.reshape(len(new), -1).sum(axis=1, dtype=float)
    np.testing.assert_allclose(sums, found.output - found.reference_output, atol=1e-6)
    assert faithfulness(classifier, new, found)["better"] > 0.5
    with pytest.raises(InputError, match="letters"):
        explain(classifier, new, {"method": "occlusion"})
    of_components = Classifier(ENCODER | {"components": 5}, forest).fit(cells(60))
    with pytest.raises(InputError, match="neither linear nor a network.*Train logistic_regression"):
        explain(of_components, new)


def test_command_line(tmp_path):
    fitted("logistic_regression", 10).save(tmp_path / "run")
    values, _ = counts_of(40, seed=6)
    obs = pd.DataFrame({"patient": [f"p{i // 20}" for i in range(40)]},
                       index=[f"c{i}" for i in range(40)])  # fmt: skip
    anndata.AnnData(values, obs=obs, var=pd.DataFrame(index=names_of(150))).write_h5ad(
        tmp_path / "new.h5ad"
    )
    start = ["explain", str(tmp_path / "run"), str(tmp_path / "new.h5ad"), "--device", "cpu", "-q"]
    out = tmp_path / "why"
    said = CliRunner().invoke(app, [*start, "--out", str(out), "--group", "patient"])
    assert said.exit_code == 0, said.output
    assert "40 samples explained" in said.stdout
    found = read(out / "attributions.h5")
    assert found.groups["patient"].tolist() == obs["patient"].tolist()
    assert read(out / "attributions.h5", slice(19, 21)).groups["patient"].tolist() == ["p0", "p1"]
    table = pd.read_csv(out / "features.tsv", sep="\t")
    assert set(table["by"]) == {"predicted", "patient"}
    each = found.contributions.reshape(40, -1).astype(float)
    predicted = np.array(found.classes)[found.probabilities.argmax(axis=1)]
    rows = (predicted == "b") & (found.groups["patient"] == "p1").to_numpy()
    part = table.query("by == 'patient' and group == 'p1' and predicted == 'b'")
    assert part["samples"].iloc[0] == rows.sum() > 5
    np.testing.assert_allclose(
        part.set_index("feature").loc[list(found.features), "mean"],
        each[rows].mean(axis=0),
        rtol=1e-3,
        atol=1e-5,
    )
    first = part["feature"].head(10)
    assert len(set(first) & PLANTED) >= 8
    summary = json.loads((out / "summary.json").read_text())
    assert summary["genes"]["found"] == 60
    page = (out / "explanation.html").read_text()
    assert "Predicted b, patient p1" in page
    assert "What each gene contributes" in page
    drawn = sorted(path.name for path in (out / "figures").iterdir())
    assert drawn[:2] == ["features-01.svg", "features-02.svg"]
    with h5py.File(out / "attributions.h5") as file:
        assert "codes" not in file
    wrong = CliRunner().invoke(app, [*start, "--out", str(tmp_path / "b"), "--group", "patien"])
    assert "Did you mean 'patient'" in str(wrong.exception)
