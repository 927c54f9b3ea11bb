"""Permutation importance of a run's features, and what the report says of it."""

import json

import numpy as np
import pytest

from cistron.classifier.classifier import Classifier
from cistron.experiment.file import make_experiment
from cistron.pipeline.leading_features import REPEATS, contributions_of, permuted
from cistron.pipeline.pipeline import fit
from cistron.report.report import write_report
from cistron.samples.sequences.fasta import write_fasta
from tests.explain.conftest import MOTIF, promoters

OF_MOTIF = {MOTIF[i : i + 3] for i in range(6)} | {"GTC", "ACG"}


def experiment(tmp_path, model, encoder=None, metric="mcc"):
    for number, name in enumerate(("without", "with")):
        samples = promoters(300, seed=4)
        write_fasta(samples.take(np.arange(number, 300, 2)), tmp_path / f"{name}.fasta")
    return make_experiment(
        {
            "name": "motif",
            "samples": {
                "kind": "fasta",
                "alphabet": "dna",
                "classes": {name: str(tmp_path / f"{name}.fasta") for name in ("without", "with")},
            },
            "split": {"kind": "random", "test": 0.3, "validation": 0.1},
            "encoder": encoder or {"kind": "kmers", "k": 3},
            "model": model,
            "evaluation": {
                "baselines": ["majority"],
                "bootstrap": 100,
                "homology_search": False,
                "metric": metric,
            },
        }
    )


@pytest.mark.parametrize(
    ("model", "method"),
    [
        ({"kind": "logistic_regression"}, "coefficients"),
        ({"kind": "random_forest", "trees": 30}, "tree_shap"),
        ({"kind": "gradient_boosting", "trees": 30}, "tree_shap"),
    ],
)
def test_the_planted_motif_leads_the_report(tmp_path, model, method):
    run = fit(experiment(tmp_path, model), tmp_path / "run")
    found = json.loads((run.path / "importance.json").read_text())
    assert found["contributions"] == method
    assert found["metric"] == "mcc"
    assert found["samples"] == 90
    entries = found["listed"]
    assert len(entries) == 20
    values = [entry["lost"]["value"] for entry in entries]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.02
    assert {entry["feature"] for entry in entries[:3]} & OF_MOTIF
    assert all(e["lost"]["low"] <= e["lost"]["value"] <= e["lost"]["high"] for e in entries)
    linear = method == "coefficients"
    assert all((entry["coefficient"] is not None) == linear for entry in entries)
    page = (run.path / "report.html").read_text()
    assert '<section id="features"' in page
    assert ("Mean |TreeSHAP|" in page) != linear
    assert ("Coefficient" in page) == linear


def test_other_models(tmp_path):
    network = {"kind": "mlp", "hidden": 4}
    run = fit(experiment(tmp_path, network), tmp_path / "network")
    assert not (run.path / "importance.json").exists()
    assert '<section id="features"' not in (run.path / "report.html").read_text()
    # A support vector machine of few features has all of them permuted, of many none.
    composition = {"kind": "composition"}
    run = fit(experiment(tmp_path, {"kind": "svm"}, composition), tmp_path / "few")
    found = json.loads((run.path / "importance.json").read_text())
    assert {entry["mean_size"] for entry in found["listed"]} == {None}
    assert len(found["listed"]) == found["features"]
    run = fit(experiment(tmp_path, {"kind": "svm"}), tmp_path / "many")
    found = json.loads((run.path / "importance.json").read_text())
    assert (found["features"], found["listed"]) == (64, [])
    assert "neither coefficients nor trees" in (run.path / "report.html").read_text()
    (run.path / "importance.json").unlink()  # a run of an earlier version
    write_report(run.path)


def test_a_metric_that_should_be_low_is_lost_by_rising(tmp_path):
    classifier = Classifier({"kind": "kmers", "k": 3}, "logistic_regression").fit(promoters(200))
    samples = promoters(80, seed=3)
    first = np.argsort(-contributions_of(classifier, samples)[1])[:2]
    for metric in ("log_loss", "roc_auc"):
        lost = permuted(classifier, samples, first, metric, np.random.default_rng(1))
        assert lost.shape == (2, REPEATS)
        assert (lost.mean(axis=1) > 0).all()


def test_coefficients_are_by_standard_deviation():
    samples = promoters(200)
    classifier = Classifier({"kind": "kmers", "k": 3}, "logistic_regression").fit(samples)
    _, size, coefficient = contributions_of(classifier, samples)
    X = classifier.encoder_.encode(samples)
    scaler = classifier.model_.steps[0][1]  # of the training part
    spread = np.abs(X - scaler.mean_).mean(axis=0) / scaler.scale_
    np.testing.assert_allclose(size, np.abs(coefficient) * spread, rtol=1e-3, atol=1e-6)
    step = X[:1].repeat(2, axis=0)
    step[1, 7] += scaler.scale_[7]
    logits = classifier.outputs_of(step)
    rise = np.diff(logits[:, 1] - logits[:, 0])
    np.testing.assert_allclose(rise, coefficient[7], rtol=1e-2, atol=1e-4)


def test_numbers_and_several_labels():
    from tests.explain.test_trees import dna

    for kind, metric in (("number", "r2"), ("labels", "macro_f1"), ("three", "mcc")):
        samples = dna(kind, 150)
        for model in ("random_forest", "ridge" if kind == "number" else "logistic_regression"):
            classifier = Classifier("composition", model).fit(samples)
            method, size, signed = contributions_of(classifier, samples)
            assert method == ("tree_shap" if model == "random_forest" else "coefficients")
            assert (signed is not None) == (model == "ridge")
            features = np.arange(len(size))
            lost = permuted(classifier, samples, features, metric, np.random.default_rng(1))
            assert lost.mean(axis=1).max() > 0.05
