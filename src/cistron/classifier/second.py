"""The second head of a classifier: what learns and answers the second target of samples.

Of some samples the second target is not known. They train the first head alone, and the second is
weighted, calibrated and scored on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cistron.base.arrays import Array
from cistron.base.errors import InputError
from cistron.models.classical.classical import Vectors, fit_classical
from cistron.models.families import ClassicalSettings
from cistron.samples.samples import Samples, Second
from cistron.splits.split import PARTS, TRAIN, UNUSED, Split
from cistron.targets.one_class import OneClass
from cistron.targets.target import Target
from cistron.targets.truth import Truth
from cistron.training.class_weights import class_weights
from cistron.training.settings import TrainingSettings

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin


def heads_of(samples: Samples, train: Samples) -> tuple[Target, ...]:
    """Return what a classifier of these samples answers: one target, or two.

    Parameters
    ----------
    samples : Samples
    train : Samples
        Those that are trained on.

    Raises
    ------
    InputError
        If the first of two targets is several classes or a number, or its columns would be the
        second's.
    """
    first = samples.target.fitted_to(train.truth)
    if samples.second is None:
        return (first,)
    if not isinstance(first, OneClass):
        raise InputError(
            f"A second target ({samples.second.name!r}) is learned beside one class a sample, not "
            "beside several or a number. Read the samples without it."
        )
    samples.second.require_apart(samples.classes)
    return first, OneClass(samples.second.name, samples.second.classes)


def truths_of(samples: Samples) -> tuple[Truth, Truth]:
    """Return what is true of the first target and of the second, -1 where that is unknown."""
    return samples.truth, samples.second_targets


def learned(
    heads: Sequence[Target], part: Samples, train: Samples, settings: TrainingSettings
) -> tuple[Array, NDArray[np.float32]]:
    """Return what a network learns of samples, and the weights of that in the loss.

    Parameters
    ----------
    heads : sequence of Target
    part : Samples
    train : Samples
        By which classes are weighted.
    settings : TrainingSettings

    Returns
    -------
    truth : ndarray of int64 or float32
        As `cistron.training.examples.Examples` has it.
    weights : ndarray of float32, of the same shape
    """
    first, each = heads[0], part.table["weight"].to_numpy()
    known = part.truth
    truth = first.learned(known)
    weights = first.weights(known, each, class_weights(first, train.truth, settings))
    if len(heads) > 1:
        truth, weights = beside(part, truth, weights, second_weights(train, settings))
    kept = truth if truth.dtype == np.int64 else truth.astype(np.float32)
    return kept, weights.astype(np.float32)


def relabelled(samples: Samples) -> Samples:
    """Return the same samples with the second target as their class; missing where unknown."""
    if samples.second is None:
        raise ValueError("these samples have no second target")
    table = samples.table.assign(label=samples.table[samples.second.name])
    return replace(
        samples, table=table, target=OneClass("class", samples.second.classes), second=None
    )


def where_known(samples: Samples, split: Split) -> Split:
    """Return a split with the samples whose second target is unknown in no part."""
    known = samples.second_targets >= 0
    return replace(split, part=np.where(known, split.part, UNUSED).astype(split.part.dtype))


def require_known(samples: Samples, split: Split, parts: Sequence[int] = (TRAIN,)) -> None:
    """Refuse a split that leaves a part without a known second target.

    Parts are balanced by the first target alone, so chance may do this where little is known.

    Raises
    ------
    InputError
        If the training part has no sample of a class, or another part no known one.
    """
    if samples.second is None:
        return
    for part in parts:
        targets = samples.second_targets[split.rows(part)]
        if not len(targets):
            continue
        counts = np.bincount(targets[targets >= 0], minlength=len(samples.second.classes))
        if part == TRAIN and not counts.all():
            lacking = f"is {samples.second.classes[int(counts.argmin())]!r} for none of"
        elif not counts.any():
            lacking = "is known of none of"
        else:
            continue
        raise InputError(
            f"samples.second: {samples.second.name!r} {lacking} the {len(targets):,} samples of "
            f"the {PARTS[part]} part, which is balanced by the class alone. Try another "
            "split.seed, enlarge the part, or leave samples.second out."
        )


def second_weights(train: Samples, settings: TrainingSettings) -> NDArray[np.float64]:
    """Return the weight of each class of the second target in the loss, shape (classes,).

    Balanced over the known training samples, unless `training.class_weights` is none: weights by
    name are those of the first target, and so is balanced sampling.
    """
    target = OneClass("class", relabelled(train).classes)
    kind = "none" if settings.class_weights == "none" else "balanced"
    natural = settings.model_copy(update={"class_weights": kind, "sampling": "natural"})
    return class_weights(target, train.second_targets, natural)


def beside(
    part: Samples,
    targets: NDArray[np.int64],
    weights: NDArray[np.float64],
    of_class: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return targets and weights of both heads, shape (n, 2): -1 and 0 where unknown.

    Parameters
    ----------
    part : Samples
    targets, weights : ndarray, shape (n,)
        Of the first head.
    of_class : ndarray, shape (classes,)
        See `second_weights`.
    """
    second = part.second_targets
    own = np.where(second >= 0, of_class[second] * part.table["weight"].to_numpy(), 0.0)
    return np.stack([targets, second], axis=1), np.stack([weights, own], axis=1)


def fit_second(
    settings: ClassicalSettings, vectors: Vectors, train: Samples, training: TrainingSettings
) -> ClassifierMixin:
    """Fit the classical model of the second target on the training samples that know it."""
    targets = train.second_targets
    known = targets >= 0
    weights = second_weights(train, training)[targets] * train.table["weight"].to_numpy()
    try:
        return fit_classical(
            settings, vectors[known], targets[known], weights[known], training.seed
        )
    except InputError as error:
        name = "" if train.second is None else train.second.name
        raise InputError(f"The second target, {name!r}: {error}") from error


def second_columns(head: Target, logits: ArrayLike) -> pd.DataFrame:
    """Return what a table of predictions says of the second target.

    Returns
    -------
    DataFrame
        `predicted_<name>`, and `p_<name>_<class>` for each class.
    """
    plain = {first: own for own, first in Second(head.name, head.classes).columns.items()}
    return pd.DataFrame(head.columns(head.predictions(logits))).rename(columns=plain)


def predicted_alone(predictions: pd.DataFrame, second: Second) -> pd.DataFrame:
    """Return predictions of the second target where it is known, named as those of a first."""
    kept = [name for name in ("id", "part", "fold", "warning") if name in predictions]
    table = predictions[[*kept, *second.columns]].rename(columns=second.columns)
    return table[table["label"].notna()].reset_index(drop=True)
