"""Several classes a sample, the whole way."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.predict import predict_file
from cistron.experiment.file import make_experiment
from cistron.pipeline.pipeline import crossval, fit
from cistron.report.page import render
from cistron.samples.samples import Samples, Sequences, make_samples
from cistron.splits.random import random_split
from cistron.splits.split import TEST, VALIDATION
from cistron.targets.several_classes import LARGEST_WEIGHT, SeveralClasses
from cistron.training.class_weights import class_weights
from cistron.training.settings import TrainingSettings

LETTERS = np.array(list("ARNDCQEGHILKMFPSTWYV"))
MOTIFS = {"alpha": "WWHCW", "beta": "CMYMC"}


def planted(n: int = 600, seed: int = 0) -> Samples:
    """Return proteins with either motif, with both, or with none, and so labelled."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(n):
        text = "".join(rng.choice(LETTERS, size=rng.integers(50, 80)))
        names = [name for bit, name in enumerate(MOTIFS) if (row % 4) >> bit & 1]
        for half, name in enumerate(names):
            place = rng.integers(0, 20) + 25 * half
            text = text[:place] + MOTIFS[name] + text[place + 5 :]
        texts.append(text)
        labels.append(";".join(names) or "none")
    return make_samples(Sequences.from_text(texts), labels=labels, separator=";")


@pytest.fixture(scope="module")
def samples() -> Samples:
    return planted()


@pytest.fixture(scope="module")
def split(samples):
    return random_split(samples, test=0.3, validation=0.2, folds=3)


@pytest.fixture(scope="module")
def network(samples, split):
    training = {"epochs": 16, "batch_size": 32, "learning_rate": 1e-2, "patience": 16}
    model = {"kind": "cnn", "filters": 24, "blocks": 1, "kernel_size": 5}
    return Classifier({"kind": "residues", "as": "one_hot"}, model, training).fit(samples, split)


@pytest.fixture(scope="module")
def classical(samples, split):
    return Classifier("composition", "logistic_regression").fit(samples, split)


def jaccard(classifier: Classifier, samples: Samples) -> float:
    called = classifier.head.called(classifier.predict_proba(samples))
    truth = samples.memberships
    return float(((called & truth).sum(axis=1) / (called | truth).sum(axis=1)).mean())


def test_the_planted_motifs_are_learned(network, classical, samples, split):
    test = samples.take(split.rows(TEST))
    assert samples.classes == ("alpha", "beta", "none")
    assert jaccard(network, test) > 0.85
    assert network.score(test) > 0.75
    assert network.history_[-1]["validation_macro_roc_auc"] > 0.9
    # Guessing the most common set is right for a quarter, Jaccard 0.42.
    assert jaccard(classical, test) > 0.65


@pytest.mark.parametrize("kind", ["network", "classical"])
def test_saved_and_loaded_predicts_the_same(kind, request, samples, tmp_path):
    classifier = request.getfixturevalue(kind)
    classifier.save(tmp_path / "model")
    again = cistron.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict(samples), classifier.predict(samples))
    assert again.heads_ == classifier.heads_
    document = json.loads((tmp_path / "model" / "classifier.json").read_text())
    assert document["format"] == 2
    (head,) = document["heads"]
    assert head["kind"] == "sigmoid"
    assert len(head["thresholds"]) == 3


def test_predictions_do_not_depend_on_the_batch(network, samples):
    whole = network.predict_proba(samples)
    order = np.random.default_rng(0).permutation(len(samples))
    np.testing.assert_allclose(network.predict_proba(samples.take(order)), whole[order], atol=1e-5)
    alone = np.concatenate([network.predict_proba(samples.take([i])) for i in range(8)])
    np.testing.assert_allclose(alone, whole[:8], atol=1e-5)


