"""What of the records becomes samples: filters, conflicts, duplicates, unique ids."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from cistron.base.errors import InputError
from cistron.base.files import checksums
from cistron.samples.keys import ClassName
from cistron.samples.labels import Records, keep_only, rename, require_groups
from cistron.samples.letters import identical, select, unknown_letters
from cistron.samples.multilabel import join_classes
from cistron.samples.samples import Samples
from cistron.samples.second import SecondTarget, settle_second
from cistron.samples.settings import SamplesSettings
from cistron.targets.kinds import target_of
from cistron.targets.memberships import read_memberships
from cistron.targets.target import Target

LISTED = 10  # classes in a message


class SequenceFilters(SamplesSettings):
    """The keys that every source of sequences has."""

    contents: ClassVar[frozenset[str]] = frozenset({"protein", "dna"})

    alphabet: Literal["protein", "dna"] = Field(
        "protein", description="letters of the sequences: residues or bases"
    )
    min_length: int = Field(
        1, ge=1, description="least letters of a sequence; shorter ones are dropped"
    )
    max_length: int | None = Field(
        None,
        ge=1,
        description="most letters of a sequence; longer ones are dropped; null: no limit",
    )
    max_unknown: float | None = Field(
        0.5,
        ge=0,
        le=1,
        description="largest share of letters other than the 20 or 4 standard ones; null: no limit",
    )
    conflicts: Literal["error", "drop", "majority"] = Field(
        "error",
        description="what happens to one sequence in two classes: an error, dropped, or given the "
        "class of most",
    )
    duplicates: Literal["keep", "drop"] = Field(
        "keep",
        description="whether all identical sequences of one class are kept; drop: the first alone",
    )
    only: tuple[ClassName, ...] | None = Field(
        None, min_length=1, description="classes to keep, in this order; others are dropped"
    )
    rename: dict[ClassName, ClassName] = Field(
        default_factory=dict, description="label in the input: name of the class"
    )

    label_separator: str | None = Field(
        None,
        min_length=1,
        description="text between the classes of a label, so that a record can have several "
        "(`Cytoplasm-Nucleus`, `a;b`); null: one class each",
    )
    second: SecondTarget | None = Field(
        None,
        description="another class of each record (membrane-bound or soluble), learned beside the "
        "first: its name, label (a pattern in the header, or a label table), rename, and the "
        "values that say it is unknown",
    )

    if TYPE_CHECKING:  # each source has the key itself
        groups: Collection[str]

    @property
    def content(self) -> str:
        """The alphabet."""
        return self.alphabet

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the group columns."""
        return tuple(self.groups)

    @property
    def keys_of_labels(self) -> list[str]:
        """The keys given that are about labels."""
        keys = ("only", "rename", "label_separator", "second")
        return [f"`{key}`" for key in keys if getattr(self, key)]

    @property
    def asks(self) -> Target:
        """What is asked of each sample; its classes are not known before the files are read."""
        return target_of(separator=self.label_separator or "")

    @model_validator(mode="after")
    def _length_range(self) -> Self:
        if self.max_length is not None and self.max_length < self.min_length:
            raise ValueError(
                f"max_length {self.max_length} is below min_length {self.min_length}: no sequence "
                "would be left"
            )
        return self

    @model_validator(mode="after")
    def _second_beside_one_class(self) -> Self:
        if self.second is None:
            return self
        if self.label_separator is not None:
            raise ValueError(
                "`second` is learned beside one class a record, and `label_separator` gives "
                "several: leave one of them out"
            )
        if getattr(self, "target", None) is not None:
            raise ValueError(
                "`second` is learned beside a class, and `target` is a number: leave one out"
            )
        if self.second.name in self.groups:
            raise ValueError(
                f"`second` and a group are both called {self.second.name!r}: rename one of them"
            )
        return self


