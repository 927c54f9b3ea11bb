from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from sklearn import metrics as sklearn

from cistron.evaluation.evaluate import Judging, evaluate
from cistron.targets.calibration import fit_shifts, sigmoid
from cistron.targets.calls import Calls, call, choose_thresholds
from cistron.targets.set_metrics import class_scores, per_class, reliability, scores, set_sizes

RULES = ("f1", "mcc")


def made(n: int = 200, k: int = 4, seed: int = 0, skill: float = 1.5) -> tuple[np.ndarray, Calls]:
    """Return memberships, at least one each, and calls that know something of them."""
    rng = np.random.default_rng(seed)
    truth = rng.random((n, k)) < np.linspace(0.5, 0.1, k)
    truth[np.arange(n), rng.integers(k, size=n)] |= ~truth.any(axis=1)
    probabilities = sigmoid(rng.normal(size=truth.shape) + skill * (truth - 0.5))
    return truth, Calls(probabilities, call(probabilities))


def mean_over_classes(metric, truth, predicted, weights) -> float:
    pairs = zip(truth.T, predicted.T, strict=True)
    return float(np.mean([metric(*pair, sample_weight=weights) for pair in pairs]))


def reference(truth: np.ndarray, calls: Calls, weights: np.ndarray) -> dict[str, float]:
    of = {"sample_weight": weights}
    called, shares = calls.called, calls.probabilities
    found = {
        "exact_match": sklearn.accuracy_score(truth, called, **of),
        "jaccard": sklearn.jaccard_score(truth, called, average="samples", zero_division=1, **of),
        "hamming_loss": sklearn.hamming_loss(truth, called, **of),
        "log_loss": mean_over_classes(sklearn.log_loss, truth, shares, weights),
        "brier": mean_over_classes(sklearn.brier_score_loss, truth, shares, weights),
        "macro_mcc": mean_over_classes(sklearn.matthews_corrcoef, truth, called, weights),
        "macro_roc_auc": sklearn.roc_auc_score(truth, shares, **of),
        "macro_pr_auc": sklearn.average_precision_score(truth, shares, **of),
    }
    for average in ("micro", "macro"):
        of_all = {"average": average, "zero_division": 0, **of}
        found[f"{average}_f1"] = sklearn.f1_score(truth, called, **of_all)
        found[f"{average}_precision"] = sklearn.precision_score(truth, called, **of_all)
        found[f"{average}_recall"] = sklearn.recall_score(truth, called, **of_all)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_every_metric_is_that_of_scikit_learn(seed):
    truth, calls = made(seed=seed)
    weights = np.random.default_rng(seed).integers(0, 4, size=(3, len(truth))).astype(float)
    weights[0] = 1
    found = scores(truth, calls, weights)
    for row, weight in enumerate(weights):
        expected = reference(truth, calls, weight)
        assert set(found) == set(expected) | {"ece"}
        for name, value in expected.items():
            assert found[name][row] == pytest.approx(value, abs=1e-9), name
    alone = scores(truth, calls)
    assert all(alone[name] == pytest.approx(values[0]) for name, values in found.items())


def test_known_values():
    truth = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1]], dtype=bool)
    called = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 1]], dtype=bool)
    found = scores(truth, Calls(np.where(called, 0.9, 0.1), called))
    assert found["exact_match"] == pytest.approx(1 / 3)
    assert found["jaccard"] == pytest.approx((1 / 2 + 1 + 2 / 3) / 3)
    assert found["hamming_loss"] == pytest.approx(2 / 9)
    assert found["micro_f1"] == pytest.approx(2 * 4 / (5 + 5))
    # Five classes are named with 0.9, four of them rightly.
    assert found["ece"] == pytest.approx(0.1)
    assert found["brier"] == pytest.approx((7 * 0.01 + 2 * 0.81) / 9)


def test_a_perfect_prediction_is_perfect():
    truth, _ = made()
    found = scores(truth, Calls(truth.astype(float), truth))
    best = {"hamming_loss": 0.0, "log_loss": 0.0, "brier": 0.0, "ece": 0.0}
    for name, value in found.items():
        assert value == pytest.approx(best.get(name, 1.0), abs=1e-12), name


def test_each_class_is_that_of_scikit_learn():
    truth, calls = made()
    found, weighted = per_class(truth, calls), class_scores(truth, calls)
    for c in range(truth.shape[1]):
        assert found["n"][c] == truth[:, c].sum()
        f1 = sklearn.f1_score(truth[:, c], calls.called[:, c])
        mcc = sklearn.matthews_corrcoef(truth[:, c], calls.called[:, c])
        assert found["f1"][c] == weighted["f1"][c] == pytest.approx(f1)
        assert found["mcc"][c] == weighted["mcc"][c] == pytest.approx(mcc)
        area = sklearn.roc_auc_score(truth[:, c], calls.probabilities[:, c])
        assert found["roc_auc"][c] == pytest.approx(area)


def test_a_class_that_nobody_has_is_left_out_of_macro_averages():
    truth, calls = made()
    wider = np.hstack([truth, np.zeros((len(truth), 1), dtype=bool)])
    shares = np.hstack([calls.probabilities, np.full((len(truth), 1), 0.01)])
    found = scores(wider, Calls(shares, call(shares)))
    plain = scores(truth, calls)
    for name in ("macro_f1", "macro_mcc", "macro_roc_auc", "jaccard", "exact_match"):
        assert found[name] == pytest.approx(float(plain[name])), name


