"""What a classifier answers: which class a sample has, which classes, or which number.

A head turns some of the model's outputs (logits) into probabilities and names. A classifier has
one; of a second target it has two, whose outputs stand side by side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cistron.targets.calibration import apply, fit_shifts, sigmoid
from cistron.targets.memberships import write_labels
from cistron.targets.several import Calls, call, choose_thresholds

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """One question that a classifier answers.

    Parameters
    ----------
    name : str
        What is asked for.
    classes : tuple of str
        The possible answers, one output each.
    kind : {"softmax", "sigmoid", "number"}
        Exactly one class, any number of them, or no class but a number.
    separator : str
        What stands between the names of several classes.
    temperature : float
        What logits are divided by.
    shifts : tuple of float
        What is then added, of a sigmoid head: one number a class; empty for zeros.
    thresholds : tuple of float
        Probability from which a class is named, of a sigmoid head; empty for 0.5.
    center, scale : float
        Mean and standard deviation of a number over the training samples; models learn it
        standardised.
    """

    name: str
    classes: tuple[str, ...]
    kind: Literal["softmax", "sigmoid", "number"] = "softmax"
    separator: str = ""
    temperature: float = 1.0
    shifts: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()
    center: float = 0.0
    scale: float = 1.0

    @classmethod
    def of_number(cls, name: str, numbers: Floats) -> Self:
        """Return the head of a number, from those of the training samples, shape (n,)."""
        spread = float(numbers.std())
        return cls(name, (), "number", center=float(numbers.mean()), scale=spread or 1.0)

    @property
    def outputs(self) -> int:
        """How many outputs of a model it reads."""
        return 1 if self.kind == "number" else len(self.classes)

    @property
    def line(self) -> tuple[float, Floats]:
        """Slope, and shift of each output: of outputs they make calibrated logits, or numbers."""
        if self.kind == "number":
            return self.scale, np.array([self.center])
        return 1 / self.temperature, np.array(self.shifts or np.zeros(self.outputs))

    def standardised(self, numbers: Floats) -> Floats:
        """Return numbers as a model learns them, shape (n,)."""
        return (numbers - self.center) / self.scale

    def values(self, outputs: ArrayLike) -> Floats:
        """Return the numbers that outputs of shape (n, 1) stand for, shape (n,)."""
        return np.asarray(outputs, dtype=np.float64)[:, 0] * self.scale + self.center

    def probabilities(self, logits: ArrayLike) -> Floats:
        """Return calibrated probabilities, shape (n, classes)."""
        if self.kind == "softmax":
            return apply(logits, self.temperature)
        scaled = np.asarray(logits, dtype=np.float64) / self.temperature
        return sigmoid(scaled + np.array(self.shifts or 0.0))

    def called(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Return which classes are named, shape (n, classes).

        The most probable one; of a sigmoid head those that reach their thresholds, and where none
        does the most probable one.
        """
        if self.kind == "softmax":
            return np.eye(len(self.classes), dtype=bool)[probabilities.argmax(axis=1)]
        return call(probabilities, np.array(self.thresholds or 0.5))

    def named(self, probabilities: Floats) -> NDArray[np.object_]:
        """Return the names of the classes that are called, shape (n,)."""
        if self.kind == "softmax":
            return np.array(self.classes, dtype=object)[probabilities.argmax(axis=1)]
        return write_labels(self.called(probabilities), self.classes, self.separator)

    def columns(self, outputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Return what a table of predictions says: `predicted`, and `p_<class>` for each class.

        Parameters
        ----------
        outputs : array-like, shape (n, outputs)
        """
        if self.kind == "number":
            return {"predicted": self.values(outputs)}
        probabilities = self.probabilities(outputs)
        return {"predicted": self.named(probabilities), **self.shares(probabilities)}

    def shares(self, probabilities: Floats) -> dict[str, Floats]:
        """Return the column `p_<class>` of each class."""
        return {f"p_{name}": probabilities[:, k] for k, name in enumerate(self.classes)}

    def calls(self, probabilities: Floats) -> Calls:
        """Return probabilities together with what is named because of them."""
        return Calls(probabilities, self.called(probabilities))

    @property
    def named_thresholds(self) -> dict[str, float]:
        """Threshold of each class."""
        return dict(zip(self.classes, self.thresholds, strict=True))

    def fitted(
        self, logits: ArrayLike, memberships: NDArray[np.bool_], calibrate: bool, rule: str
    ) -> Self:
        """Return a sigmoid head calibrated, and with thresholds, on validation samples.

        Parameters
        ----------
        logits : array-like, shape (n, classes)
        memberships : ndarray of bool, shape (n, classes)
        calibrate : bool
        rule : {"f1", "mcc", "none"}
            What each class's threshold maximises.
        """
        head = self
        if calibrate:
            temperature, shifts = fit_shifts(logits, memberships)
            head = replace(self, temperature=temperature, shifts=tuple(shifts.tolist()))
        chosen = choose_thresholds(memberships, head.probabilities(logits), rule)
        return replace(head, thresholds=tuple(chosen.tolist()))

    def document(self) -> dict[str, Any]:
        """Return the head as JSON types."""
        found = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        if self.kind != "number":
            del found["center"], found["scale"]
        return found

    @classmethod
    def restore(cls, document: dict[str, Any]) -> Self:
        """Rebuild what `document` returned."""
        found: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in document.items()
        }
        return cls(**found)
