"""Records that may have several classes: their labels are taken apart and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.samples.labels import Records, require_label
from cistron.samples.letters import identical
from cistron.targets.memberships import names_in, read_memberships, write_labels

Sets = list[list[str]]


class LabelFilters(Protocol):
    """The keys of a source that are about labels: see `cistron.samples.filters`."""

    @property
    def label_separator(self) -> str | None:
        """What joins the classes of a label."""

    @property
    def rename(self) -> dict[str, str]:
        """Class in the input → its name."""

    @property
    def only(self) -> tuple[str, ...] | None:
        """Classes to keep."""


def join_classes(
    records: Records, filters: LabelFilters, declared: Sequence[str]
) -> tuple[str, ...]:
    """Make of each record's label the names of its classes, in their order; return that order.

    Records of the same id and the same sequence become one that has the classes of all. `rename`
    and `only` are about the single classes: a class that is not in `only` is taken out of the
    records that have it, and a record that is left without any is not used.

    Parameters
    ----------
    records : Records
        Changed on the way.
    filters : LabelFilters
        With a `label_separator`.
    declared : sequence of str
        Class names in the order in which they were declared; empty: alphabetical.

    Raises
    ------
    InputError
        If a class name contains the separator, or `rename` or `only` names a class that no record
        has.
    """
    separator = filters.label_separator or ""
    texts = records.table["label"].tolist()
    if declared:  # a file each: its name is the class, and is not taken apart
        sets = [[text] for text in texts]
    else:
        sets = [names_in(text, separator) if isinstance(text, str) else [] for text in texts]
    sets = _renamed(sets, filters.rename)
    there = {name for names in sets for name in names}
    order = [filters.rename.get(name, name) for name in declared]
    for name in filters.only or ():
        require_label(name, there, "only")
    order = list(dict.fromkeys(filters.only or order or sorted(there)))
    _require_without(order, separator)
    labels = [separator.join(names) for names in sets]
    members = read_memberships(labels, order, separator)
    unlabelled = np.array([not names for names in sets])
    records.drop(unlabelled, "no label")
    records.drop(members.sum(axis=1) == 0, "of no class that is in `only`")
    _note_taken_out(records, sets, set(order))
    members = _merged(records, members)
    text = write_labels(members, order, separator)
    text[~members.any(axis=1)] = None
    records.table["label"] = pd.Series(text, dtype=object)
    return tuple(order)


def _renamed(sets: Sets, names: dict[str, str]) -> Sets:
    if not names:
        return sets
    there = {name for each in sets for name in each}
    for label in names:
        require_label(label, there, "rename")
    return [list(dict.fromkeys(names.get(name, name) for name in each)) for each in sets]


def _require_without(names: Sequence[str], separator: str) -> None:
    for name in names:
        if separator in name:
            raise InputError(
                f"samples.label_separator: the class name {name!r} contains the separator "
                f"{separator!r}, so labels of several classes could not be told apart. Choose "
                "another separator, or another name for the class."
            )


def _note_taken_out(records: Records, sets: Sets, kept: set[str]) -> None:
    used = records.used
    partly = [used[row] and not kept.issuperset(names) for row, names in enumerate(sets)]
    if any(partly):
        records.notes.append(
            f"Records that keep only their classes that are in `only`: {sum(partly):,}."
        )


def _merged(records: Records, members: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Give the first of the records of one id and sequence the classes of all; drop the others."""
    used = np.flatnonzero(records.used)
    number = identical(records.sequences.take(used))
    names = pd.factorize(records.table["id"].iloc[used])[0]
    pairs = pd.DataFrame({"id": names, "sequence": number})
    group = pairs.groupby(["id", "sequence"], sort=False).ngroup().to_numpy()
    again = pairs.duplicated().to_numpy()
    union = np.zeros((len(used), members.shape[1]), dtype=bool)
    np.logical_or.at(union, group, members[used])
    members = members.copy()
    members[used] = union[group]
    dropped = np.zeros(len(members), dtype=bool)
    dropped[used[again]] = True
    records.drop(dropped, "joined with an earlier record of the same id and sequence")
    return members
