"""How much a sample counts for its class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError, nearest
from cistron.targets.target import Target
from cistron.targets.truth import Truth
from cistron.training.settings import TrainingSettings


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


def class_weights(target: Target, truth: Truth, settings: TrainingSettings) -> NDArray[np.float64]:
    """Return the weight of each class in the loss, shape (classes,): see `Target.class_weights`.

    Where samples are drawn balanced, each class counts the same already.

    Raises
    ------
    InputError
        If weights are given by name and the names are not those of the classes.
    """
    if target.classes:
        require_weights(target.classes, settings)
    named = settings.class_weights
    drawn = settings.sampling == "balanced" and not isinstance(named, dict)
    return target.class_weights(truth, "none" if drawn else named)
