import json

import numpy as np
import pytest

from cistron.evaluation.evaluate import Judging, evaluate

BINARY = {
    *("accuracy", "balanced_accuracy", "mcc", "precision", "recall", "specificity", "f1"),
    *("roc_auc", "pr_auc", "log_loss", "brier", "ece"),
}


def made(n=300, k=2, signal=2.0, seed=1):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, k, n)
    raw = np.exp(rng.normal(0, 1, (n, k)) + signal * np.eye(k)[targets])
    return targets, raw / raw.sum(axis=1, keepdims=True)


def test_binary_document():
    targets, probabilities = made()
    groups = np.arange(300) // 5
    family = np.array([f"f{g % 7}" for g in groups], dtype=object)
    family[:3] = None
    found = evaluate(
        targets,
        probabilities,
        ["no", "yes"],
        groups=groups,
        group_columns={"family": family},
        baselines={"majority": np.tile([0.5, 0.5], (300, 1)), "weak": made(signal=0.5, seed=2)[1]},
        how=Judging(resamples=200),
    )
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found) == ["classes", "positive", "headline", "scores", "baselines", "comparison"]
    assert (found["classes"], found["positive"], found["headline"]) == (["no", "yes"], "yes", "mcc")
    scores = found["scores"]
    parts = {"n", "per_class", "confusion", "calibration", "curves", "groups", "resampled"}
    assert set(scores) == BINARY | parts
    assert (scores["n"], scores["resampled"]) == (300, "60 groups")
    for name in BINARY:
        assert scores[name]["low"] <= scores[name]["value"] <= scores[name]["high"]
    assert scores["per_class"]["yes"]["recall"] == scores["recall"]["value"]
    assert scores["per_class"]["no"]["recall"] == scores["specificity"]["value"]
    assert scores["per_class"]["no"]["n"] == int((targets == 0).sum())
    assert np.sum(scores["confusion"]) == 300
    assert len(scores["calibration"]) == 10
    assert sum(row["n"] for row in scores["calibration"]) == 300
    assert list(scores["curves"]) == ["yes"]
    assert set(scores["curves"]["yes"]["roc"]) == {"x", "y"}
    rows = scores["groups"]["family"]
    assert sum(row["n"] for row in rows) == 300
    assert [row["n"] for row in rows] == sorted((row["n"] for row in rows), reverse=True)
    assert {row["value"] for row in rows} == {"", *(f"f{i}" for i in range(7))}
    mean = sum(row["n"] * row["accuracy"] for row in rows) / 300
    assert mean == pytest.approx(scores["accuracy"]["value"])
    assert set(found["baselines"]["majority"]) == BINARY | {"n"}
    assert found["baselines"]["majority"]["roc_auc"] == {"value": 0.5, "low": 0.5, "high": 0.5}


def test_multiclass_document():
    targets, probabilities = made(k=3)
    targets[targets == 2] = 0
    found = evaluate(
        targets,
        probabilities,
        ["a", "b", "c"],
        baselines={"guess": np.full((300, 3), 1 / 3)},
        how=Judging(resamples=100),
    )
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["positive"] is None
    assert found["scores"]["per_class"]["c"]["roc_auc"] is None
    assert found["scores"]["per_class"]["c"]["n"] == 0
    assert list(found["scores"]["curves"]) == ["a", "b"]
    assert found["scores"]["resampled"] == "300 samples"
    differences = set(found["comparison"]["differences"])
    assert differences == {"mcc", "macro_roc_auc", "balanced_accuracy", "log_loss"}


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [(3.0, 0.5, "better"), (0.5, 3.0, "worse"), (1.0, 1.0, "undecided")],
)
@pytest.mark.parametrize("headline", ["mcc", "log_loss"])
def test_verdict(ours, theirs, verdict, headline):
    targets, probabilities = made(signal=ours)
    strong = made(signal=theirs, seed=1)[1] if ours != theirs else probabilities
    poor = np.tile([0.99, 0.01], (300, 1))
    found = evaluate(
        targets,
        probabilities,
        ["no", "yes"],
        baselines={"poor": poor, "strong": strong},
        how=Judging(resamples=200, headline=headline),
    )["comparison"]
    assert list(found) == ["baseline", "metric", "difference", "verdict", "differences"]
    assert (found["baseline"], found["metric"]) == ("strong", headline)
    assert found["verdict"] == verdict
    assert found["differences"][headline] == found["difference"]


def test_without_baselines_nothing_is_compared():
    found = evaluate(*made(), ["no", "yes"], how=Judging(resamples=100))
    assert found["comparison"] is None
    assert found["baselines"] == {}
    assert found["scores"]["groups"] == {}


def test_only_the_largest_groups_are_listed():
    targets, probabilities = made(500)
    names = np.array([f"g{i}" for i in np.minimum(np.arange(500), 80)])
    found = evaluate(
        targets, probabilities, ["n", "y"], group_columns={"g": names}, how=Judging(resamples=100)
    )
    rows = found["scores"]["groups"]["g"]
    assert len(rows) == 50
    assert rows[0]["n"] == 420


def test_groups_may_be_numbers():
    years = np.array([2001, 2002, None] * 10, dtype=object)
    found = evaluate(
        *made(30), ["n", "y"], group_columns={"year": years}, how=Judging(resamples=100)
    )
    assert [row["value"] for row in found["scores"]["groups"]["year"]] == ["", "2001", "2002"]


def test_few_groups_are_said():
    targets, probabilities = made(30)
    found = evaluate(
        targets, probabilities, ["n", "y"], groups=np.arange(30) % 4, how=Judging(resamples=100)
    )
    assert found["scores"]["resampled"] == "4 groups (few groups: the interval is rough)"
    one = evaluate(
        targets, probabilities, ["n", "y"], groups=np.zeros(30), how=Judging(resamples=100)
    )
    assert one["scores"]["mcc"]["low"] is None
    assert one["scores"]["mcc"]["value"] is not None


@pytest.mark.parametrize("targets", [[], [1], [0, 0, 0]])
def test_degenerate_sets_give_null_and_not_nan(targets):
    probabilities = np.tile([0.3, 0.7], (len(targets), 1))
    found = evaluate(
        targets,
        probabilities,
        ["n", "y"],
        baselines={"same": probabilities},
        how=Judging(resamples=100),
    )
    json.dumps(found, allow_nan=False)
    assert found["scores"]["roc_auc"]["value"] is None
    assert found["scores"]["curves"] == {}
    assert found["comparison"]["verdict"] == "undecided"


def test_mistaken_calls_are_refused():
    targets, probabilities = made(20)
    with pytest.raises(ValueError, match="none of accuracy"):
        evaluate(targets, probabilities, ["n", "y"], how=Judging(headline="mmc"))
    with pytest.raises(ValueError, match="3 classes"):
        evaluate(targets, probabilities, ["a", "b", "c"])
