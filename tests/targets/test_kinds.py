"""A kind of target, and a metric, are one file and one line: these stand in the test alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

import cistron
from cistron.evaluation.evaluate import Judging, evaluate
from cistron.experiment.file import make_experiment
from cistron.report.report import write_report
from cistron.samples.samples import Sequences
from cistron.samples.sequences.table import TableSamples
from cistron.targets import class_metrics, kinds
from cistron.targets.class_metrics import OF_MANY, Judged
from cistron.targets.kinds import restore_target, target_in, target_like
from cistron.targets.metric import Metric
from cistron.targets.number import Number
from cistron.targets.one_class import OneClass
from cistron.targets.several_classes import SeveralClasses


def quadratic_kappa(judged: Judged) -> np.ndarray:
    """Cohen's kappa, in which a call counts the more wrong the further its class lies away."""
    k = judged.classes
    cost = (np.arange(k)[:, None] - np.arange(k)) ** 2
    by_chance = judged.counts.sum(axis=1)[:, None] * judged.counts.sum(axis=0)[None]
    observed = np.einsum("ij,ijr->r", cost, judged.counts)
    expected = np.einsum("ij,ijr->r", cost, by_chance) / judged.counts.sum(axis=(0, 1))
    return 1 - observed / expected


KAPPA = Metric(
    "quadratic_kappa",
    "Quadratic kappa",
    "agreement beyond chance, in which far misses count more than near ones",
    quadratic_kappa,
    low=-1.0,
    shown=True,
    compared=True,
    headline=True,
)


@dataclass(frozen=True)
class OrderedClasses(OneClass):
    """Which class a sample has, where the classes have an order: low, middle, high."""

    kind: ClassVar[str] = "ordered"
    format: ClassVar[int] = 6
    usual_metric: ClassVar[str] = "quadratic_kappa"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (KAPPA, *super().metrics)

    def described(self) -> dict[str, object]:
        return {"target": self.document()}


ORDER = ("low", "middle", "high")


@pytest.fixture
def ordered(monkeypatch):
    """The one line: the kind in the list of kinds."""
    monkeypatch.setattr(kinds, "KINDS", [*kinds.KINDS, OrderedClasses])
    kinds.all_metrics.cache_clear()
    yield OrderedClasses("class", ORDER)
    kinds.all_metrics.cache_clear()


