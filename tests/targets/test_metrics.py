import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from cistron.targets.class_metrics import confusion, per_class, reliability, scores

BINARY = [
    *("accuracy", "balanced_accuracy", "mcc", "precision", "recall", "specificity", "f1"),
    *("roc_auc", "pr_auc", "log_loss", "brier", "ece"),
]
MULTICLASS = [
    *("accuracy", "balanced_accuracy", "mcc", "macro_precision", "macro_recall", "macro_f1"),
    *("weighted_f1", "macro_roc_auc", "macro_pr_auc", "log_loss", "brier", "ece"),
]


def calibration_error(targets, probabilities, weights):
    """Return the expected calibration error, bin by bin."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == targets
    error = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        w = weights[inside]
        if w.sum() > 0:
            accuracy = np.average(correct[inside], weights=w)
            error += w.sum() * abs(accuracy - np.average(confidence[inside], weights=w))
    return error / weights.sum()


def reference(targets, probabilities, weights):
    """Return scikit-learn's metrics of the samples with weight."""
    rows = weights > 0
    y, p, w = targets[rows], probabilities[rows], weights[rows]
    k, called = p.shape[1], p.argmax(axis=1)
    of = {"sample_weight": w}
    found = {
        "accuracy": sklearn.accuracy_score(y, called, **of),
        "balanced_accuracy": sklearn.balanced_accuracy_score(y, called, **of),
        "mcc": sklearn.matthews_corrcoef(y, called, **of),
        "log_loss": sklearn.log_loss(y, p, labels=range(k), **of),
        "brier": sklearn.brier_score_loss(y, p, labels=range(k), **of),
        "ece": calibration_error(y, p, w),
    }
    if k == 2:
        found |= {
            "precision": sklearn.precision_score(y, called, zero_division=0, **of),
            "recall": sklearn.recall_score(y, called, zero_division=np.nan, **of),
            "specificity": sklearn.recall_score(y, called, pos_label=0, zero_division=np.nan, **of),
            "f1": sklearn.f1_score(y, called, zero_division=np.nan, **of),
            "roc_auc": sklearn.roc_auc_score(y, p[:, 1], **of),
            "pr_auc": sklearn.average_precision_score(y, p[:, 1], **of) if y.any() else np.nan,
        }
        return found
    macro = {"average": "macro", "zero_division": 0, **of}
    present = [c for c in range(k) if (y == c).any()]
    roc = [sklearn.roc_auc_score(y == c, p[:, c], **of) for c in present]
    pr = [sklearn.average_precision_score(y == c, p[:, c], **of) for c in present]
    return found | {
        "macro_precision": sklearn.precision_score(y, called, **macro),
        "macro_recall": sklearn.recall_score(y, called, **macro),
        "macro_f1": sklearn.f1_score(y, called, **macro),
        "weighted_f1": sklearn.f1_score(y, called, average="weighted", zero_division=0, **of),
        "macro_roc_auc": np.mean(roc),
        "macro_pr_auc": np.mean(pr),
    }


def assert_equal_to_sklearn(targets, probabilities, weights):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, on classes that are absent
        expected = reference(targets, probabilities, weights)
    found = scores(targets, probabilities, weights)
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12, atol=1e-12, err_msg=name)


@st.composite
def predictions(draw, kinds=(2, 3, 5)):
    """Draw targets, coarse probabilities (so that they tie) and weights, some of them zero."""
    k = draw(st.sampled_from(kinds))
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from([1, 3, 1000]))
    raw = 1.0 + rng.integers(0, levels, (n, k))
    weights = rng.random(n) * (rng.random(n) < draw(st.sampled_from([0.3, 1.0])))
    weights[rng.integers(n)] = 0.7
    return rng.integers(0, k, n), raw / raw.sum(axis=1, keepdims=True), weights


@settings(max_examples=100, deadline=None)
@given(predictions())
def test_weighted_metrics_agree_with_sklearn(drawn):
    assert_equal_to_sklearn(*drawn)


@settings(max_examples=50, deadline=None)
@given(predictions())
def test_unweighted_metrics_agree_with_sklearn(drawn):
    targets, probabilities, _ = drawn
    assert_equal_to_sklearn(targets, probabilities, np.ones(len(targets)))
    plain = scores(targets, probabilities)
    weighted = scores(targets, probabilities, np.ones(len(targets)))
    for name in plain:
        np.testing.assert_array_equal(plain[name], weighted[name])


