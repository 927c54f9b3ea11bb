"""Inner folds of what is not tested: units of the split stay together, as they do in the split."""

from __future__ import annotations

import numpy as np

from cistron.base.errors import InputError
from cistron.samples.identical import identical
from cistron.samples.samples import Samples
from cistron.splits.allocate import allocate
from cistron.splits.components import components
from cistron.splits.split import TRAIN, VALIDATION, Split


def inner_folds(samples: Samples, split: Split, folds: int) -> tuple[Samples, Split]:
    """Return the samples that train or validate, and their split into folds.

    Raises
    ------
    InputError
        If all of them are one unit.
    """
    kept = np.flatnonzero(np.isin(split.part, [TRAIN, VALIDATION]))
    left, own = samples.take(kept), split.take(kept)
    together = [own.units, identical(left.payload)]
    if own.apart is not None:
        together.append(own.apart)
    units = components(together, len(left))
    folds = min(folds, len(np.unique(units)))
    if folds < 2:
        raise InputError(
            "model.kind: 'auto' compares candidates on inner folds, and all training samples "
            "belong together in this split. Name a model, or split by something finer."
        )
    fold = allocate(units, left.strata, [1 / folds] * folds, seed=(split.seed, folds))
    stopping = own.stopping
    if stopping is None and len(np.unique(units)) < 3 * folds:
        # Few units: one that stops training would leave too few, or none, to train on. What is
        # predicted stays apart from both.
        stopping = identical(left.payload)
    return left, Split(
        own.part,
        np.asarray(fold, dtype=np.int16),
        units,
        split.reason,
        max(split.validation, 0.1),
        split.seed,
        stopping=stopping,
    )
