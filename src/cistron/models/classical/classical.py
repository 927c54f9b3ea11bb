"""Classical models: fitted with weights, stored without pickle."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.cell_vectors import CellVectors
from cistron.base.errors import InputError
from cistron.base.untrusted import as_damage
from cistron.models.classical.sound import require_sound
from cistron.models.classical.sparse_input import by_blocks, described, to_fit
from cistron.models.families import ClassicalSettings

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

Vectors = NDArray[np.float32] | CellVectors

LEAST_PROBABILITY = 1e-6  # a forest whose trees all agree says 0, of which there is no logarithm

MODELS = {
    "StandardScaler → LogisticRegression",
    "StandardScaler → L1LogisticRegression",
    "StandardScaler → NearestCentroid",
    "StandardScaler → CalibratedClassifierCV",
    "RandomForestClassifier",
    "HistGradientBoostingClassifier",
    "BaggingClassifier",
    "StandardScaler → RidgeCV",
    "StandardScaler → SVR",
    "RandomForestRegressor",
    "HistGradientBoostingRegressor",
    "BaggingRegressor",
}

# What our kinds hold beyond the types that skops itself holds safe.
TRUSTED = [
    "cistron.models.classical.centroids.NearestCentroid",
    "cistron.models.classical.l1_regression.L1LogisticRegression",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.tree._tree.Tree",
]

# Modules of our own types in archives of earlier versions → where the types live now.
MOVED = {
    "cistron.models.centroids": "cistron.models.classical.centroids",
    "cistron.models.l1_regression": "cistron.models.classical.l1_regression",
}

MOST_BYTES = 1 << 33  # of an archive that is unpacked


def fit_classical(
    settings: ClassicalSettings,
    X: Vectors,
    y: NDArray[np.int64],
    weights: NDArray[np.floating],
    seed: int,
) -> ClassifierMixin:
    """Build and fit a classical model.

    Parameters
    ----------
    settings : ClassicalSettings
    X : ndarray or CellVectors, shape (n, features)
    y : ndarray of int64, shape (n,)
        Class of each sample, 0 up; every class occurs.
    weights : ndarray, shape (n,)
        Weight of each sample, class weights included. Every step of a pipeline is given them, so
        that a weight of 2 is the same as the sample twice.
    seed : int

    Returns
    -------
    estimator
        With `predict_proba`; its columns are the classes in order.

    Raises
    ------
    InputError
        If a class has too few samples.
    """
    needed = getattr(settings, "folds", 1)
    counts = np.bincount(y)
    if counts.min() < needed:
        raise InputError(
            f"model: class {counts.argmin()} (counted from 0) has {counts.min()} training "
            f"samples, and {settings.kind} needs {needed}. "
            + ("Lower model.folds or choose another model." if needed > 1 else "Add samples.")
        )
    given = to_fit(settings.build(seed), X)
    estimator = settings.settled(given, y, weights, seed).build(seed)
    return estimator.fit(to_fit(estimator, given), y, **_each_step(estimator, weights))


def _each_step(
    estimator: BaseEstimator, weights: NDArray[np.floating]
) -> dict[str, NDArray[np.floating]]:
    """Return the argument of `fit` that gives the weights to every step of a pipeline."""
    steps = [f"{name}__" for name, _ in getattr(estimator, "steps", [])] or [""]
    return {f"{step}sample_weight": weights for step in steps}


def fit_regressor(
    settings: ClassicalSettings,
    X: Vectors,
    y: NDArray[np.float64],
    weights: NDArray[np.floating],
    seed: int,
) -> RegressorMixin:
    """Build and fit a classical model of a number.

    Parameters
    ----------
    settings : ClassicalSettings
    X : ndarray or CellVectors, shape (n, features)
    y : ndarray of float64, shape (n,)
        Standardised numbers.
    weights : ndarray, shape (n,)
    seed : int

    Raises
    ------
    InputError
        If the model predicts no numbers.
    """
    estimator = settings.build_regressor(seed)
    return estimator.fit(to_fit(estimator, X), y, **_each_step(estimator, weights))


def predict_numbers(estimator: RegressorMixin, X: Vectors) -> NDArray[np.float32]:
    """Return the standardised number of each sample, shape (n, 1)."""
    return by_blocks(estimator, X, estimator.predict).astype(np.float32)[:, None]


def fit_each_class(
    settings: ClassicalSettings,
    X: Vectors,
    memberships: NDArray[np.bool_],
    weights: NDArray[np.floating],
    seed: int,
    classes: Sequence[str],
) -> list[ClassifierMixin]:
    """Build and fit one model for each class, which tells samples that have it from all others.

    Parameters
    ----------
    settings : ClassicalSettings
    X : ndarray or CellVectors, shape (n, features)
    memberships : ndarray of bool, shape (n, classes)
    weights : ndarray, shape (n, classes)
        Weight of each sample for each class's model.
    seed : int
    classes : sequence of str
        Names, for messages.

    Raises
    ------
    InputError
        If too few samples have a class, or too few lack it.
    """
    needed = getattr(settings, "folds", 1)
    for name, having in zip(classes, memberships.sum(axis=0).tolist(), strict=True):
        for what, number in (("have", having), ("lack", len(memberships) - having)):
            if number < needed:
                raise InputError(
                    f"model: {number} of the training samples {what} the class {name!r}, and "
                    f"{settings.kind} needs {needed} to learn it. Add samples, leave the class "
                    "out (samples.only), or choose another model."
                )
    columns = zip(memberships.T.astype(np.int64), np.ascontiguousarray(weights.T), strict=True)
    return [fit_classical(settings, X, y, weight, seed) for y, weight in columns]


def log_odds(estimators: Sequence[ClassifierMixin], X: Vectors) -> NDArray[np.float32]:
    """Return the logarithm of the odds of each class, by its own model, shape (n, classes)."""
    logarithms = [log_probabilities(estimator, X) for estimator in estimators]
    return np.stack([log_p[:, 1] - log_p[:, 0] for log_p in logarithms], axis=1)


def log_probabilities(estimator: ClassifierMixin, X: Vectors) -> NDArray[np.float32]:
    """Return the logarithm of each class's probability, shape (n, classes).

    Probabilities below `LEAST_PROBABILITY` count as that, and each row sums to 1 again.
    """
    probabilities = by_blocks(estimator, X, estimator.predict_proba)
    probabilities = np.clip(probabilities, LEAST_PROBABILITY, None)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return np.log(probabilities).astype(np.float32)


def fit_form(
    form: str,
    settings: ClassicalSettings,
    X: Vectors,
    truth: Array,
    weights: NDArray[np.floating],
    seed: int,
    classes: Sequence[str],
) -> Any:
    """Build and fit a classical model that answers in a form: see the functions for each.

    Parameters
    ----------
    form : {"softmax", "sigmoid", "number"}
        One class (`fit_classical`), each class by itself (`fit_each_class`), a number
        (`fit_regressor`).
    settings, X, truth, weights, seed
        As those functions take them.
    classes : sequence of str
    """
    if form == "sigmoid":
        return fit_each_class(settings, X, truth, weights, seed, list(classes))
    fit = fit_regressor if form == "number" else fit_classical
    return fit(settings, X, truth, weights, seed)


def form_outputs(form: str, model: Any, X: Vectors) -> NDArray[np.float32]:
    """Return the outputs of what `fit_form` made, shape (n, outputs)."""
    outputs: Callable[..., NDArray[np.float32]] = {
        "softmax": log_probabilities,
        "sigmoid": log_odds,
        "number": predict_numbers,
    }[form]
    return outputs(model, X)


def dump(estimator: BaseEstimator | list[ClassifierMixin]) -> bytes:
    """Return a fitted classical model as the bytes of a file that runs nothing when read."""
    from skops.io import dumps

    return dumps(estimator, compression=zipfile.ZIP_DEFLATED)


def load(
    data: bytes, name: str = "The file of the classical model"
) -> BaseEstimator | list[ClassifierMixin]:
    """Read what `dump` wrote.

    Parameters
    ----------
    data : bytes
    name : str
        What messages call the file.

    Raises
    ------
    InputError
        If the bytes are damaged, or hold anything but one of our classical models.
    """
    from skops.io import get_untrusted_types, loads

    with as_damage(f"{name} is damaged ({{}}). Copy it again, or train again."):
        data = _with_present_names(data)
        strangers = sorted(set(get_untrusted_types(data=data)) - set(TRUSTED))
        estimator = None if strangers else loads(data, trusted=TRUSTED)
        # A list holds one model for each class.
        estimators = estimator if type(estimator) is list else [estimator]
        types = {described(each) for each in estimators}
        if strangers or not types <= MODELS:
            raise InputError(
                f"{name} holds {', '.join(strangers or sorted(types))}, which "
                "is none of our models. It is not used."
            )
        require_sound(estimator)
    return estimator


def _with_present_names(data: bytes) -> bytes:
    """Return an archive that names the present module of types which moved since."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
            raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = members.get("schema.json", b"").decode()
    renamed = schema
    for before, now in MOVED.items():
        renamed = renamed.replace(f'"{before}"', f'"{now}"')
    if renamed == schema:
        return data
    members["schema.json"] = renamed.encode()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return written.getvalue()