@pytest.mark.parametrize("k", [2, 4])
def test_large_sets_agree_with_sklearn(k):
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet(np.ones(k), 20_000).round(3)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    targets = np.array([rng.choice(k, p=p) for p in probabilities])
    assert_equal_to_sklearn(targets, probabilities, rng.random(20_000))


@settings(max_examples=40, deadline=None)
@given(predictions(), st.integers(1, 4))
def test_many_weightings_at_once_are_each_alone(drawn, resamples):
    targets, probabilities, _ = drawn
    weights = np.random.default_rng(1).integers(0, 3, (resamples, 2, len(targets)))
    together = scores(targets, probabilities, weights)
    for index in np.ndindex(resamples, 2):
        alone = scores(targets, probabilities, weights[index])
        for name, values in together.items():
            assert values.shape == (resamples, 2)
            np.testing.assert_allclose(values[index], alone[name], rtol=1e-12, atol=1e-15)


@settings(max_examples=40, deadline=None)
@given(predictions())
def test_weights_are_repeats(drawn):
    targets, probabilities, _ = drawn
    weights = np.random.default_rng(2).integers(0, 4, len(targets))
    rows = np.repeat(np.arange(len(targets)), weights)
    weighted = scores(targets, probabilities, weights)
    for name, value in scores(targets[rows], probabilities[rows]).items():
        np.testing.assert_allclose(weighted[name], value, rtol=1e-12, atol=1e-12, err_msg=name)


def test_binary_by_hand():
    positive = np.array([0.9, 0.8, 0.7, 0.4, 0.35, 0.1])
    targets = [1, 1, 0, 1, 0, 0]
    found = scores(targets, np.stack([1 - positive, positive], axis=1))
    # Called positive: the first three. tp 2, fp 1, fn 1, tn 2. Of 9 pairs one is misranked.
    assert found["accuracy"] == pytest.approx(4 / 6)
    for name in ("balanced_accuracy", "precision", "recall", "specificity", "f1"):
        assert found[name] == pytest.approx(2 / 3)
    assert found["mcc"] == pytest.approx((2 * 2 - 1 * 1) / 9)
    assert found["roc_auc"] == pytest.approx(8 / 9)
    assert found["pr_auc"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    true = np.array([0.9, 0.8, 0.3, 0.4, 0.65, 0.9])
    assert found["log_loss"] == pytest.approx(-np.log(true).mean())
    assert found["brier"] == pytest.approx(((1 - true) ** 2).mean())
    # 15 bins: .9 and .9 (14th), .8 (12th), .7 (11th), .6 and .65 (9th and 10th).
    assert found["ece"] == pytest.approx((2 * 0.1 + 0.2 + 0.7 + 0.6 + 0.35) / 6)
    assert list(found) == BINARY


def test_multiclass_by_hand():
    probabilities = np.array(
        [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.1, 0.5, 0.4]]
    )
    targets = [0, 1, 1, 2, 2]
    found = scores(targets, probabilities)
    assert sorted(found) == sorted(MULTICLASS)
    assert confusion(targets, probabilities.argmax(1), 3).tolist() == [
        [1, 0, 0],
        [1, 1, 0],
        [0, 1, 1],
    ]
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert found["macro_precision"] == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 2 / 3) / 3)
    assert found["weighted_f1"] == pytest.approx((2 / 3 + 2 * 1 / 2 + 2 * 2 / 3) / 5)
    # Gorodkin: correct 3 of 5, true (1, 2, 2), called (2, 2, 1).
    assert found["mcc"] == pytest.approx((3 * 5 - (2 + 4 + 2)) / (25 - 9))
    errors = [0.16 + 0.09 + 0.01, 0.04 + 0.09 + 0.01, 0.25 + 0.49 + 0.04, 0.01 + 0.04 + 0.09]
    errors.append(0.01 + 0.25 + 0.36)
    assert found["brier"] == pytest.approx(sum(errors) / 5)
    # Class 0 over the rest: .6 above .2, .5, .1, .1. Class 1: .7 above .3, .2, .5, but .3 ties with
    # one and is below another. Class 2: .7 and .4 above .1, .1, .2.
    assert found["macro_roc_auc"] == pytest.approx((1 + (3 + 1 + 0.5) / 6 + 1) / 3)