def test_where_no_class_passes_the_most_probable_one_is_named():
    found = call([[0.2, 0.3, 0.1], [0.9, 0.1, 0.8]], [0.5, 0.5, 0.5])
    assert found.tolist() == [[False, True, False], [True, False, True]]
    assert call([[0.2, 0.3]], [0.2, 0.9]).tolist() == [[True, False]]


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), rule=st.sampled_from(RULES))
def test_thresholds_are_the_best_there_are(seed, n, rule):
    rng = np.random.default_rng(seed)
    truth = rng.random((n, 3)) < 0.4
    shares = rng.integers(0, 10, size=(n, 3)) / 10
    judge = {"f1": sklearn.f1_score, "mcc": sklearn.matthews_corrcoef}[rule]
    chosen = choose_thresholds(truth, shares, rule)
    for c in range(3):
        if truth[:, c].all() or not truth[:, c].any():
            assert chosen[c] == 0.5
            continue
        best = max(judge(truth[:, c], shares[:, c] >= edge) for edge in np.arange(0, 1.1, 0.05))
        found = judge(truth[:, c], shares[:, c] >= chosen[c])
        assert found == pytest.approx(best, abs=1e-9)


def test_without_a_rule_thresholds_are_a_half():
    truth, calls = made()
    assert choose_thresholds(truth, calls.probabilities, "none").tolist() == [0.5] * 4
    with pytest.raises(ValueError, match="use one of f1, mcc, none"):
        choose_thresholds(truth, calls.probabilities, "f2")


def test_shifts_and_temperature_are_recovered():
    rng = np.random.default_rng(3)
    meant = rng.normal(size=(20_000, 3)) * 2 - np.array([0, 2, 3])
    truth = rng.random(meant.shape) < sigmoid(meant)
    # What class weights of 1, 10 and 20 and overconfidence do to logits.
    distorted = 1.7 * (meant + np.log([1, 10, 20]))
    temperature, shifts = fit_shifts(distorted, truth)
    assert temperature == pytest.approx(1.7, rel=0.05)
    np.testing.assert_allclose(shifts, -np.log([1, 10, 20]), atol=0.12)


def test_shifts_stay_finite_where_a_class_is_absent_or_separated():
    truth = np.zeros((30, 2), dtype=bool)
    truth[:15, 0] = True
    logits = np.where(truth, 9.0, -9.0)
    temperature, shifts = fit_shifts(logits, truth)
    assert np.isfinite(shifts).all()
    assert 0.05 <= temperature <= 20
    assert sigmoid(logits / temperature + shifts)[:, 1].max() < 0.1
    with pytest.raises(ValueError, match="diverged"):
        fit_shifts(np.full((3, 2), np.nan), truth[:3])


def test_reliability_is_of_the_classes_named():
    truth, calls = made(n=500)
    found = reliability(truth, calls)
    assert found["n"].sum() == calls.called.sum()
    right = (truth & calls.called).sum()
    assert np.nansum(found["n"] * found["accuracy"]) == pytest.approx(right)


def test_set_sizes():
    truth = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]], dtype=bool)
    called = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=bool)
    found = set_sizes(truth, Calls(called * 0.9, called))
    assert found == [
        {"classes": 1, "n": 1, "named": 1, "exact_match": 0.0, "jaccard": 0.5},
        {"classes": 2, "n": 2, "named": 2, "exact_match": 0.5, "jaccard": 0.75},
    ]


def test_the_document_has_intervals_baselines_and_no_confusion():
    truth, calls = made(n=300)
    classes = ["a", "b", "c", "d"]
    found = evaluate(
        truth,
        calls,
        classes,
        groups=np.arange(300) // 3,
        group_columns={"family": np.arange(300) % 5},
        baselines={"weak": made(n=300, skill=0.3)[1]},
        how=Judging(resamples=100, headline="macro_f1"),
    )
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    test = found["scores"]
    assert "confusion" not in test
    assert found["positive"] is None
    assert test["resampled"] == "100 groups"
    for name in ("jaccard", "macro_f1", "exact_match"):
        assert test[name]["low"] < test[name]["value"] < test[name]["high"]
    assert found["comparison"]["verdict"] == "better"
    assert set(test["curves"]) == set(classes)
    for row in test["per_class"].values():
        assert row["intervals"]["f1"]["value"] == row["f1"]
        assert row["intervals"]["f1"]["low"] < row["f1"] < row["intervals"]["f1"]["high"]
    assert {"jaccard"} == {*test["groups"]["family"][0]} - {"value", "n"}


def test_logits_are_what_the_sigmoid_undoes():
    assert sigmoid(logit([0.1, 0.5, 0.999])).tolist() == pytest.approx([0.1, 0.5, 0.999])
    assert sigmoid([-1e4, 1e4]).tolist() == [0, 1]


def test_shapes_that_do_not_fit_are_refused():
    truth, calls = made()
    with pytest.raises(ValueError, match="memberships"):
        scores(truth[:, :2], calls)
    with pytest.raises(ValueError, match="finite"):
        scores(truth, Calls(np.full(truth.shape, np.nan), truth))
