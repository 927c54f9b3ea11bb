"""How much a sample counts for its class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError, nearest
from cistron.training.settings import TrainingSettings

LARGEST_WEIGHT = 20.0  # of having a rare class: more lets single samples decide


def require_weights(classes: Sequence[str], settings: TrainingSettings) -> None:
    """Refuse class weights that are not of these classes.

    Raises
    ------
    InputError
        If a class has no weight, or a weight no class.
    """
    chosen = settings.class_weights
    if not isinstance(chosen, dict):
        return
    for name in sorted(chosen.keys() - set(classes)):
        raise InputError(
            f"training.class_weights: there is no class {name!r}.{nearest(name, classes)} The "
            f"classes are: {', '.join(classes)}."
        )
    for name in classes:
        if name not in chosen:
            raise InputError(f"training.class_weights: the class {name!r} has no weight. Add it.")


def class_weights(
    targets: NDArray[Any], classes: list[str], settings: TrainingSettings
) -> NDArray[np.float64]:
    """Return the weight of each class, shape (classes,); `balanced` is n / (classes · n_class).

    Where a sample may have several classes (targets of bool, shape (n, classes)), it is the
    weight of having the class against 1 for lacking it; `balanced` is n_lacking / n_having, at
    most `LARGEST_WEIGHT`.

    Raises
    ------
    InputError
        If weights are given by name and the names are not those of the classes.
    """
    chosen = settings.class_weights
    if isinstance(chosen, dict):
        require_weights(classes, settings)
        return np.array([chosen[name] for name in classes])
    if chosen == "none" or settings.sampling == "balanced":
        return np.ones(len(classes))
    if targets.ndim == 2:
        having = targets.sum(axis=0)
        ratio = (len(targets) - having) / np.maximum(having, 1)
        return np.minimum(ratio, LARGEST_WEIGHT)
    counts = np.bincount(targets, minlength=len(classes))
    return len(targets) / (len(classes) * np.maximum(counts, 1))
