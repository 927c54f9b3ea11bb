"""Labels that name several classes: as texts (`Cytoplasm-Nucleus`) and as tables of true/false."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError

RARE = 10  # samples of a combination of classes, below which it is no stratum of its own


def names_in(label: str, separator: str) -> list[str]:
    """Return the class names of a label, without repetition, in the order of the text."""
    return list(dict.fromkeys(n for n in map(str.strip, label.split(separator)) if n))


def read_memberships(
    labels: Iterable[object], classes: Sequence[str], separator: str
) -> NDArray[np.bool_]:
    """Return which classes each label names.

    Parameters
    ----------
    labels : iterable of str or None
        Class names joined by the separator; names that are no class count for nothing.
    classes : sequence of str
    separator : str
        Empty where a label is one class name.

    Returns
    -------
    ndarray of bool, shape (n, classes)
    """
    codes, texts = pd.factorize(np.array([*labels], dtype=object))
    number = {name: place for place, name in enumerate(classes)}
    table = np.zeros((len(texts) + 1, len(classes)), dtype=bool)  # the last row: no label
    for row, text in enumerate(texts):
        for name in names_in(text, separator) if separator else [text]:
            if name in number:
                table[row, number[name]] = True
    return table[codes]


def write_labels(
    memberships: NDArray[np.bool_], classes: Sequence[str], separator: str
) -> NDArray[np.object_]:
    """Return the names of each row's classes, in the order of the classes, joined."""
    kinds, row = np.unique(memberships, axis=0, return_inverse=True)
    names = np.array(classes, dtype=object)
    texts = np.array([separator.join(names[kind]) for kind in kinds], dtype=object)
    return texts[row.reshape(-1)] if len(texts) else texts


def strata(memberships: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return a number for each combination of classes; -1 where there is none, shape (n,).

    A combination of fewer than `RARE` samples counts with the samples that have only the rarest
    of its classes, so that rare classes stay balanced and strata do not become single samples.
    """
    kinds, kind = np.unique(memberships, axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    sizes, of_class = np.bincount(kind, minlength=len(kinds)), memberships.sum(axis=0)
    for row in np.flatnonzero((sizes < RARE) & kinds.any(axis=1)):
        members = np.flatnonzero(kinds[row])
        rarest = members[of_class[members].argmin()]
        kinds[row] = np.arange(kinds.shape[1]) == rarest
    pooled = np.unique(kinds[kind], axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.where(memberships.any(axis=1), pooled, -1)


def require_labelled(classes: Sequence[str]) -> None:
    """Refuse fewer than two classes.

    Raises
    ------
    InputError
    """
    if len(classes) < 2:
        raise InputError("Labelled samples of at least two classes are needed to train.")