@pytest.mark.parametrize("kind", ["random_forest", "gradient_boosting", "svm"])
def test_classical_models_are_one_for_each_class(kind, samples, split, tmp_path):
    small = {"random_forest": {"trees": 5}, "gradient_boosting": {"trees": 5}}.get(kind, {})
    classifier = Classifier("composition", {"kind": kind, **small}).fit(samples, split)
    assert len(classifier.model_) == 3
    classifier.save(tmp_path / "model")
    again = cistron.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(samples), classifier.predict_proba(samples))


def shuffled(samples: Samples, rows: np.ndarray) -> Samples:
    """Return samples of which some have one another's labels."""
    table = samples.table.copy()
    labels = table["label"].to_numpy(copy=True)
    labels[rows] = np.random.default_rng(1).permutation(labels[rows])
    table["label"] = labels
    return replace(samples, table=table)


def test_thresholds_and_calibration_never_see_the_test_part(classical, samples, split):
    other = shuffled(samples, split.rows(TEST))
    again = Classifier("composition", "logistic_regression").fit(other, split)
    assert again.heads_ == classical.heads_
    validation = shuffled(samples, split.rows(VALIDATION))
    moved = Classifier("composition", "logistic_regression").fit(validation, split)
    assert moved.heads_ != classical.heads_


def test_rules_of_thresholds(samples, split, classical):
    plain = Classifier("composition", "logistic_regression", thresholds="none")
    assert plain.fit(samples, split).head.thresholds == (0.5, 0.5, 0.5)
    assert all(0 < threshold < 1 for threshold in classical.head.thresholds)
    raw = Classifier("composition", "logistic_regression", calibration="none").fit(samples, split)
    assert (raw.head.temperature, raw.head.shifts) == (1.0, ())


def test_every_record_gets_a_class(network):
    found = network.predict(make_samples(Sequences.from_text(["A" * 60, "MKVL" * 15])))
    assert found.columns.tolist() == [
        *("id", "predicted", "p_alpha", "p_beta", "p_none", "warning")
    ]
    assert all(found["predicted"])


def test_weights_of_classes():
    members = np.array([[1, 0], [1, 0], [1, 1], [0, 0]] * 30, dtype=bool)
    members[1:, 1] = False
    members[0, 1] = True
    balanced = class_weights(SeveralClasses("class", ("a", "b")), members, TrainingSettings())
    assert balanced.tolist() == [pytest.approx(1 / 3), LARGEST_WEIGHT]
    named = TrainingSettings(class_weights={"a": 2, "b": 5})
    assert class_weights(SeveralClasses("class", ("a", "b")), members, named).tolist() == [2, 5]
    even = TrainingSettings(sampling="balanced")
    assert class_weights(SeveralClasses("class", ("a", "b")), members, even).tolist() == [1, 1]


def test_balanced_sampling_draws_rare_classes_as_often():
    from cistron.training.fit import _draw

    targets = np.zeros((1000, 2), dtype=np.float32)
    targets[:, 0] = 1
    targets[:50] = [0, 1]
    drawn = targets[_draw(targets, "balanced", np.random.default_rng(0))]
    assert drawn.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.06)


def test_a_class_that_too_few_have_is_named(samples, split):
    few = make_samples(samples.payload, labels=["a;b"] + ["a"] * 300 + ["c"] * 299, separator=";")
    with pytest.raises(InputError, match="training samples have the class 'b', and svm needs 3"):
        Classifier("composition", "svm").fit(few, split)


def document(folder, samples, **more):
    path = folder / "samples.fasta"
    records = zip(samples.ids, samples.table["label"], range(len(samples)), strict=True)
    path.write_text(
        "".join(f">{name} {label}\n{samples.payload.text(row)}\n" for name, label, row in records)
    )
    return {
        "name": "motifs",
        "samples": {
            "kind": "fasta",
            "path": str(path),
            "label": r"^\S+ (\S+)$",
            "label_separator": ";",
        },
        "split": {"kind": "random", "folds": 2, "test": 0.3},
        "encoder": {"kind": "composition"},
        "model": {"kind": "logistic_regression"},
        "evaluation": {"bootstrap": 100},
        **more,
    }


