"""The target of samples that may have several classes each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.targets import set_metrics
from cistron.targets.calibration import fit_shifts, sigmoid
from cistron.targets.calls import Calls, call, choose_thresholds
from cistron.targets.curves import curves
from cistron.targets.memberships import read_memberships, require_labelled, strata, write_labels
from cistron.targets.metric import Metric
from cistron.targets.target import Target
from cistron.targets.truth import (
    LEAST,
    Form,
    Named,
    Predictions,
    Probability,
    Temperature,
    Truth,
)
from cistron.targets.weighted import Floats, Integers

LARGEST_WEIGHT = 20.0  # of having a rare class: more lets single samples decide


@dataclass(frozen=True)
class SeveralClasses(Target):
    """Which classes a sample has.

    Parameters
    ----------
    name : str
    classes : tuple of str
        One output each.
    separator : str
        What stands between the names of several classes in a label.
    temperature : float
        What logits are divided by.
    shifts : tuple of float
        What is then added, one number a class; empty for zeros.
    thresholds : tuple of float
        Probability from which a class is named; empty for 0.5.
    """

    kind: ClassVar[str] = "sigmoid"
    form: ClassVar[Form] = "sigmoid"
    format: ClassVar[int] = 2
    answer: ClassVar[str] = "any number of classes"
    usual_metric: ClassVar[str] = "macro_f1"
    samples: ClassVar[str] = "which may have several classes (samples.label_separator)"
    calibration: ClassVar[str] = (
        "of the classes it names with a probability of 80\u202f%, 80\u202f% are true"
    )
    predicted: ClassVar[tuple[str, ...]] = (
        "the predicted classes",
        "the calibrated probability of every class",
    )
    not_averaged: ClassVar[str] = (
        "samples with several classes (samples.label_separator) have thresholds that differ "
        "between repeats of a cross-validation, which cannot be averaged"
    )
    not_compared: ClassVar[str] = (
        "gives samples several classes (samples.label_separator), and only runs of one class a "
        "sample can be compared. Its own report has its scores with intervals."
    )

    separator: str = ";"
    fewest: ClassVar[int] = 1

    temperature: Temperature = 1.0
    shifts: tuple[float, ...] = ()
    thresholds: tuple[Probability, ...] = ()

    def truth(self, labels: pd.Series) -> NDArray[np.bool_]:
        """Return which classes each sample has, shape (n, classes)."""
        return read_memberships(labels, self.classes, self.separator)

    def strata(self, truth: Truth) -> Integers:
        """Return combinations of classes, rare ones pooled; -1 where there is none."""
        return strata(truth)

    def require_learnable(self, truth: Truth) -> None:
        """Refuse fewer than two classes."""
        require_labelled(self.classes)

    def labels(self, truth: Truth) -> Integers:
        """Return the combination of classes, -1 where there is none."""
        combination = np.unique(truth, axis=0, return_inverse=True)[1].reshape(-1)
        return np.where(truth.any(axis=1), combination, -1)

    def described(self) -> dict[str, str]:
        """Return the separator."""
        return {"label_separator": self.separator}

    def summary(self, truth: Truth) -> str:
        """Return how many samples have several classes."""
        return f"Samples of several classes: {int((truth.sum(axis=1) > 1).sum()):,}"

    def measured(self) -> dict[str, str]:
        """Return the name and the classes that a sample may have."""
        return {"name": "label", "description": f"any of {', '.join(self.classes)}"}

    def memberships(self, truth: Truth) -> NDArray[np.bool_]:
        """Return the truth."""
        return truth

    def class_weights(self, truth: Truth, named: Named) -> Floats:
        """Return the weight of having a class against 1 for lacking it.

        `balanced` is n_lacking / n_having, at most `LARGEST_WEIGHT`.
        """
        if isinstance(named, Mapping):
            return np.array([named[name] for name in self.classes])
        if named == "none":
            return np.ones(len(self.classes))
        having = truth.sum(axis=0)
        ratio = (len(truth) - having) / np.maximum(having, 1)
        return np.minimum(ratio, LARGEST_WEIGHT)

    def weights(self, truth: Truth, each: Floats, of_class: Floats) -> Floats:
        """Return the weight of each class of each sample, shape (n, classes)."""
        return np.where(truth, of_class, 1.0) * each[:, None]

    def chances(self, truth: Truth) -> Floats:
        """Return the sum of one over the size of each class that a sample has."""
        return truth @ (1 / np.maximum(truth.sum(axis=0), 1))

    def refuses(self, sampling: str, monitor: str, class_weights: object) -> str:
        """Refuse to stop by a metric of one class a sample."""
        if monitor in ("loss", "metric"):
            return ""
        return (
            f"training.monitor: {monitor!r} is no metric of samples with several classes "
            "(samples.label_separator). Use loss."
        )

    def needs_outputs(self, temperature: bool) -> bool:
        """Return true: thresholds are chosen by them."""
        return True

    def calibrated(self, logits: ArrayLike, truth: Truth, temperature: bool, rule: str) -> Self:
        """Return the target with one temperature, and a shift and a threshold for each class."""
        target = self
        if temperature:
            divisor, shifts = fit_shifts(logits, truth)
            target = replace(self, temperature=divisor, shifts=tuple(shifts.tolist()))
        return target.tuned(truth, target.probabilities(logits), rule)

    def tuned(self, truth: Truth, answers: Floats, rule: str) -> Self:
        """Return the target with the threshold of each class that is best for the answers."""
        thresholds = choose_thresholds(truth, answers, rule)
        return replace(self, thresholds=tuple(thresholds.tolist()))

    def usual(self, truth: Truth) -> Truth:
        """Return the class that most samples have, as a set of its own."""
        return np.arange(len(self.classes)) == truth.sum(axis=0).argmax()

    def of_answers(self, answers: Floats) -> Calls:
        """Return the probabilities together with the classes that are named because of them."""
        return Calls(answers, self.called(answers))

    def copied(self, prior: Floats, truth: Truth, identity: Floats) -> Calls:
        """Return the sets of other samples; the usual classes where there is none."""
        there, believed = ~np.isnan(identity)[:, None], np.nan_to_num(identity)[:, None]
        probabilities = prior + believed * (truth - prior)
        return Calls(probabilities, np.where(there, truth, self.called(prior[None])))

    @classmethod
    def mean_of(cls, members: Sequence[Self]) -> Self:
        """Return the first member's target with the mean of the members' thresholds."""
        first, thresholds = members[0], ()
        if all(member.thresholds for member in members):
            each = [[member.named_thresholds[name] for name in first.classes] for member in members]
            thresholds = tuple(np.mean(each, axis=0).tolist())
        return replace(first, temperature=1.0, shifts=(), thresholds=thresholds)

    @property
    def named_thresholds(self) -> dict[str, float]:
        """Threshold of each class."""
        return dict(zip(self.classes, self.thresholds, strict=True))

    @property
    def line(self) -> tuple[float, Floats]:
        """One over the temperature, and the shifts."""
        return 1 / self.temperature, np.array(self.shifts or np.zeros(self.outputs))

    def probabilities(self, outputs: ArrayLike) -> Floats:
        """Return the calibrated probability of each class, shape (n, classes)."""
        scaled = np.asarray(outputs, dtype=np.float64) / self.temperature
        return sigmoid(scaled + np.array(self.shifts or 0.0))

    def called(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Return the classes that reach their thresholds; where none does, the most probable."""
        return call(probabilities, np.array(self.thresholds or 0.5))

    def predictions(self, outputs: ArrayLike) -> Calls:
        """Return probabilities together with the classes that are named because of them."""
        return self.of_answers(self.probabilities(outputs))

    def answers(self, outputs: ArrayLike) -> Floats:
        """Return the calibrated probability of each class, shape (n, classes)."""
        return self.probabilities(outputs)

    def confidence(self, outputs: ArrayLike) -> Floats:
        """Return the probability of the most probable class, shape (n,)."""
        return self.probabilities(outputs).max(axis=1, initial=0.0)

    def spread(self, each: Floats) -> Floats:
        """Return the standard deviation of the probability of the most probable class."""
        first = self.probabilities(each.mean(axis=0)).argmax(axis=1)
        return sigmoid(each).std(axis=0, ddof=1)[np.arange(len(first)), first]

    def named(self, probabilities: Floats) -> NDArray[np.object_]:
        """Return the names of the classes that are called, joined, shape (n,)."""
        return write_labels(self.called(probabilities), self.classes, self.separator)

    def columns(self, predictions: Predictions) -> Arrays:
        """Return `predicted`, the names joined, and the probability of each class."""
        calls = _calls(predictions)
        names = write_labels(calls.called, self.classes, self.separator)
        return {"predicted": names, **self.probability_columns(calls.probabilities)}

    def from_table(self, table: pd.DataFrame) -> Calls:
        """Return the probabilities and the named classes of a table."""
        probabilities = table[[f"p_{name}" for name in self.classes]].to_numpy(dtype=np.float64)
        return Calls(probabilities, self.truth(table["predicted"]))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Metrics of sets of classes."""
        return set_metrics.METRICS

    def scores(
        self, truth: ArrayLike, predictions: Predictions, weights: ArrayLike | None = None
    ) -> dict[str, Floats]:
        """Return every metric (see `cistron.targets.set_metrics.scores`)."""
        return set_metrics.scores(truth, _calls(predictions), weights, self.metrics)

    def class_scores(
        self, truth: ArrayLike, predictions: Predictions, weights: ArrayLike | None = None
    ) -> dict[str, Floats]:
        """Return f1 and mcc of each class by itself."""
        return set_metrics.class_scores(truth, _calls(predictions), weights)

    def details(self, truth: Truth, predictions: Predictions) -> Document:
        """Return scores by class, sizes of sets, calibration and curves."""
        calls = _calls(predictions)
        drawn = zip(self.classes, curves(truth, calls.probabilities), strict=True)
        return {
            "per_class": set_metrics.per_class(truth, calls),
            "set_sizes": set_metrics.set_sizes(truth, calls),
            "calibration": set_metrics.reliability(truth, calls),
            "curves": {name: lines for name, lines in drawn if lines is not None},
        }

    def accuracy(self, labels: pd.Series, predictions: Predictions) -> float:
        """Return the share of the labels that are predicted as they stand."""
        predicted = self.columns(predictions)["predicted"]
        return float((predicted == labels.to_numpy(dtype=object)).mean())

    def lost(self, truth: Truth, outputs: NDArray[np.floating]) -> Floats:
        """Return the mean surprise over the classes."""
        share = np.clip(self.answers(outputs), LEAST, 1 - LEAST)
        return -np.where(truth, np.log(share), np.log1p(-share)).mean(axis=1)

    def right(self, truth: Truth, predictions: Predictions) -> tuple[str, Floats]:
        """Return the Jaccard index of the classes that are true and named."""
        return "jaccard", set_metrics.overlap(truth, _calls(predictions).called)

    def watched(self, truth: Truth, logits: NDArray[np.float32]) -> dict[str, Floats]:
        """Return the metrics of classes of at least even odds."""
        return self.scores(np.asarray(truth) > 0, Calls(sigmoid(logits), logits >= 0))


def _calls(predictions: Predictions) -> Calls:
    if not isinstance(predictions, Calls):
        raise TypeError("predictions of several classes a sample are Calls")
    return predictions