def finish(
    records: Records,
    filters: SequenceFilters,
    classes: Sequence[str] | None,
    group_sources: dict[str, str],
) -> Samples:
    """Apply the filters and return what is left as Samples.

    Parameters
    ----------
    records : Records
        With labels and groups; changed on the way.
    filters : SequenceFilters
    classes : sequence of str or None
        Labels in the order in which they were declared; empty: alphabetical; None: unlabelled.
    group_sources : dict
        Group name → where its values come from, for messages.

    Raises
    ------
    InputError
        If labelled samples of less than two classes, or less than two of a class are left; if a
        sample has no group; if one sequence is in two classes and no rule says what to do.
    """
    order: tuple[str, ...] = ()
    separator = filters.label_separator or "" if classes is not None else ""
    if classes is not None and separator:
        order = join_classes(records, filters, classes)
    elif classes is not None:
        rename(records, filters.rename)
        order = tuple(dict.fromkeys(filters.rename.get(name, name) for name in classes))
        if filters.only is not None:
            keep_only(records, filters.only)
            order = tuple(dict.fromkeys(filters.only))
    _filter_letters(records, filters)
    if classes is not None:
        _resolve_conflicts(records, filters.conflicts, "set of classes" if separator else "class")
    if filters.duplicates == "drop":
        _drop_duplicates(records)
    if classes is not None:
        order = order or tuple(sorted(set(records.table["label"][records.used])))
        if separator and not (classes or filters.only):
            order = _still_there(records, order, separator)
        require_classes(records, order, separator)
    require_groups(records, group_sources)
    _make_ids_unique(records)
    samples = _samples(records, order, separator)
    return samples if filters.second is None else settle_second(samples, records, filters.second)


def _filter_letters(records: Records, filters: SequenceFilters) -> None:
    lengths = records.sequences.lengths
    records.drop(lengths < filters.min_length, f"shorter than {filters.min_length:,}")
    if filters.max_length is not None:
        records.drop(lengths > filters.max_length, f"longer than {filters.max_length:,}")
    if filters.max_unknown is not None:
        count = unknown_letters(records.sequences)
        letters = "ACGT" if filters.alphabet == "dna" else "the 20 amino acids"
        records.drop(
            count > filters.max_unknown * lengths,
            f"more than {filters.max_unknown:.0%} of the letters are none of {letters}",
        )


def _resolve_conflicts(records: Records, rule: str, noun: str) -> None:
    """Find sequences that carry two labels, and do with them what the rule says."""
    rows = np.flatnonzero(records.used)
    number = identical(select(records.sequences, records.used))
    label = pd.factorize(records.table["label"].iloc[rows])[0]
    counts = pd.DataFrame({"number": number, "label": label}).value_counts().reset_index()
    labels_of = np.bincount(counts["number"], minlength=len(rows))
    conflict = labels_of[number] > 1
    if not conflict.any():
        return
    if rule == "error":
        _refuse_conflict(records, rows[conflict], number[conflict], noun)
    losing = conflict.copy()
    if rule == "majority":
        best = counts.groupby("number")["count"].transform("max") == counts["count"]
        best &= best.groupby(counts["number"]).transform("sum") == 1
        winner = np.full(len(rows), -1)
        winner[counts["number"][best]] = counts["label"][best]
        losing &= winner[number] != label
    dropped = np.zeros(len(records.table), dtype=bool)
    dropped[rows[losing]] = True
    records.drop(dropped, f"the same sequence is in another {noun}")


def _refuse_conflict(
    records: Records, rows: NDArray[np.int64], number: NDArray[np.int64], noun: str
) -> None:
    first = rows[number == number[0]]
    labels = records.table["label"].iloc[first].to_numpy()
    pair = first[0], first[np.flatnonzero(labels != labels[0])[0]]
    ids, labels_told = records.table["id"].loc, records.table["label"].loc
    places = " and ".join(f"{ids[row]} ({labels_told[row]}, {records.place(row)})" for row in pair)
    several = len(np.unique(number))
    sequences = f"{several:,} sequences are" if several > 1 else "One sequence is"
    raise InputError(
        f"{sequences} in more than one {noun} ({len(rows):,} records), such as {places}. Set "
        f"samples.conflicts to `drop` (all copies are left out) or `majority` (the {noun} with "
        "most copies is believed), or mend the input."
    )


