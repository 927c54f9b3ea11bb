"""Labels fitted on the training part, once the split says which samples that is.

Percentiles of expression are estimated, and so they are estimated on training genes only. Samples
that come with a rule (`Samples.rule`) are split whole; then the rule is fitted on the training
part, all samples are labelled, and those that it leaves out (the middle) are taken out. Every fold
of a cross-validation has thresholds of its own: a sample is judged by those of the fold that tests
it. Samples without a rule pass through unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.samples.samples import Assigned, Samples
from cistron.splits.allocate import balance
from cistron.splits.split import PARTS, TRAIN, Split

STRATA = "species"  # each with thresholds of its own


def settle(samples: Samples, split: Split) -> tuple[Samples, Split]:
    """Fit the rule on the training part, and return what is left, labelled.

    Raises
    ------
    InputError
        If the training part has only one class.
    """
    if samples.rule is None:
        return samples, split
    assigned = _assign(samples, split)
    settled, kept = _labelled(samples, assigned.label, assigned.reason, assigned.notes)
    return settled, _taken(split, kept, settled)


def settle_fold(samples: Samples, split: Split, fold: int) -> tuple[Samples, Split]:
    """Return the samples and the split that test one fold, labels fitted on what trains it."""
    return settle(samples, split.for_fold(fold, samples.strata))


def settle_folds(samples: Samples, split: Split) -> tuple[Samples, Split]:
    """Return all samples with the labels by which they are tested.

    Each sample is labelled by thresholds fitted on the training part of the fold that tests it;
    samples in no fold by those of all others.
    """
    if samples.rule is None:
        return samples, split
    whole = samples.rule.assign(samples.table, split.fold >= 0, _strata(samples))
    label, reason = whole.label.copy(), whole.reason.copy()
    thresholds = []
    for fold in range(split.folds):
        assigned = _assign(samples, split.for_fold(fold, samples.strata))
        tested = split.fold == fold
        label[tested], reason[tested] = assigned.label[tested], assigned.reason[tested]
        thresholds.append(assigned.thresholds)
    notes = [f"In all folds together: {note}" for note in whole.notes]
    notes += [
        f"Each fold has thresholds of its own training samples; {name}: {low:.4g} to {high:.4g}."
        for name in whole.thresholds
        for values in [[assigned[name] for assigned in thresholds]]
        for low, high in [(min(values), max(values))]
    ]
    settled, kept = _labelled(samples, label, reason, notes)
    return settled, _taken(split, kept, settled)


def _taken(split: Split, kept: NDArray[np.int64], samples: Samples) -> Split:
    """Return the split of what is left, its balance counted again."""
    taken = split.take(kept)
    if "balance" not in split.details:
        return taken
    balanced = balance(taken.part, samples.targets, PARTS)
    return replace(taken, details={**split.details, "balance": balanced})


def _strata(samples: Samples) -> str | None:
    return STRATA if STRATA in samples.groups else None


def _assign(samples: Samples, split: Split) -> Assigned:
    if samples.rule is None:
        raise ValueError("samples without a rule have their labels already")
    return samples.rule.assign(samples.table, split.part == TRAIN, _strata(samples))


def _labelled(
    samples: Samples,
    label: NDArray[np.object_],
    reason: NDArray[np.object_],
    notes: Sequence[str],
) -> tuple[Samples, NDArray[np.int64]]:
    """Return the labelled samples, and the rows they were; the others become `dropped`."""
    left = pd.isna(label)
    table = samples.table.assign(label=pd.Series(label, dtype=object))
    columns = ["id", "source", "record", "reason"]
    out = table[left].assign(reason=reason[left]).reindex(columns=columns)
    dropped = pd.concat([samples.dropped, out], ignore_index=True)
    kept = np.flatnonzero(~left)
    settled = replace(
        samples, table=table, dropped=dropped, notes=(*samples.notes, *notes), rule=None
    )
    return settled.take(kept), kept
