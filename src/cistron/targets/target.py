"""What is asked of a sample, and everything that depends on it.

A kind of target is one file here: a frozen dataclass that extends `Target`; `kinds` lists them. A
target reads labels, says what a split balances, what a model learns and how many outputs it has,
turns outputs into predictions and columns of tables, fits calibration, and scores. Everyone else
asks the target.

`Samples.target` is the question; the targets in a classifier's `heads_` also hold what was fitted
for it on training and validation samples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cistron.base.errors import InputError
from cistron.targets.calls import Calls
from cistron.targets.metric import Metric
from cistron.targets.weighted import Floats, Integers

Form = Literal["softmax", "sigmoid", "number"]
"""How a model answers: one of its outputs, any of them, or the value of its only output."""

Truth = NDArray[Any]
"""What is true of n samples: class indices, int of shape (n,), -1 where unknown; which classes
they have, bool of shape (n, classes); or numbers, float of shape (n,)."""

Predictions = NDArray[np.float64] | Calls
"""What is predicted of n samples: probabilities of shape (n, classes), or Calls where a sample may
have several classes; numbers of shape (n,)."""

Named = Mapping[str, float] | str
"""Class weights as `training.class_weights` gives them: by name, "balanced" or "none"."""


@dataclass(frozen=True)
class Target(ABC):
    """What is asked of each sample.

    Parameters
    ----------
    name : str
        What is asked for.
    classes : tuple of str
        The possible answers; empty where numbers are asked for.
    separator : str
        What joins class names in a label; empty where a label is one name, or a number.
    """

    kind: ClassVar[str]
    form: ClassVar[Form]
    format: ClassVar[int] = 6
    """The oldest format of classifier.json that can say it."""
    answer: ClassVar[str]
    """What a classifier answers, in a sentence."""
    usual_metric: ClassVar[str]
    task: ClassVar[Literal["classes", "numbers"]] = "classes"
    """What a model must be able to predict."""
    words: ClassVar[str] = "classes"
    """What samples have, in a message."""
    samples: ClassVar[str]
    """What a message says of samples: "which have one class each"."""
    not_averaged: ClassVar[str] = ""
    """Why predictions of repeats are not averaged; empty where they are."""
    not_compared: ClassVar[str] = ""
    """Why runs are not compared, after the name of a run; empty where they are."""
    usual_baseline: ClassVar[str] = "majority"
    """The name, in metrics.json, of the baseline that looks at no sample."""
    linear: ClassVar[str] = "logistic regression"
    """The method of baselines that learn."""
    noun: ClassVar[str] = "label"
    """What a sample has, where one is copied from another."""
    predicted: ClassVar[tuple[str, ...]]
    """What a row of predictions holds."""
    calibration: ClassVar[str] = ""
    """When a classifier is calibrated, after "when"; empty where it cannot be."""

    name: str = "class"
    classes: tuple[str, ...] = ()
    separator: str = ""

    # Labels

    @abstractmethod
    def truth(self, labels: pd.Series) -> Truth:
        """Return what a column of labels says, one row a sample."""

    @abstractmethod
    def strata(self, truth: Truth) -> Integers:
        """Return what a split balances, one number a sample, shape (n,); -1 where unlabelled."""

    @abstractmethod
    def require_learnable(self, truth: Truth) -> None:
        """Refuse samples from which nothing can be learned.

        Raises
        ------
        InputError
        """

    def described(self) -> dict[str, str]:
        """Return what metrics.json says of the question beside the classes."""
        return {}

    def summary(self, truth: Truth) -> str:
        """Return a line about all samples; empty where counts of classes say everything."""
        return ""

    def memberships(self, truth: Truth) -> NDArray[np.bool_]:
        """Return which classes each sample has, shape (n, classes)."""
        return np.arange(len(self.classes)) == np.asarray(truth)[:, None]

    @property
    def positive(self) -> str | None:
        """The class that metrics of two classes are about; None where there is none."""
        return None

    @property
    def named_thresholds(self) -> dict[str, float]:
        """Probability from which each class is named; empty where the most probable one is."""
        return {}

    # Learning

    @property
    def outputs(self) -> int:
        """How many outputs of a model it reads."""
        return len(self.classes)

    def fitted_to(self, truth: Truth) -> Self:
        """Return the target with what it needs to know of the training samples."""
        return self

    def learned(self, truth: Truth) -> Truth:
        """Return what a model learns of the truth, of the same shape."""
        return truth

    @abstractmethod
    def class_weights(self, truth: Truth, named: Named) -> Floats:
        """Return the weight of each class in the loss, shape (classes,)."""

    def weights(self, truth: Truth, each: Floats, of_class: Floats) -> Floats:
        """Return the weight of each answer in the loss, of the shape of the truth.

        Parameters
        ----------
        truth : ndarray
        each : ndarray, shape (n,)
            Weights of the samples.
        of_class : ndarray, shape (classes,)
            See `class_weights`.
        """
        return of_class[truth] * each

    @abstractmethod
    def chances(self, truth: Truth) -> Floats:
        """Return how often samples are drawn where classes are to be drawn alike, shape (n,)."""

    def refuses(self, sampling: str, monitor: str, class_weights: object) -> str:
        """Return which training setting makes no sense for it, and the mend; empty where none.

        Parameters
        ----------
        sampling, monitor, class_weights
            As in the section `training`.
        """
        return ""

    def needs_outputs(self, temperature: bool) -> bool:
        """Return whether `calibrated` reads the outputs of validation samples."""
        return temperature

    @abstractmethod
    def calibrated(self, logits: ArrayLike, truth: Truth, temperature: bool, rule: str) -> Self:
        """Return the target with calibration and thresholds fitted on validation samples.

        Parameters
        ----------
        logits : array-like, shape (n, outputs)
        truth : ndarray
        temperature : bool
            Whether probabilities are calibrated.
        rule : {"f1", "mcc", "none"}
            What thresholds maximise, where there are any.
        """

    @classmethod
    @abstractmethod
    def mean_of(cls, members: Sequence[Self]) -> Self:
        """Return the target of the mean of calibrated outputs of an ensemble's members."""

    # Answers

    @property
    @abstractmethod
    def line(self) -> tuple[float, Floats]:
        """Slope, and shift of each output: they make calibrated logits, or numbers, of outputs."""

    def line_of(self, member: Self) -> tuple[float, Floats]:
        """Return the line of an ensemble's member in the unit of the ensemble's outputs."""
        return member.line

    @abstractmethod
    def predictions(self, outputs: ArrayLike) -> Predictions:
        """Return what outputs of shape (n, outputs) predict."""

    @abstractmethod
    def answers(self, outputs: ArrayLike) -> Floats:
        """Return the probability of each class, shape (n, classes), or the number, shape (n, 1)."""

    @abstractmethod
    def confidence(self, outputs: ArrayLike) -> Floats:
        """Return the probability of the most probable class, shape (n,); 1 without classes."""

    @abstractmethod
    def spread(self, each: Floats) -> Floats:
        """Return how far members of an ensemble are apart, shape (n,).

        Parameters
        ----------
        each : ndarray, shape (members, n, outputs)
            Their calibrated outputs.
        """

    @abstractmethod
    def columns(self, predictions: Predictions) -> dict[str, NDArray[Any]]:
        """Return `predicted`, and `p_<class>` of each class, of a table of predictions."""

    @abstractmethod
    def from_table(self, table: pd.DataFrame) -> Predictions:
        """Return the predictions of a table that has `columns`."""

    def probability_columns(self, probabilities: Floats) -> dict[str, Floats]:
        """Return the column `p_<class>` of each class."""
        return {f"p_{name}": probabilities[:, k] for k, name in enumerate(self.classes)}

    # Words of pages

    def measured(self) -> dict[str, str]:
        """Return the name and the description of what is asked."""
        return {"name": "label", "description": f"one of {', '.join(self.classes)}"}

    def told(self) -> str:
        """Return what a classifier does, after its name: "tells a, b"."""
        return f"tells {', '.join(self.classes)}"

    # Judging

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric of predictions, in the order in which they are reported."""

    @property
    def shown(self) -> list[Metric]:
        """The metrics that the command line prints, beginning with the usual one."""
        shown = [metric for metric in self.metrics if metric.shown]
        first = [metric.name for metric in shown].index(self.usual_metric)
        return shown[first:] + shown[:first]

    @abstractmethod
    def scores(
        self, truth: ArrayLike, predictions: Predictions, weights: ArrayLike | None = None
    ) -> dict[str, Floats]:
        """Return every metric, shape (...); weights have the shape (..., n)."""

    @abstractmethod
    def class_scores(
        self, truth: ArrayLike, predictions: Predictions, weights: ArrayLike | None = None
    ) -> dict[str, Floats]:
        """Return f1 and mcc of each class by itself, shape (classes, ...); of numbers nothing."""

    @abstractmethod
    def details(self, truth: Truth, predictions: Predictions) -> dict[str, Any]:
        """Return what is known beyond single numbers, of JSON types (NaN where undefined)."""

    @abstractmethod
    def right(self, truth: Truth, predictions: Predictions) -> tuple[str, Floats]:
        """Return how right each prediction is, shape (n,), and the name of the mean of that."""

    def watched(self, truth: Truth, logits: NDArray[np.float32]) -> dict[str, Floats]:
        """Return the metrics of uncalibrated logits, for the history of a training."""
        return self.scores(truth, self.predictions(logits))

    @abstractmethod
    def accuracy(self, labels: pd.Series, predictions: Predictions) -> float:
        """Return scikit-learn's default score: accuracy, or R² of numbers."""

    def metric(self, name: str) -> Metric:
        """Return the metric of that name.

        Raises
        ------
        ValueError
            If the target has none.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise ValueError(f"{name!r} is none of {', '.join(m.name for m in self.metrics)}")

    # Storage

    def document(self) -> dict[str, Any]:
        """Return the target as JSON types."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        common = {"temperature": 1.0, "shifts": (), "thresholds": ()}
        values = {**common, **known, "kind": self.kind}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def restore(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild what `document` returned."""
        known = {field.name for field in fields(cls)}
        values = {k: v for k, v in document.items() if k in known}
        known_values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**known_values)

    def question(self) -> dict[str, Any]:
        """Return what classifiers must have in common to be averaged, by what a message says."""
        return {
            "the answer is": self.answer,
            "what is asked for is": self.name,
            "the classes are": sorted(self.classes),
            "the separator of classes is": self.separator,
        }

    def with_classes(self, classes: Sequence[str]) -> Self:
        """Return the same question with other classes."""
        return replace(self, classes=tuple(classes))


def require_labelled(classes: Sequence[str]) -> None:
    """Refuse fewer than two classes.

    Raises
    ------
    InputError
    """
    if len(classes) < 2:
        raise InputError("Labelled samples of at least two classes are needed to train.")