@pytest.fixture(scope="module")
def run(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("multilabel")
    return fit(make_experiment(document(folder, samples)), folder / "run")


def test_a_run_tells_the_whole_story(run, samples):
    metrics = run.metrics
    assert metrics["headline"] == "macro_f1"
    assert metrics["label_separator"] == ";"
    assert set(metrics["thresholds"]) == {"alpha", "beta", "none"}
    assert set(metrics["baselines"]) == {"majority", "length", "composition", "homolog"}
    assert metrics["comparison"]["metric"] == "macro_f1"
    assert yaml.safe_load((run.path / "experiment.yaml").read_text())["evaluation"]["metric"] == (
        "macro_f1"
    )
    predictions = pd.read_parquet(run.path / "predictions.parquet")
    labels = set(samples.table["label"])
    assert labels == {"none", "alpha", "beta", "alpha;beta"}
    assert set(predictions["label"]) == labels
    test = predictions[predictions["part"] == "test"]
    exact = (test["label"] == test["predicted"]).mean()
    assert metrics["test"]["exact_match"]["value"] == pytest.approx(exact)


def test_its_report_says_so(run):
    page = render(run.path)
    for text in ("Exact match", "Jaccard index", "Number of classes", "Threshold", "F1, macro"):
        assert text in page
    assert "Confusion matrix" not in page


def test_predict_writes_all_names(run, samples, tmp_path):
    source = tmp_path / "new.fasta"
    source.write_text(f">x\n{samples.payload.text(3)}\n>bad\n\n")
    counts = predict_file(cistron.load(run.path), source, tmp_path / "out.tsv")
    assert counts["predicted"] == 1
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    assert set(str(table["predicted"][0]).split(";")) <= {"alpha", "beta", "none"}


def test_crossval_pools_the_sets_of_all_folds(samples, tmp_path):
    experiment = make_experiment(document(tmp_path, samples))
    run = crossval(experiment, tmp_path / "run")
    assert [fold["n"] for fold in run.metrics["folds"]] == [300, 300]
    assert run.metrics["test"]["n"] == 600
    pooled = pd.read_parquet(run.path / "predictions.parquet")
    exact = (pooled["label"] == pooled["predicted"]).mean()
    assert run.metrics["test"]["exact_match"]["value"] == pytest.approx(exact)
    assert "jaccard" in run.metrics["folds"][0]
    render(run.path)


def test_metrics_that_do_not_fit_are_refused(samples, tmp_path):
    wrong = document(tmp_path, samples, evaluation={"metric": "mcc"})
    with pytest.raises(InputError, match=r"evaluation.metric: 'mcc'.*Use one of: macro_f1"):
        make_experiment(wrong)
    wrong = document(tmp_path, samples, evaluation={"metric": "jaccard"})
    del wrong["samples"]["label_separator"]
    with pytest.raises(InputError, match=r"'jaccard'.*one class each.*Use one of: mcc"):
        make_experiment(wrong)


def test_the_audit_understands_sets(samples, split):
    from cistron.splits.audit.audit import audit

    payload = Sequences.stack([samples.payload, samples.payload.take([1])])
    labels = [*samples.table["label"], "beta"]
    twice = make_samples(payload, labels=labels, separator=";")
    found = audit(twice, random_split(twice, folds=3))
    checks = {check["name"]: check for check in found["checks"]}
    assert checks["exact_duplicates"]["details"]["conflicting_labels"] == 1
    assert {"jaccard", "exact_match", "macro_mcc"} <= set(checks["nearest_homolog"]["details"])
    assert set(checks["class_balance"]["details"]["train"]["classes"]) == {"alpha", "beta", "none"}
    assert checks["composition_shortcut"]["details"]["roc_auc"] > 0.6