def _drop_duplicates(records: Records) -> None:
    rows = np.flatnonzero(records.used)
    number = identical(select(records.sequences, records.used))
    label = pd.factorize(records.table["label"].iloc[rows], use_na_sentinel=False)[0]
    again = pd.DataFrame({"number": number, "label": label}).duplicated().to_numpy()
    dropped = np.zeros(len(records.table), dtype=bool)
    dropped[rows[again]] = True
    records.drop(dropped, "the same sequence came before")


def _still_there(records: Records, order: tuple[str, ...], separator: str) -> tuple[str, ...]:
    """Return the classes that a record which is used still has."""
    members = read_memberships(records.table["label"][records.used], order, separator)
    return tuple(name for name, n in zip(order, members.sum(axis=0), strict=True) if n)


def require_classes(records: Records, classes: Sequence[str], separator: str) -> None:
    """Refuse records of less than two classes, or less than two of a class.

    Raises
    ------
    InputError
        With the number of records of each class, and why others are not used.
    """
    members = read_memberships(records.table["label"][records.used], classes, separator)
    counts = dict(zip(classes, members.sum(axis=0).tolist(), strict=True))
    reasons = records.table["reason"][~records.used].value_counts()
    lost = "; ".join(f"{count:,}: {reason}" for reason, count in reasons.items())
    unused = f" Not used were {reasons.sum():,} of {len(records.table):,} records ({lost})."
    unused = unused if len(reasons) else ""
    first = list(counts.items())[:LISTED]
    names = ", ".join(f"{name} ({count:,} records)" for name, count in first)
    if len(counts) > LISTED:
        names += f", and {len(counts) - LISTED:,} more"
    if not any(counts.values()):
        raise InputError(f"No record is left to learn from.{unused} Loosen the filters of samples.")
    if sum(count > 0 for count in counts.values()) < 2:
        raise InputError(f"There is only one class to learn: {names}. Two are needed.{unused}")
    for name, count in counts.items():
        if count < 2:
            raise InputError(
                f"Class {name!r} has {count} of the records, and every class needs at least two: "
                f"{names}. Add records, or leave the class out with samples.only.{unused}"
            )


def _make_ids_unique(records: Records) -> None:
    ids = records.table["id"]
    turn = ids.groupby(ids).cumcount().to_numpy()
    again = np.flatnonzero(turn)
    if len(again) == 0:
        return
    unique, taken = ids.to_numpy(dtype=object).copy(), set(ids)
    for row in again.tolist():
        name, number = unique[row], int(turn[row]) + 1
        while f"{name}#{number}" in taken:
            number += 1
        unique[row] = f"{name}#{number}"
        taken.add(unique[row])
    records.notes.append(
        f"Records renamed because an earlier one has their id: {len(again):,}, such as "
        f"{ids.loc[again[0]]} to {unique[again[0]]}."
    )
    records.table["id"] = pd.Series(unique, dtype=object)


def _samples(records: Records, classes: tuple[str, ...], separator: str) -> Samples:
    used = records.used
    table = records.table.loc[used, ["id", "label", "weight"]].reset_index(drop=True)
    for name, values in records.groups.items():
        table[name] = pd.Series(values[used], dtype=object)
    dropped = records.table.loc[~used, ["id", "source", "record", "reason"]]
    return Samples(
        table=table,
        payload=select(records.sequences, used),
        target=target_of(classes, separator),
        groups=tuple(records.groups),
        dropped=dropped.reset_index(drop=True),
        notes=tuple(records.notes),
        sources=checksums(records.paths),
    )
