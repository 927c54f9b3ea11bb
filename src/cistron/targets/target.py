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
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict

from cistron.base.arrays import Arrays
from cistron.base.document import Document, Json
from cistron.base.errors import InputError, nearest
from cistron.base.untrusted import checked
from cistron.targets.metric import Metric
from cistron.targets.truth import Contrast, Named, Predictions, Truth
from cistron.targets.weighted import Floats, Integers
from cistron.targets.words import Words


@dataclass(frozen=True)
class Target(Words, ABC):
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

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False)
    fewest: ClassVar[int] = 0  # classes of a classifier

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

    def labels(self, truth: Truth) -> Integers:
        """Return the same number for equal labels, shape (n,); -1 where none is shared."""
        return self.strata(truth)

    def wholes(self, truth: Truth) -> dict[str, NDArray[np.bool_]]:
        """Return which samples have each class, shape (n,); without classes all samples."""
        return dict(zip(self.classes, self.memberships(truth).T, strict=True))

    def described(self) -> Document:
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

        `each` has the weights of the samples, `of_class` those of the classes.
        """
        return of_class[truth] * each

    @abstractmethod
    def chances(self, truth: Truth) -> Floats:
        """Return how often samples are drawn where classes are to be drawn alike, shape (n,)."""

    def refuses(self, sampling: str, monitor: str, class_weights: object) -> str:
        """Return which key of `training` makes no sense for it, and the mend; empty where none."""
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

    # Guessing, from the truth of other samples

    def certain(self, truth: Truth) -> Floats:
        """Return the answers that are certain of the truth, shape (n, classes), or (n, 1)."""
        return self.memberships(truth).astype(np.float64)

    def prior(self, truth: Truth) -> Floats:
        """Return the mean of certain answers, shape (classes,), or (1,)."""
        return self.certain(truth).mean(axis=0)

    @abstractmethod
    def usual(self, truth: Truth) -> Truth:
        """Return what is true of most samples, or the mean number: the truth of one sample."""

    def tuned(self, truth: Truth, answers: Floats, rule: str) -> Self:
        """Return the target with thresholds chosen by answers to validation samples, if any."""
        return self

    @abstractmethod
    def of_answers(self, answers: Floats) -> Predictions:
        """Return what `answers` predict."""

    def copied(self, prior: Floats, truth: Truth, identity: Floats) -> Predictions:
        """Return the truth of other samples, believed as far as these are identical.

        Parameters
        ----------
        prior : ndarray
            What is answered where nothing is known.
        truth : ndarray
            That of the other samples; not read where there is none.
        identity : ndarray, shape (n,)
            From 0 to 1; NaN where there is no other sample.
        """
        believed = np.nan_to_num(identity)[:, None]
        return self.of_answers(prior + believed * (self.certain(truth) - prior))

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
        """Return how far an ensemble's members are apart, shape (n,), from their outputs.

        `each` has the shape (members, n, outputs) and is calibrated.
        """

    @abstractmethod
    def columns(self, predictions: Predictions) -> Arrays:
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
    def details(self, truth: Truth, predictions: Predictions) -> Document:
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
        """Return the metric of that name; raise ValueError where the target has none."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise ValueError(f"{name!r} is none of {', '.join(m.name for m in self.metrics)}")

    # Explaining

    @property
    def exclusive(self) -> bool:
        """Whether exactly one of the outputs is the answer."""
        return self.form == "softmax"

    @property
    def unit(self) -> float:
        """What one unit of an output is in the unit of the answer: 1 of logits."""
        return 1.0

    @property
    def slope(self) -> float:
        """What contributions to an output are multiplied with before members are averaged."""
        return self.line[0]

    def contrast(self, name: str | None, outputs: NDArray[np.floating]) -> Contrast:
        """Return what is explained of samples.

        The output of a class; of two exclusive classes the difference of the two, since both
        together can change without changing any probability; of a number the number, in its unit.

        Parameters
        ----------
        name : str or None
            A class; "predicted", each sample's own; None is the second of two classes, else
            predicted.
        outputs : ndarray, shape (n, outputs)

        Raises
        ------
        InputError
            If there is no such class.
        """
        names = list(self.classes)
        if name in names:
            chosen = np.full(len(outputs), names.index(name))
        elif name is None and len(names) == 2:
            chosen = np.ones(len(outputs), dtype=np.int64)
        elif name in (None, "predicted"):
            chosen = self.answers(outputs).argmax(axis=1)
        else:
            raise InputError(
                f"class: there is no class {name!r}.{nearest(str(name), names)} The classes are: "
                f"{', '.join(names)}; or say predicted."
            )
        weights = np.eye(len(names), dtype=np.float32)[chosen]
        if self.exclusive and len(names) == 2:
            weights = 2 * weights - 1
        return chosen.astype(np.int64), weights

    def contrast_of(
        self, member: Self, classes: Integers, weights: NDArray[np.float32]
    ) -> Contrast:
        """Return for an ensemble's member what is explained of the ensemble."""
        place = np.array([member.classes.index(name) for name in self.classes])
        own = np.empty_like(weights)
        own[:, place] = weights
        return place[classes], own

    @abstractmethod
    def lost(self, truth: Truth, outputs: NDArray[np.floating]) -> Floats:
        """Return the loss of each sample, shape (n,); NaN where the truth is not known."""

    # Storage

    def document(self) -> Document:
        """Return the target as JSON types."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        common = {"temperature": 1.0, "shifts": (), "thresholds": ()}
        values = {**common, **known, "kind": self.kind}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def restore(cls, document: Json) -> Self:
        """Rebuild what `document` returned; raise ValueError where a value cannot be."""
        names = [field.name for field in fields(cls) if field.name in document]
        target = checked(cls, {name: document[name] for name in names})
        if len(set(target.classes)) < max(len(target.classes), cls.fewest):
            raise ValueError(f"classes: {cls.fewest} or more different names are needed")
        for name in ("shifts", "thresholds"):
            if len(getattr(target, name, ())) not in (0, len(target.classes)):
                raise ValueError(f"{name}: there should be one number for each class")
        return target

    def question(self) -> Document:
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
