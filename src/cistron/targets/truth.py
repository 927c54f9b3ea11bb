"""What is true of samples, and what is predicted of them: the types that targets speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from cistron.base.arrays import Array
from cistron.targets.calls import Calls
from cistron.targets.weighted import Integers

LEAST = 1e-12  # probability that a loss takes for 0

Form = Literal["softmax", "sigmoid", "number"]
"""How a model answers: one of its outputs, any of them, or the value of its only output."""

Truth = Array
"""What is true of n samples: class indices, int of shape (n,), -1 where unknown; which classes
they have, bool of shape (n, classes); or numbers, float of shape (n,)."""

Predictions = NDArray[np.float64] | Calls
"""What is predicted of n samples: probabilities of shape (n, classes), or Calls where a sample may
have several classes; numbers of shape (n,)."""

Contrast = tuple[Integers, NDArray[np.float32]]
"""What is explained of n samples: the class of each, shape (n,), -1 of a number, and the weight of
each output in it, shape (n, outputs)."""

Temperature = Annotated[float, Field(ge=1e-6, le=1e6)]
"""What logits are divided by, as a saved classifier may have it."""

Probability = Annotated[float, Field(ge=0, le=1)]

Named = Mapping[str, float] | str
"""Class weights as `training.class_weights` gives them: by name, "balanced" or "none"."""


def as_predictions(predictions: ArrayLike | Calls) -> Predictions:
    """Return predictions as an array of float; calls stay as they are."""
    return predictions if isinstance(predictions, Calls) else np.asarray(predictions, np.float64)
