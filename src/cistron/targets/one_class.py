"""The target of samples that have one class each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.targets import class_metrics
from cistron.targets.calibration import apply, fit_temperature, softmax
from cistron.targets.class_metrics import OF_MANY, OF_TWO
from cistron.targets.curves import curves
from cistron.targets.memberships import require_labelled
from cistron.targets.metric import Metric
from cistron.targets.target import Target
from cistron.targets.truth import LEAST, Form, Named, Predictions, Temperature, Truth
from cistron.targets.weighted import Floats, Integers


@dataclass(frozen=True)
class OneClass(Target):
    """Which class a sample has.

    Parameters
    ----------
    name : str
    classes : tuple of str
        One output each; with two, the second is the positive one.
    temperature : float
        What logits are divided by.
    """

    kind: ClassVar[str] = "softmax"
    form: ClassVar[Form] = "softmax"
    format: ClassVar[int] = 1
    answer: ClassVar[str] = "one class"
    usual_metric: ClassVar[str] = "mcc"
    samples: ClassVar[str] = "which have one class each (samples.label_separator)"
    calibration: ClassVar[str] = (
        "of the samples it is 80\u202f% sure about, 80\u202f% are called correctly"
    )
    predicted: ClassVar[tuple[str, ...]] = (
        "the predicted class",
        "the calibrated probability of every class",
    )

    fewest: ClassVar[int] = 2

    temperature: Temperature = 1.0

    def truth(self, labels: pd.Series) -> Integers:
        """Return the index of each sample's class, shape (n,); -1 where unlabelled."""
        codes = pd.Categorical(labels, categories=list(self.classes)).codes
        return np.asarray(codes, dtype=np.int64)

    @property
    def positive(self) -> str | None:
        """The second of two classes."""
        return self.classes[-1] if len(self.classes) == 2 else None

    def strata(self, truth: Truth) -> Integers:
        """Return the classes."""
        return truth

    def require_learnable(self, truth: Truth) -> None:
        """Refuse fewer than two classes."""
        require_labelled(self.classes)

    def class_weights(self, truth: Truth, named: Named) -> Floats:
        """Return the weight of each class; `balanced` is n / (classes · n_class)."""
        if isinstance(named, Mapping):
            return np.array([named[name] for name in self.classes])
        if named == "none":
            return np.ones(len(self.classes))
        known = truth[truth >= 0]
        counts = np.bincount(known, minlength=len(self.classes))
        return len(known) / (len(self.classes) * np.maximum(counts, 1))

    def chances(self, truth: Truth) -> Floats:
        """Return one over the size of each sample's class."""
        return 1 / np.bincount(truth)[truth]

    def calibrated(
        self,
        logits: ArrayLike,
        truth: Truth,
        temperature: bool,
        rule: str,
    ) -> Self:
        """Return the target with the temperature of the samples whose class is known."""
        if not temperature:
            return self
        known = truth >= 0
        return replace(self, temperature=fit_temperature(np.asarray(logits)[known], truth[known]))

    def usual(self, truth: Truth) -> Truth:
        """Return the class that most samples have."""
        return np.asarray(self.prior(truth).argmax())

    def of_answers(self, answers: Floats) -> Floats:
        """Return the probabilities."""
        return answers

    @classmethod
    def mean_of(cls, members: Sequence[Self]) -> Self:
        """Return the first member's target, uncalibrated: members are calibrated already."""
        return replace(members[0], temperature=1.0)

    @property
    def line(self) -> tuple[float, Floats]:
        """One over the temperature, and no shift."""
        return 1 / self.temperature, np.zeros(self.outputs)

    def predictions(self, outputs: ArrayLike) -> Floats:
        """Return calibrated probabilities, shape (n, classes)."""
        return apply(outputs, self.temperature)

    def answers(self, outputs: ArrayLike) -> Floats:
        """Return calibrated probabilities, shape (n, classes)."""
        return self.predictions(outputs)

    def confidence(self, outputs: ArrayLike) -> Floats:
        """Return the probability of the most probable class, shape (n,)."""
        return self.predictions(outputs).max(axis=1, initial=0.0)

    def spread(self, each: Floats) -> Floats:
        """Return the standard deviation of the probability of the most probable class."""
        first = self.predictions(each.mean(axis=0)).argmax(axis=1)
        probabilities = softmax(each)
        return probabilities.std(axis=0, ddof=1)[np.arange(len(first)), first]

    def named(self, probabilities: Floats) -> NDArray[np.object_]:
        """Return the name of the most probable class, shape (n,)."""
        return np.array(self.classes, dtype=object)[probabilities.argmax(axis=1)]

    def columns(self, predictions: Predictions) -> Arrays:
        """Return `predicted` and the probability of each class."""
        probabilities = np.asarray(predictions)
        named = self.named(probabilities)
        return {"predicted": named, **self.probability_columns(probabilities)}

    def from_table(self, table: pd.DataFrame) -> Floats:
        """Return the probabilities of a table."""
        return table[[f"p_{name}" for name in self.classes]].to_numpy(dtype=np.float64)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Metrics of two classes, or of more."""
        return OF_TWO if len(self.classes) == 2 else OF_MANY

    def scores(
        self, truth: ArrayLike, predictions: Predictions, weights: ArrayLike | None = None
    ) -> dict[str, Floats]:
        """Return every metric (see `cistron.targets.class_metrics.scores`)."""
        return class_metrics.scores(truth, np.asarray(predictions), weights, self.metrics)

    def class_scores(
        self, truth: ArrayLike, predictions: Predictions, weights: ArrayLike | None = None
    ) -> dict[str, Floats]:
        """Return f1 and mcc of each class against all others."""
        return class_metrics.class_scores(truth, np.asarray(predictions), weights)

    def details(self, truth: Truth, predictions: Predictions) -> Document:
        """Return scores by class, the confusion of classes, calibration and curves."""
        probabilities, k = np.asarray(predictions), len(self.classes)
        called = probabilities.argmax(axis=1)
        drawn = {
            name: lines
            for c, (name, lines) in enumerate(
                zip(self.classes, curves(truth, probabilities), strict=True)
            )
            if lines is not None and (k > 2 or c == 1)
        }
        return {
            "per_class": class_metrics.per_class(truth, probabilities),
            "confusion": class_metrics.confusion(truth, called, k).tolist(),
            "calibration": class_metrics.reliability(truth, probabilities),
            "curves": drawn,
        }

    def accuracy(self, labels: pd.Series, predictions: Predictions) -> float:
        """Return the share of the labels that are predicted as they stand."""
        predicted = self.columns(predictions)["predicted"]
        return float((predicted == labels.to_numpy(dtype=object)).mean())

    def lost(self, truth: Truth, outputs: NDArray[np.floating]) -> Floats:
        """Return minus the logarithm of the probability of the true class."""
        share = np.clip(self.answers(outputs), LEAST, 1 - LEAST)
        known = self.memberships(truth)
        surprise = -np.log((share * known).sum(axis=1) + 1e-300)
        return np.where(known.any(axis=1), surprise, np.nan)

    def right(self, truth: Truth, predictions: Predictions) -> tuple[str, Floats]:
        """Return whether the class is called correctly."""
        correct = np.asarray(predictions).argmax(axis=1) == truth
        return "accuracy", correct.astype(np.float64)
