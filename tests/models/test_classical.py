"""Classical models: probabilities, weights, and files without pickle."""

import io
import json
import zipfile
from logging import getLogger

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skops.io import dumps

from cistron.base.errors import InputError
from cistron.models.classical.bagging import BaggingSettings
from cistron.models.classical.classical import (
    LEAST_PROBABILITY,
    dump,
    fit_classical,
    load,
    log_probabilities,
)
from cistron.models.classical.gradient_boosting import GradientBoostingSettings
from cistron.models.classical.logistic_regression import LogisticRegressionSettings
from cistron.models.classical.random_forest import RandomForestSettings
from cistron.models.classical.svm import SVMSettings
from cistron.targets.one_class import OneClass
from cistron.training.class_weights import class_weights
from cistron.training.settings import TrainingSettings

MODELS = [
    LogisticRegressionSettings(),
    RandomForestSettings(trees=20),
    GradientBoostingSettings(trees=20, leaf_size=5),
    SVMSettings(),
    BaggingSettings(trees=20),
]
every_model = pytest.mark.parametrize("settings", MODELS, ids=lambda settings: settings.kind)


def data(classes=2, n=150, seed=0):
    """Return features of very different scale, of which the first two tell the class."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    y = np.digitize(X[:, 0] + X[:, 1], [0.0] if classes == 2 else [-0.7, 0.7])
    X *= [1, 1, 1e-3, 1e-3, 100, 100]
    return X.astype(np.float32), y


def fitted(settings, classes=2, weights=None, seed=1):
    X, y = data(classes)
    weights = np.ones(len(y), dtype=np.float32) if weights is None else weights
    return fit_classical(settings, X, y, weights, seed)


@every_model
@pytest.mark.parametrize("classes", [2, 3])
def test_what_was_planted_is_found(settings, classes):
    X, y = data(classes, seed=1)
    logs = log_probabilities(fitted(settings, classes), X)
    assert logs.shape == (len(X), classes)
    assert logs.dtype == np.float32
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, atol=1e-5)
    assert (logs.argmax(axis=1) == y).mean() > 0.75


@every_model
@pytest.mark.parametrize("classes", [2, 3])
def test_a_file_gives_identical_probabilities(settings, classes):
    estimator = fitted(settings, classes)
    X, _ = data(classes, seed=1)
    again = load(dump(estimator))
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    assert type(again) is type(estimator)


@every_model
def test_the_same_seed_gives_the_same_model(settings):
    X, _ = data(seed=1)
    first, again = (log_probabilities(fitted(settings, seed=7), X) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("settings", [MODELS[1], MODELS[3], MODELS[4]], ids=lambda s: s.kind)
def test_another_seed_gives_another_model(settings):
    X, _ = data(seed=1)
    first, other = (log_probabilities(fitted(settings, seed=seed), X) for seed in (7, 8))
    assert not np.array_equal(first, other)


@every_model
def test_weights_shift_the_balance(settings):
    _, y = data()
    unseen, _ = data(seed=1)
    heavy = np.where(y == 1, 20, 1).astype(np.float32)
    plain = log_probabilities(fitted(settings), unseen)
    shifted = log_probabilities(fitted(settings, weights=heavy), unseen)
    assert np.exp(shifted)[:, 1].mean() > np.exp(plain)[:, 1].mean()


@every_model
def test_balanced_weights_make_up_for_nine_of_one_and_one_of_the_other(settings):
    # Features that tell nothing: what is left is what the model holds of the classes.
    rng = np.random.default_rng(0)
    X, y = np.zeros((400, 2), dtype=np.float32), (rng.permutation(400) < 40).astype(np.int64)
    for kind, expected in (("balanced", 0.5), ("none", 0.1)):
        by_class = class_weights(
            OneClass("class", ("a", "b")), y, TrainingSettings(class_weights=kind)
        )
        if kind == "balanced":
            assert by_class[1] / by_class[0] == pytest.approx((y == 0).sum() / (y == 1).sum())
        weights = by_class[y].astype(np.float32)
        logs = log_probabilities(fit_classical(settings, X, y, weights, seed=1), X[:1])
        assert np.exp(logs)[0, 1] == pytest.approx(expected, abs=0.06)


def test_a_weight_of_two_is_the_sample_twice():
    X, y = data()
    weights = np.where(np.arange(len(y)) < 50, 2, 1).astype(np.float32)
    twice = np.repeat(np.arange(len(y)), weights.astype(int))
    settings = LogisticRegressionSettings()
    ones = np.ones(len(twice), dtype=np.float32)
    a = fit_classical(settings, X, y, weights, seed=1)
    b = fit_classical(settings, X[twice], y[twice], ones, seed=1)
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-3)
    np.testing.assert_allclose(a[0].scale_, b[0].scale_, rtol=1e-5)


@pytest.mark.parametrize("settings", [MODELS[0], MODELS[3]], ids=lambda s: s.kind)
def test_the_unit_of_a_feature_does_not_matter(settings):
    X, y = data()
    ones = np.ones(len(y), dtype=np.float32)
    units = np.array([1000, 0.001, 5, 1, 1, 1], dtype=np.float32)
    a = fit_classical(settings, X, y, ones, seed=1).predict_proba(X)
    b = fit_classical(settings, X * units, y, ones, seed=1).predict_proba(X * units)
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_a_probability_of_zero_has_a_logarithm():
    X = np.array([[0.0], [1.0]] * 10, dtype=np.float32)
    y = np.array([0, 1] * 10)
    ones = np.ones(20, dtype=np.float32)
    logs = log_probabilities(fit_classical(RandomForestSettings(), X, y, ones, 1), X[:2])
    assert logs[0, 1] == pytest.approx(np.log(LEAST_PROBABILITY), rel=1e-4)
    assert logs[0, 0] == pytest.approx(0, abs=1e-5)


def test_too_few_samples_of_a_class_are_refused():
    X, y = data()
    y[y == 1] = 0
    y[:2] = 1
    ones = np.ones(len(y), dtype=np.float32)
    with pytest.raises(InputError, match=r"class 1 .* has 2 training samples, and svm needs 3"):
        fit_classical(SVMSettings(), X, y, ones, seed=1)
    fit_classical(SVMSettings(folds=2), X, y, ones, seed=1)
    with pytest.raises(InputError, match=r"class 1 .* has 0 training samples"):
        fit_classical(LogisticRegressionSettings(), X, np.where(y == 1, 2, 0), ones, seed=1)


@every_model
def test_a_damaged_file_is_refused(settings):
    whole = dump(fitted(settings))
    rng = np.random.default_rng(0)
    for end in rng.integers(0, len(whole), 10):
        with pytest.raises(InputError, match="damaged"):
            load(whole[:end])
    with pytest.raises(InputError, match="damaged"):
        load(b"not an archive")
    changed = bytearray(whole)
    changed[100] ^= 1  # within the first member's data
    with pytest.raises(InputError, match="damaged"):
        load(bytes(changed))


def rewritten(data, change):
    """Return the archive with its schema.json changed: what a forger would do."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, change(json.loads(text)) if name == "schema.json" else text)
    return out.getvalue()


