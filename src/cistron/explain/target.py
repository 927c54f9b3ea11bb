"""Which output of a classifier is explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    """Return what is explained: see `cistron.targets.target.Target.contrast`."""
    return Target(*head.contrast(name, logits))
