"""The target of samples that have a number each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.targets import number_metrics
from cistron.targets.metric import Metric
from cistron.targets.quantities import quantile_strata, require_spread
from cistron.targets.target import Target
from cistron.targets.truth import Contrast, Form, Named, Predictions, Truth
from cistron.targets.weighted import Floats, Integers


@dataclass(frozen=True)
class Number(Target):
    """Which number a sample has.

    Parameters
    ----------
    name : str
        What the number is called.
    center, scale : float
        Mean and standard deviation over the training samples; models learn the number
        standardised.
    """

    kind: ClassVar[str] = "number"
    form: ClassVar[Form] = "number"
    format: ClassVar[int] = 3
    answer: ClassVar[str] = "a number"
    usual_metric: ClassVar[str] = "r2"
    task: ClassVar[Literal["classes", "numbers"]] = "numbers"
    words: ClassVar[str] = "a number"
    samples: ClassVar[str] = "that have a number"
    not_averaged: ClassVar[str] = (
        "predicted numbers are not averaged over repeats of a cross-validation"
    )
    not_compared: ClassVar[str] = (
        "predicts numbers, and only runs of samples with one class each are compared so far."
    )
    usual_baseline: ClassVar[str] = "mean"
    shared: ClassVar[bool] = False
    balanced: ClassVar[str] = "Shares of the number's quintiles"
    linear: ClassVar[str] = "ridge regression"
    noun: ClassVar[str] = "number"
    predicted: ClassVar[tuple[str, ...]] = ("the predicted number",)

    center: float = 0.0
    scale: Annotated[float, Field(gt=0)] = 1.0

    def truth(self, labels: pd.Series) -> Floats:
        """Return the numbers, shape (n,); NaN where there is none."""
        return pd.to_numeric(labels, errors="coerce").to_numpy(dtype=np.float64)

    def strata(self, truth: Truth) -> Integers:
        """Return the quintile that each number is in."""
        return quantile_strata(truth)

    def require_learnable(self, truth: Truth) -> None:
        """Refuse missing numbers, too few numbers, and numbers that are all equal."""
        missing = ~np.isfinite(truth)
        if missing.any():
            raise InputError(
                f"{missing.sum():,} of {len(truth):,} samples have no number. Leave them out "
                "before training."
            )
        require_spread(truth, "samples")

    def labels(self, truth: Truth) -> Integers:
        """Return -1 for every sample: hardly two have the same number."""
        return np.full(len(truth), -1)

    def wholes(self, truth: Truth) -> dict[str, NDArray[np.bool_]]:
        """Return all samples."""
        return {"all samples": np.ones(len(truth), dtype=bool)}

    def described(self) -> dict[str, str]:
        """Return what the number is called."""
        return {"quantity": self.name}

    def summary(self, truth: Truth) -> str:
        """Return the lowest, the highest and the median number."""
        low, middle, high = np.quantile(truth, [0, 0.5, 1])
        return f"{self.name}: {low:.4g} to {high:.4g}, median {middle:.4g}"

    def measured(self) -> dict[str, str]:
        """Return the name of the number."""
        return {"name": self.name}

    def told(self) -> str:
        """Return that the number is predicted."""
        return f"predicts {self.name}"

    def memberships(self, truth: Truth) -> NDArray[np.bool_]:
        """Return an array of no columns: there are no classes."""
        return np.zeros((len(truth), 0), dtype=bool)

    @property
    def outputs(self) -> int:
        """One."""
        return 1

    def fitted_to(self, truth: Truth) -> Self:
        """Return the target with the mean and the standard deviation of the training samples."""
        return replace(self, center=float(truth.mean()), scale=float(truth.std()) or 1.0)

    def learned(self, truth: Truth) -> Floats:
        """Return the numbers standardised, shape (n,)."""
        return (truth - self.center) / self.scale

    def class_weights(self, truth: Truth, named: Named) -> Floats:
        """Return no weights: there are no classes."""
        return np.ones(0)

    def weights(self, truth: Truth, each: Floats, of_class: Floats) -> Floats:
        """Return the weights of the samples, shape (n,)."""
        return each

    def chances(self, truth: Truth) -> Floats:
        """Return the same for every sample."""
        return np.ones(len(truth))

    def refuses(self, sampling: str, monitor: str, class_weights: object) -> str:
        """Refuse to draw or weight samples by class, and to stop by a metric of classes."""
        for key, value, usual in (
            ("sampling", sampling, "natural"),
            ("monitor", monitor, "loss"),
        ):
            if value not in (usual, "metric"):
                return (
                    f"training.{key}: {value!r} is of classes, and the samples have a number. Use "
                    f"{usual}."
                )
        if isinstance(class_weights, Mapping):
            return (
                "training.class_weights: the samples have a number and no classes. Leave the key "
                "out; weights of samples are a column (samples.weight)."
            )
        return ""

    def needs_outputs(self, temperature: bool) -> bool:
        """Return false: numbers are not calibrated."""
        return False

    def calibrated(
        self,
        logits: ArrayLike,
        truth: Truth,
        temperature: bool,
        rule: str,
    ) -> Self:
        """Return the target: numbers are not calibrated."""
        return self

    def certain(self, truth: Truth) -> Floats:
        """Return the numbers, shape (n, 1)."""
        return np.asarray(truth)[:, None]

    def usual(self, truth: Truth) -> Truth:
        """Return the mean."""
        return truth.mean()

    def of_answers(self, answers: Floats) -> Floats:
        """Return the numbers, shape (n,)."""
        return answers[:, 0]

    @classmethod
    def mean_of(cls, members: Sequence[Self]) -> Self:
        """Return the target with the mean of the members' centers and scales."""
        center = float(np.mean([member.center for member in members]))
        scale = float(np.mean([member.scale for member in members]))
        return replace(members[0], center=center, scale=scale)

    @property
    def temperature(self) -> float:
        """1: nothing is divided."""
        return 1.0

    @property
    def line(self) -> tuple[float, Floats]:
        """The scale, and the center."""
        return self.scale, np.array([self.center])

    def line_of(self, member: Self) -> tuple[float, Floats]:
        """Return the member's line, standardised by the center and scale of the ensemble."""
        slope, shift = member.line
        return slope / self.scale, (shift - self.center) / self.scale

    def predictions(self, outputs: ArrayLike) -> Floats:
        """Return the numbers that outputs of shape (n, 1) say, shape (n,)."""
        return np.asarray(outputs, dtype=np.float64)[:, 0] * self.scale + self.center

    def answers(self, outputs: ArrayLike) -> Floats:
        """Return the numbers, shape (n, 1)."""
        return self.predictions(outputs)[:, None]

    def confidence(self, outputs: ArrayLike) -> Floats:
        """Return 1 for every sample: a number has no probability."""
        return np.ones(len(np.asarray(outputs)))

    def spread(self, each: Floats) -> Floats:
        """Return the standard deviation of the number."""
        return each[:, :, 0].std(axis=0, ddof=1) * self.scale

    def columns(self, predictions: Predictions) -> Arrays:
        """Return `predicted`, the number."""
        return {"predicted": np.asarray(predictions)}

    def from_table(self, table: pd.DataFrame) -> Floats:
        """Return the numbers of a table."""
        return table["predicted"].to_numpy(dtype=np.float64)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Metrics of numbers."""
        return number_metrics.METRICS

    def scores(
        self, truth: ArrayLike, predictions: Predictions, weights: ArrayLike | None = None
    ) -> dict[str, Floats]:
        """Return every metric (see `cistron.targets.number_metrics.scores`)."""
        return number_metrics.scores(truth, np.asarray(predictions), weights, self.metrics)

    def class_scores(
        self,
        truth: ArrayLike,
        predictions: Predictions,
        weights: ArrayLike | None = None,
    ) -> dict[str, Floats]:
        """Return nothing: there are no classes."""
        return {}

    def details(self, truth: Truth, predictions: Predictions) -> Document:
        """Return means of what was measured by what was predicted."""
        return {"quantiles": number_metrics.by_quantile(truth, np.asarray(predictions))}

    def accuracy(self, labels: pd.Series, predictions: Predictions) -> float:
        """Return R²."""
        return float(self.scores(self.truth(labels), predictions)["r2"])

    @property
    def unit(self) -> float:
        """The standard deviation over the training samples."""
        return self.scale

    @property
    def slope(self) -> float:
        """1: contributions are in the unit of the number already."""
        return 1.0

    def contrast(self, name: str | None, outputs: NDArray[np.floating]) -> Contrast:
        """Return the number itself, in its unit; refuse the name of a class."""
        if name is not None:
            raise InputError(f"class: {name!r} is asked for, and the classifier predicts a number.")
        scale = np.full((len(outputs), 1), self.scale, dtype=np.float32)
        return np.full(len(outputs), -1), scale

    def contrast_of(
        self, member: Self, classes: Integers, weights: NDArray[np.float32]
    ) -> Contrast:
        """Return the member's number, in its unit."""
        return classes, np.full_like(weights, member.scale)

    def lost(self, truth: Truth, outputs: NDArray[np.floating]) -> Floats:
        """Return the squared error."""
        return (self.predictions(outputs) - truth) ** 2

    def right(self, truth: Truth, predictions: Predictions) -> tuple[str, Floats]:
        """Return the absolute error."""
        return "mae", np.abs(np.asarray(predictions) - truth)

    def watched(self, truth: Truth, logits: NDArray[np.float32]) -> dict[str, Floats]:
        """Return the metrics of standardised numbers."""
        return self.scores(truth, np.asarray(logits[:, 0], dtype=np.float64))