def test_strange_types_are_refused():
    def forge(schema):
        return json.dumps(schema | {"__class__": "Popen", "__module__": "subprocess"})

    with pytest.raises(InputError, match=r"subprocess.Popen"):
        load(rewritten(dump(fitted(MODELS[1])), forge))
    with pytest.raises(InputError, match="damaged"):
        load(rewritten(dump(fitted(MODELS[1])), lambda _: "[]"))
    with pytest.raises(InputError, match=r"holds logging.getLogger"):
        load(dumps(make_pipeline(FunctionTransformer(getLogger))))


def test_other_models_are_refused():
    X, y = data()
    with pytest.raises(InputError, match=r"sklearn.neighbors._kd_tree.KDTree"):
        load(dumps(KNeighborsClassifier().fit(X, y)))
    with pytest.raises(InputError, match="holds GaussianNB, which is none"):
        load(dumps(GaussianNB().fit(X, y)))
    with pytest.raises(InputError, match="holds StandardScaler → GaussianNB"):
        load(dumps(make_pipeline(StandardScaler(), GaussianNB()).fit(X, y)))
    with pytest.raises(InputError, match="holds ndarray"):
        load(dumps(X))


def test_the_penalty_is_chosen_by_the_training_samples():
    rng = np.random.default_rng(3)
    y, ones = np.arange(160) % 2, np.ones(160)
    noise = rng.normal(size=(160, 300))
    X = noise + np.where(np.arange(300) < 60, 0.12, 0)[None, :] * (2 * y[:, None] - 1)
    auto = LogisticRegressionSettings(c="auto")
    weak = auto.settled(X.astype(np.float32), y, ones, 1)
    assert 1e-4 < weak.c < 0.1  # more features than samples
    plain = (X[:, :60].mean(axis=1, keepdims=True) + rng.normal(size=(160, 1)) * 0.2).astype("f4")
    assert auto.settled(plain, y, ones, 1).c > weak.c
    assert LogisticRegressionSettings(c=0.5).settled(plain, y, ones, 1).c == 0.5
    few = np.array([0] * 159 + [1])
    assert auto.settled(plain, few, ones, 1).c == 1.0
    model = fit_classical(auto, plain, y, ones, 1)
    same = fit_classical(auto.settled(plain, y, ones, 1), plain, y, ones, 1)
    np.testing.assert_array_equal(log_probabilities(model, plain), log_probabilities(same, plain))


def test_the_penalty_is_chosen_without_relatives_on_both_sides():
    """Families with a label each, and features that tell nothing but the family."""
    rng = np.random.default_rng(4)
    family = np.repeat(np.arange(40), 4)
    y = rng.permutation(np.arange(40) % 2)[family]
    X = (rng.normal(size=(40, 60))[family] + rng.normal(size=(160, 60)) * 0.2).astype("f4")
    auto, ones = LogisticRegressionSettings(c="auto"), np.ones(160)
    divided, together = auto.settled(X, y, ones, 1), auto.settled(X, y, ones, 1, family)
    assert divided.c > 0.1
    assert together.c < 0.001
    two = np.arange(160) // 80  # fewer groups than folds: as without groups
    assert auto.settled(X, y, ones, 1, two).c == divided.c
