"""Numbers instead of classes, the whole way."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.predict import predict_file
from cistron.cli import app
from cistron.experiment.file import make_experiment
from cistron.models.families import NetworkSettings
from cistron.pipeline.check import check
from cistron.pipeline.compare import compare_runs
from cistron.pipeline.pipeline import crossval, fit
from cistron.samples.samples import Sequences, make_samples
from cistron.samples.sequences.table import read_table
from cistron.splits.random import random_split
from cistron.splits.split import TEST, TRAIN
from cistron.targets.number_metrics import scores
from cistron.targets.one_class import OneClass
from cistron.targets.quantities import quantile_strata
from tests.samples.genome.genes_made import plant

CLASSICAL = [
    {"kind": "ridge"},
    {"kind": "ridge", "penalty": 10},
    {"kind": "random_forest", "trees": 40},
    {"kind": "gradient_boosting", "trees": 40},
    {"kind": "svm"},
    {"kind": "bagging", "trees": 20},
]


def planted(n: int = 500, seed: int = 0):
    """Return DNA whose number is, but for noise, how often a word stands in it."""
    rng = np.random.default_rng(seed)
    texts, counts = [], rng.integers(0, 7, n)
    for count in counts:
        letters = rng.choice(list("ACGT"), 120)
        for place in rng.choice(12, count, replace=False) * 10:
            letters[place : place + 6] = list("TATAAA")
        texts.append("".join(letters))
    numbers = 50 + 4 * counts + rng.normal(0, 1, n)
    return make_samples(Sequences.from_text(texts, "dna"), numbers=numbers)


@pytest.fixture(scope="module")
def samples():
    return planted()


@pytest.fixture(scope="module")
def split(samples):
    return random_split(samples, test=0.3, validation=0.2, folds=3)


@pytest.fixture(scope="module")
def network(samples, split):
    training = {"epochs": 15, "batch_size": 32, "learning_rate": 2e-2, "patience": 15}
    model = {"kind": "cnn", "filters": 16, "blocks": 1, "kernel_size": 6, "pooling": "mean"}
    return Classifier("one_hot", model, training).fit(samples, split)


@pytest.fixture(scope="module")
def classical(samples, split):
    return Classifier({"kind": "kmers", "k": 3}, "ridge").fit(samples, split)


def test_a_split_balances_quintiles(samples, split):
    assert quantile_strata(np.array([5.0, np.nan, 1, 2, 3, 4])).tolist() == [4, -1, 0, 1, 2, 3]
    assert quantile_strata(np.array([0.0] * 8 + [1, 2]))[:8].max() == 3  # ties stay together
    shares = [np.bincount(samples.strata[split.rows(p)]) / len(split.rows(p)) for p in range(3)]
    np.testing.assert_allclose(shares[0], shares[2], atol=0.03)


@pytest.mark.parametrize(("kind", "least"), [("network", 0.6), ("classical", 0.8)])
def test_the_planted_signal_is_recovered(kind, least, request, samples, split):
    classifier, test = request.getfixturevalue(kind), samples.take(split.rows(TEST))
    assert classifier.score(test) > least  # the mean of the training samples scores 0
    assert classifier.head.kind == "number"
    assert len(classifier.classes_) == 0
    train = samples.numbers[split.rows(TRAIN)]
    assert classifier.head.center == pytest.approx(train.mean())
    assert classifier.head.scale == pytest.approx(train.std())
    table = classifier.predict(test)
    assert table.columns.tolist() == ["id", "predicted", "warning"]
    assert abs(table["predicted"].mean() - test.numbers.mean()) < 2


@pytest.mark.parametrize("model", CLASSICAL, ids=lambda model: model["kind"])
def test_classical_models_of_numbers(model, samples, split, tmp_path):
    classifier = Classifier({"kind": "kmers", "k": 2}, model).fit(samples, split)
    assert classifier.score(samples.take(split.rows(TEST))) > 0.6
    classifier.save(tmp_path / "model")
    again = cistron.load(tmp_path / "model")
    np.testing.assert_array_equal(
        again.predict_numbers(samples), classifier.predict_numbers(samples)
    )


def test_saved_and_loaded_predicts_the_same(network, samples, tmp_path):
    network.save(tmp_path / "model")
    again = cistron.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict(samples), network.predict(samples))
    document = json.loads((tmp_path / "model" / "classifier.json").read_text())
    assert document["format"] == 3
    assert document["heads"][0]["kind"] == "number"
    assert again.heads_ == network.heads_


def test_classes_are_saved_as_before(samples, split, tmp_path):
    table = samples.table.assign(label=np.where(samples.numbers > 60, "high", "low"))
    classes = replace(samples, table=table, target=OneClass("class", ("low", "high")))
    Classifier("composition", "logistic_regression").fit(classes, split).save(tmp_path / "model")
    document = json.loads((tmp_path / "model" / "classifier.json").read_text())
    assert document["format"] == 1
    assert "heads" not in document


def test_the_unit_of_the_number_does_not_matter(classical, samples, split):
    table = samples.table.assign(label=1000 * samples.numbers - 7)
    scaled = Classifier({"kind": "kmers", "k": 3}, "ridge").fit(
        replace(samples, table=table), split
    )
    expected = 1000 * classical.predict_numbers(samples) - 7
    np.testing.assert_allclose(scaled.predict_numbers(samples), expected, rtol=1e-4)


def test_both_losses_train_and_differ(samples, split):
    told = []
    for loss in ("huber", "mse"):
        training = {"epochs": 2, "loss": loss, "learning_rate": 1e-2}
        classifier = Classifier({"kind": "kmers", "k": 2}, "mlp", training).fit(samples, split)
        assert {"validation_r2", "validation_pearson"} <= set(classifier.history_[0])
        told.append(classifier.predict_numbers(samples))
    assert not np.allclose(*told)


@pytest.mark.parametrize("kind", ["deepcre", "resnet", "transformer", "light_attention"])
def test_networks_have_one_output(kind, samples):
    import torch

    from cistron.base.encoded import InputShape
    from cistron.experiment.file import parse_model
    from cistron.models.input import Network

    settings = parse_model(kind)
    assert isinstance(settings, NetworkSettings)
    network = Network(InputShape("channels", 4), settings, 1, exclusive=False).eval()
    x = torch.rand(2, 3020, 4)
    assert network(x, torch.tensor([3020, 3020])).shape == (2, 1)


def test_what_is_of_the_other_kind_is_refused(classical, samples, split):
    with pytest.raises(InputError, match="no probabilities"):
        classical.predict_proba(samples)
    with pytest.raises(InputError, match="tells classes, and the samples have a number"):
        Classifier("composition", "logistic_regression").fit(samples, split)
    with pytest.raises(InputError, match="all 500 samples have the number 3"):
        Classifier("composition", "ridge").fit(
            make_samples(samples.payload, numbers=np.full(500, 3.0)), split
        )
    with pytest.raises(InputError, match="10 samples have a number, and at least 20"):
        Classifier("composition", "ridge").fit(samples.take(np.arange(10)))
    missing = samples.table.assign(label=[np.nan, *samples.numbers[1:]])
    with pytest.raises(InputError, match="1 of 500 samples have no number"):
        Classifier("composition", "ridge").fit(replace(samples, table=missing), split)
    with pytest.raises(InputError, match="sampling: 'balanced' is of classes"):
        Classifier("composition", "ridge", {"sampling": "balanced"}).fit(samples, split)
    classes = make_samples(samples.payload, labels=["a", "b"] * 250)
    with pytest.raises(InputError, match="'ridge' predicts numbers, and the samples have classes"):
        Classifier("composition", "ridge").fit(classes, split)


def write(samples, path, **cells):
    table = pd.DataFrame(
        {
            "id": samples.ids,
            "sequence": [samples.payload.text(row) for row in range(len(samples))],
            "level": [f"{number:.4f}" for number in samples.numbers],
            "donor": [f"d{row // 5}" for row in range(len(samples))],
        }
    )
    for row, text in cells.items():
        table.loc[int(row.removeprefix("row")), "level"] = text
    table.to_csv(path, index=False)
    return path


def document(path, **more):
    return {
        "name": "numbers",
        "samples": {
            "kind": "table",
            "path": str(path),
            "alphabet": "dna",
            "target": "level",
            "groups": ["donor"],
        },
        "split": {"kind": "group", "columns": ["donor"], "folds": 2, "test": 0.3},
        "encoder": {"kind": "kmers", "k": 3},
        "model": {"kind": "ridge"},
        "evaluation": {"bootstrap": 100},
        **more,
    }


@pytest.fixture(scope="module")
def table(samples, tmp_path_factory):
    return write(samples, tmp_path_factory.mktemp("numbers") / "samples.csv")


def test_reads_a_table(samples, tmp_path):
    path = write(samples, tmp_path / "t.csv", row3="NA", row7="")
    found = read_table(path, "dna", target="level", groups=("donor",))
    assert (found.target.name, found.classes) == ("level", ())
    assert len(found) == 498
    assert found.dropped["reason"].tolist() == ["no number"] * 2
    assert found.numbers[0] == pytest.approx(samples.numbers[0], abs=1e-4)


def test_a_table_without_usable_numbers_is_refused(samples, tmp_path):
    path = write(samples, tmp_path / "text.csv", row4="high")
    with pytest.raises(InputError, match=r"'high' in the column 'level' is no number.*record 5"):
        read_table(path, "dna", target="level")
    path = write(samples.take(np.arange(12)), tmp_path / "few.csv", row0="")
    with pytest.raises(InputError, match=r"11 samples have a number.*1: no number"):
        read_table(path, "dna", target="level")
    same = replace(samples, table=samples.table.assign(label=2.5))
    with pytest.raises(InputError, match=r"all 500 samples have the number 2\.5"):
        read_table(write(same, tmp_path / "same.csv"), "dna", target="level")
    with pytest.raises(ValueError, match="not both"):
        read_table(path, "dna", target="level", label="donor")


@pytest.mark.parametrize(
    ("section", "keys", "said"),
    [
        ("model", {"kind": "logistic_regression"}, "Use one of: .*ridge"),
        ("evaluation", {"metric": "mcc"}, "'mcc' does not compare samples that have a number"),
        ("training", {"monitor": "mcc"}, "training.monitor: 'mcc' is of classes"),
        ("training", {"class_weights": {"a": 1}}, "training.class_weights"),
    ],
)
def test_sections_that_do_not_fit_are_refused(table, section, keys, said):
    with pytest.raises(InputError, match=said):
        make_experiment(document(table, **{section: keys}))


def test_numbers_are_no_metric_or_model_of_classes(table):
    samples = {"kind": "table", "path": str(table), "alphabet": "dna", "label": "donor"}
    samples["groups"] = ["donor"]
    with pytest.raises(InputError, match="'r2' does not compare samples that have classes"):
        make_experiment(document(table, samples=samples, evaluation={"metric": "r2"}))
    with pytest.raises(InputError, match="predicts numbers, and the samples have classes"):
        make_experiment(document(table, samples=samples))


def test_the_experiment_reads_its_own_yaml(table):
    experiment = make_experiment(document(table))
    assert experiment.evaluation.metric == "r2"
    assert make_experiment(yaml.safe_load(experiment.to_yaml())) == experiment


def test_the_audit_of_numbers(table):
    found = check(make_experiment(document(table)))[2]
    checks = {one["name"]: one for one in found["checks"]}
    assert checks["group_labels"]["verdict"] == "skipped"
    assert "a number" in checks["group_labels"]["summary"]
    assert checks["composition_shortcut"]["verdict"] == "warn"  # the word is rich in A and T
    assert checks["composition_shortcut"]["details"]["pearson"] > 0.5
    assert checks["length_shortcut"]["verdict"] == "pass"
    assert checks["class_balance"]["verdict"] == "pass"
    assert checks["nearest_homolog"]["verdict"] != "fail"
    json.dumps(found, allow_nan=False)


def test_the_nearest_homolog_gives_numbers_away(samples, split):
    from cistron.splits.audit.audit import audit

    train, test = split.rows(TRAIN), split.rows(TEST)
    texts = [samples.payload.text(row) for row in range(len(samples))]
    numbers = samples.numbers.copy()
    for place, row in enumerate(test):
        twin = train[place]
        texts[row] = texts[twin][:60] + "G" + texts[twin][61:]
        numbers[row] = numbers[twin] + 0.1
    twins = make_samples(Sequences.from_text(texts, "dna"), numbers=numbers)
    checks = {one["name"]: one for one in audit(twins, split, engine="kmers")["checks"]}
    assert checks["nearest_homolog"]["verdict"] == "warn"
    assert checks["nearest_homolog"]["details"]["pearson"] > 0.9


def test_an_external_set_need_not_have_numbers(samples):
    from cistron.splits.audit.audit import audit_external

    known, new = samples.take(np.arange(30)), samples.take(np.arange(30, 60))
    texts = [new.payload.text(row) for row in range(30)]
    unlabelled = make_samples(Sequences.from_text(texts, "dna"))
    for external, verdict in ((new, {"pass", "warn"}), (unlabelled, {"skipped"})):
        found = audit_external(known, external, engine="kmers")
        checks = {one["name"]: one for one in found["checks"]}
        assert checks["nearest_homolog"]["verdict"] in verdict


def test_a_run_of_numbers(table, tmp_path):
    run = fit(make_experiment(document(table)), tmp_path / "run")
    metrics = run.metrics
    assert metrics["test"]["r2"]["value"] > 0.8
    assert (metrics["headline"], metrics["quantity"]) == ("r2", "level")
    assert list(metrics["baselines"]) == ["mean", "length", "gc", "composition", "kmers", "homolog"]
    assert metrics["baselines"]["mean"]["r2"]["value"] < 0.05
    assert metrics["comparison"]["baseline"] in ("composition", "kmers")
    tested = run.predictions
    tested = tested[tested["part"] == "test"]
    assert tested.columns.tolist() == ["id", "part", "fold", "label", "predicted", "warning"]
    expected = scores(tested["label"], tested["predicted"])
    assert metrics["test"]["pearson"]["value"] == pytest.approx(float(expected["pearson"]))
    page = (run.path / "report.html").read_text()
    assert "Predicted and measured" in page
    assert "Scores by class" not in page
    assert "ridge regression on " in page
    assert "of the variance of level" in page
    fasta = tmp_path / "new.fasta"
    fasta.write_text(">a\n" + "ACGT" * 30 + "\n>b\n\n>c\n" + "TATAAA" * 20 + "\n")
    counts = predict_file(cistron.load(run.path), fasta, tmp_path / "out.tsv")
    assert counts["predicted"] == 2
    written = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    assert written.columns.tolist() == ["id", "predicted", "warning"]
    assert written["predicted"].isna().tolist() == [False, True, False]
    assert written["predicted"][2] > written["predicted"][0]
    with pytest.raises(InputError, match="predicts numbers"):
        compare_runs([run.path, fit(make_experiment(document(table)), tmp_path / "two").path])


def test_a_cross_validation_of_numbers(table, tmp_path):
    evaluation = {"bootstrap": 100, "homology_search": False}
    run = crossval(make_experiment(document(table, evaluation=evaluation)), tmp_path / "run")
    metrics = run.metrics
    assert metrics["test"]["n"] == 500
    assert [fold["fold"] for fold in metrics["folds"]] == [0, 1]
    assert all(fold["r2"]["value"] is not None for fold in metrics["folds"])
    expected = scores(run.predictions["label"], run.predictions["predicted"])
    assert metrics["test"]["spearman"]["value"] == pytest.approx(float(expected["spearman"]))
    assert "Scores by fold" in (run.path / "report.html").read_text()


def test_the_commands(table, tmp_path):
    path = tmp_path / "e.yaml"
    path.write_text(yaml.safe_dump(document(table, evaluation={"projection": "pca"})))
    shown = CliRunner().invoke(app, ["check", str(path), "--quiet"])
    assert shown.exit_code == 0
    assert "level: " in shown.output
    arguments = ["fit", str(path), "--out", str(tmp_path / "run"), "--quiet"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0
    assert "pearson" in shown.output
    assert "A picture of the samples" in (tmp_path / "run" / "report.html").read_text()


def test_genes_with_their_number(tmp_path):
    paths = plant(tmp_path)
    samples = {
        "kind": "genome",
        "genome": str(paths["genome.fa"]),
        "annotation": str(paths["genes.gtf"]),
        "numbers": {"table": str(paths["tpm.csv"]), "columns": "leaf_*"},
        "label": {"kind": "number", "name": "log10(TPM + 1)"},
        "regions": "deepdife",
    }
    changed = {"samples": samples, "split": {"kind": "chromosome"}}
    experiment = make_experiment(document("", **changed))
    assert experiment.evaluation.metric == "r2"
    found = experiment.samples.read()
    assert found.target.name == "log10(TPM + 1)"
    np.testing.assert_array_equal(found.numbers, found.table["number"])
    assert len(found) == 300
    run = fit(experiment, tmp_path / "run")
    assert set(run.metrics["test"]) >= {"r2", "pearson", "spearman", "rmse", "mae"}
    assert "log10(TPM + 1)" in (tmp_path / "run" / "report.html").read_text()
