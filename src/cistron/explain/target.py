"""Which output of a classifier is explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError, nearest
from cistron.targets.target import Target as Head


@dataclass(frozen=True, eq=False)
class Target:
    """What is explained of n samples.

    Parameters
    ----------
    classes : ndarray of int64, shape (n,)
        Index of the class; -1 of a number.
    weights : ndarray of float32, shape (n, outputs)
        The logits times these, summed, are explained.
    """

    classes: NDArray[np.int64]
    weights: NDArray[np.float32]

    def of(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return what is explained, shape (n,), from logits, shape (n, outputs)."""
        return (np.asarray(logits, dtype=np.float64) * self.weights).sum(axis=1)


@dataclass(frozen=True, eq=False)
class Scale:
    """What contributions add up on.

    Parameters
    ----------
    name : {"logit", "probability"}
    values : callable
        Logits → what is weighed, both of shape (n, outputs).
    weights : callable
        Target → weights, shape (n, outputs), of these values.
    """

    name: str
    values: Callable[[NDArray[np.floating]], NDArray[np.float64]]
    weights: Callable[[Target], NDArray[np.floating]]


LOGITS = Scale("logit", lambda logits: logits.astype(np.float64), lambda target: target.weights)


def choose_target(head: Head, logits: NDArray[np.floating], name: str | None) -> Target:
    """Return what is explained.

    The logit of a class; of two exclusive classes the difference of the two logits (the log-odds),
    since both together can change without changing any probability; of a number the number, in its
    own unit.

    Parameters
    ----------
    head : Head
    logits : ndarray, shape (n, outputs)
        Of the samples.
    name : str or None
        A class; "predicted", each sample's own; None is the second of two classes, else predicted.

    Raises
    ------
    InputError
        If there is no such class.
    """
    n, outputs = len(logits), head.outputs
    if head.kind == "number":
        if name is not None:
            raise InputError(f"class: {name!r} is asked for, and the classifier predicts a number.")
        scale = np.full((n, 1), head.scale, dtype=np.float32)
        return Target(np.full(n, -1), scale)
    names = list(head.classes)
    if name in names:
        chosen = np.full(n, names.index(name))
    elif name is None and len(names) == 2:
        chosen = np.ones(n, dtype=np.int64)
    elif name in (None, "predicted"):
        chosen = head.probabilities(logits).argmax(axis=1)
    else:
        raise InputError(
            f"class: there is no class {name!r}.{nearest(str(name), names)} The classes are: "
            f"{', '.join(names)}; or say predicted."
        )
    weights = np.eye(outputs, dtype=np.float32)[chosen]
    if head.kind == "softmax" and outputs == 2:
        weights = 2 * weights - 1
    return Target(chosen.astype(np.int64), weights)