def test_absent_classes_are_not_defined():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = scores([0, 0], probabilities)
    assert np.isnan([found["recall"], found["roc_auc"], found["pr_auc"]]).all()
    assert (found["accuracy"], found["precision"], found["mcc"]) == (0.5, 0, 0)
    found = scores([1, 1], probabilities)
    assert np.isnan([found["specificity"], found["roc_auc"]]).all()
    assert found["pr_auc"] == 1
    nothing = scores([0, 1], probabilities, np.zeros((3, 2)))
    assert all(np.isnan(values).all() for values in nothing.values())
    third = np.full((4, 3), 1 / 3)
    assert scores([0, 1, 0, 1], third)["macro_roc_auc"] == 0.5


def test_no_samples_give_nothing():
    for k in (2, 3):
        found = scores(np.empty(0, int), np.empty((0, k)))
        assert all(np.isnan(value) for value in found.values())


def test_perfect_and_reversed_predictions():
    right = np.eye(2)[[0, 1, 1, 0, 1]]
    perfect = scores([0, 1, 1, 0, 1], right)
    assert all(perfect[name] == 1 for name in BINARY[:9])
    assert all(perfect[name] == pytest.approx(0, abs=1e-12) for name in BINARY[9:])
    reversed_ = scores([0, 1, 1, 0, 1], 1 - right)
    assert (reversed_["mcc"], reversed_["roc_auc"], reversed_["ece"]) == (-1, 0, 1)
    assert reversed_["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps))


@settings(max_examples=40, deadline=None)
@given(predictions())
def test_per_class_is_one_against_the_rest(drawn):
    targets, probabilities, _ = drawn
    found = per_class(targets, probabilities)
    called = probabilities.argmax(axis=1)
    for c in range(probabilities.shape[1]):
        mine, theirs = targets == c, called == c
        assert found["n"][c] == mine.sum()
        # As two classes whose calls are those of the argmax.
        two = scores(mine.astype(int), np.stack([~theirs, theirs], axis=1).astype(float))
        for name in ("precision", "recall", "specificity", "f1", "mcc"):
            np.testing.assert_allclose(found[name][c], two[name], atol=1e-12, err_msg=name)
        if 0 < mine.sum() < len(mine):
            area = sklearn.roc_auc_score(mine, probabilities[:, c])
            assert found["roc_auc"][c] == pytest.approx(area, abs=1e-12)
            area = sklearn.average_precision_score(mine, probabilities[:, c])
            assert found["pr_auc"][c] == pytest.approx(area, abs=1e-12)


def test_reliability_by_hand():
    positive = np.array([0.95, 0.91, 0.62, 0.5, 0.3])
    found = reliability([1, 0, 1, 0, 0], np.stack([1 - positive, positive], axis=1))
    assert found["n"].tolist() == [0, 0, 0, 0, 1, 0, 2, 0, 0, 2]
    np.testing.assert_allclose(found["confidence"][[4, 6, 9]], [0.5, 0.66, 0.93])
    np.testing.assert_allclose(found["accuracy"][[4, 6, 9]], [1, 1, 0.5])
    assert np.isnan(found["accuracy"][0])
    assert (found["low"][9], found["high"][9]) == (0.9, 1.0)


@settings(max_examples=30, deadline=None)
@given(predictions(kinds=(2, 4)))
def test_reliability_holds_every_sample(drawn):
    targets, probabilities, _ = drawn
    found = reliability(targets, probabilities, bins=7)
    assert found["n"].sum() == len(targets)
    right = np.nansum(found["n"] * found["accuracy"])
    assert right == pytest.approx((probabilities.argmax(1) == targets).sum())
    filled = found["n"] > 0
    assert (found["confidence"][filled] <= found["high"][filled] + 1e-12).all()
    assert (found["confidence"][filled] >= found["low"][filled] - 1e-12).all()


@pytest.mark.parametrize(
    ("targets", "probabilities", "weights", "words"),
    [
        ([0, 1], [[0.5, 0.5]], None, "2,"),
        ([0, 2], [[0.5, 0.5]] * 2, None, "class indices"),
        ([0, -1], [[0.5, 0.5]] * 2, None, "unlabelled"),
        ([0, 1], [[0.5, np.nan]] * 2, None, "finite"),
        ([0, 1], [0.5, 0.5], None, "classes"),
        ([0, 1], [[0.5, 0.5]] * 2, [1, 1, 1], "weights"),
    ],
)
def test_wrong_arrays_are_refused(targets, probabilities, weights, words):
    with pytest.raises(ValueError, match=words):
        scores(targets, probabilities, weights)