def proteins(n=90, seed=0):
    """Proteins of which the higher classes hold more tryptophan."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    texts = [
        "".join(rng.choice(list("ACDEFW"), size=60, p=[0.2] * 4 + [0.2 - w, w]))
        for w in 0.02 + 0.07 * classes
    ]
    return texts, [ORDER[c] for c in classes]


@pytest.mark.parametrize("model", ["logistic_regression", {"kind": "mlp", "hidden": 8}])
def test_a_kind_of_target_is_one_file_and_one_line(tmp_path, ordered, model):
    texts, labels = proteins()
    samples = cistron.make_samples(Sequences.from_text(texts), labels=labels, classes=ORDER)
    samples = replace(samples, target=ordered)
    split = cistron.random_split(samples, folds=3)
    classifier = cistron.Classifier("composition", model, {"epochs": 30, "batch_size": 16})
    classifier.fit(samples, split)
    again = cistron.load(classifier.save(tmp_path / "model"))
    assert isinstance(again.head, OrderedClasses)
    assert again.heads_ == classifier.heads_
    assert again.predict(samples).equals(classifier.predict(samples))
    truth, predictions = samples.truth, again.head.predictions(again.logits(samples))
    found = evaluate(truth, predictions, again.head, how=Judging(100, 1, "quadratic_kappa"))
    expected = cohen_kappa_score(truth, predictions.argmax(axis=1), weights="quadratic")
    assert found["scores"]["quadratic_kappa"]["value"] == pytest.approx(expected)
    assert found["scores"]["quadratic_kappa"]["low"] < expected > 0.5


def test_an_experiment_of_a_new_kind_runs_to_its_page(tmp_path, ordered, monkeypatch):
    texts, labels = proteins()
    rows = [f"s{i}\t{t}\t{label}" for i, (t, label) in enumerate(zip(texts, labels, strict=True))]
    (tmp_path / "table.tsv").write_text("\n".join(["id\tsequence\tlabel", *rows]) + "\n")
    experiment = {
        "name": "ordered",
        "samples": {
            "kind": "table",
            "path": str(tmp_path / "table.tsv"),
            "label": "label",
            "only": list(ORDER),
        },
        "split": {"kind": "random", "test": 0.3, "validation": 0.2},
        "encoder": {"kind": "composition"},
        "model": {"kind": "logistic_regression"},
        "evaluation": {"bootstrap": 100, "homology_search": False, "metric": "mcc"},
    }
    read = TableSamples.read
    monkeypatch.setattr(TableSamples, "read", lambda self: replace(read(self), target=ordered))
    run = cistron.fit(make_experiment(experiment), tmp_path / "run")
    assert -1 <= run.metrics["test"]["quadratic_kappa"]["value"] <= 1
    assert "quadratic_kappa" in run.metrics["baselines"]["composition"]
    assert isinstance(target_in(run.metrics), OrderedClasses)
    page = write_report(run.path).read_text()
    assert "Quadratic kappa" in page
    assert KAPPA.meaning in page


def test_a_metric_is_one_object(monkeypatch):
    share = Metric(
        "share_of_first",
        "Share",
        "calls of the first class",
        lambda judged: judged.counts.sum(axis=0)[0] / judged.counts.sum(axis=(0, 1)),
    )
    monkeypatch.setattr("cistron.targets.one_class.OF_MANY", (*OF_MANY, share))
    targets, probabilities = np.array([0, 1, 2, 0]), np.eye(3)[[0, 0, 2, 1]]
    found = evaluate(targets, probabilities, ["a", "b", "c"], how=Judging(100))
    assert found["scores"]["share_of_first"]["value"] == 0.5


TARGETS = (
    OneClass("class", ("a", "b"), temperature=1.7),
    SeveralClasses("class", ("a", "b"), "-", 0.5, (0.1, 0.2), (0.3, 0.9)),
    Number("weight", center=2.0, scale=3.0),
)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_restored_from_its_document(target):
    assert restore_target(target.document()) == target


def test_an_unknown_kind_is_refused():
    with pytest.raises(cistron.InputError, match="no kind of target 'graph'.*Upgrade"):
        restore_target({"kind": "graph"})


@pytest.mark.parametrize("target", TARGETS)
def test_every_metric_lies_in_its_range_and_is_told_in_words(target):
    rng = np.random.default_rng(0)
    truth = {"softmax": rng.integers(2, size=50), "number": rng.normal(size=50)}.get(
        target.form, rng.random((50, 2)) < 0.5
    )
    predictions = target.predictions(rng.normal(size=(50, target.outputs)))
    scores = target.scores(truth, predictions)
    assert list(scores) == [metric.name for metric in target.metrics]
    for metric in target.metrics:
        assert metric.low - 1e-12 <= float(scores[metric.name]) <= metric.high + 1e-12
        assert metric.words
        assert not metric.meaning.endswith(".")
    assert target.usual_metric in {metric.name for metric in target.metrics if metric.headline}


def test_what_an_array_of_truth_is_of():
    assert isinstance(target_like(np.array([0, 1])), OneClass)
    assert isinstance(target_like(np.eye(3, dtype=bool)), SeveralClasses)
    assert isinstance(target_like(np.array([0.5, 1.5])), Number)
    assert target_like([0, 1], np.eye(2)).classes == ("0", "1")
    assert isinstance(target_like([], np.empty(0)), Number)


def test_a_metric_averaged_over_classes_says_how():
    macro = class_metrics.F1.averaged("macro", lambda judged: judged.macro("f1"))
    assert (macro.name, macro.words) == ("macro_f1", "F1, macro")
    assert macro.meaning.endswith("averaged over the classes, each counting the same")
