"""Where examples come from: a table of samples with one payload per row.

A source is one file here with its settings class (see `cistron.samples.settings`), and one line in
`kinds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.counts import Counts
from cistron.base.domains import DOMAINS, PROFILES, Domain
from cistron.base.errors import InputError
from cistron.base.ragged import Ragged
from cistron.base.settings import Settings
from cistron.samples.alphabet import ALPHABETS, PROTEIN, Alphabet
from cistron.samples.payload import Payload
from cistron.targets.kinds import target_of
from cistron.targets.memberships import names_in, read_memberships, write_labels
from cistron.targets.one_class import OneClass
from cistron.targets.target import Target
from cistron.targets.truth import Truth

COORDINATES = ("start", "end", "strand", "number")
"""Columns of genes: 0-based half-open place on the chromosome, and what the label comes from."""


@dataclass(frozen=True, eq=False)
class Sequences(Ragged):
    """Biological sequences as letter codes, end to end in one uint8 array.

    Parameters
    ----------
    values : ndarray of uint8, shape (total,)
        Codes into `alphabet.letters`.
    offsets : ndarray of int64, shape (sequences + 1,)
    alphabet : Alphabet
    """

    alphabet: Alphabet = PROTEIN

    @property
    def content(self) -> str:
        """What they are sequences of: the name of the alphabet."""
        return self.alphabet.name

    @property
    def domain(self) -> Domain:
        """What they are, in words and facts."""
        return DOMAINS[self.alphabet.name]

    def text(self, row: int) -> str:
        """Return one sequence as letters."""
        return self.alphabet.text(self[row])

    @classmethod
    def from_text(cls, texts: Iterable[str], alphabet: str = "protein") -> Self:
        """Return sequences from clean strings (for files, see `cistron.read_fasta`)."""
        letters = ALPHABETS[alphabet]
        rows = [letters.codes[np.frombuffer(t.encode(), dtype=np.uint8)] for t in texts]
        offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
        values = np.concatenate([*rows, np.empty(0, dtype=np.uint8)])
        if (values >= len(letters.letters)).any():
            raise ValueError(f"a sequence has a character that is no {alphabet} letter")
        return cls(values=values, offsets=offsets, alphabet=letters)


@dataclass(frozen=True, eq=False)
class Profiles(Sequences):
    """Proteins as profiles: how probable each residue is at each position.

    Parameters
    ----------
    values : ndarray of uint8, shape (total,)
        Codes of the consensus: the most probable residue of each position, of equally probable
        ones the first. Whatever reads sequences reads these.
    offsets : ndarray of int64, shape (proteins + 1,)
    alphabet : Alphabet
    profile : ndarray of float32, shape (total, 20)
        Probabilities in the order of the 20 standard letters (ARNDCQEGHILKMFPSTWYV).
    """

    POSITIONS: ClassVar[tuple[str, ...]] = ("values", "profile")

    profile: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 20), np.float32))

    @property
    def domain(self) -> Domain:
        """What they are, in words and facts."""
        return PROFILES

    @classmethod
    def of(cls, profile: NDArray[np.float32], lengths: NDArray[np.int64]) -> Self:
        """Return profiles end to end, shape (total, 20), as proteins of the given lengths."""
        values = profile.argmax(axis=1).astype(np.uint8)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(values, offsets, PROTEIN, np.asarray(profile, dtype=np.float32))


UNLABELLED = OneClass()


@dataclass(frozen=True, eq=False)
class Assigned:
    """Labels that a rule gave.

    Parameters
    ----------
    label : ndarray of object, shape (n,)
        Class name; None where the rule leaves the sample out.
    reason : ndarray of object, shape (n,)
        Why it is left out, or "".
    thresholds : dict
        What was fitted, by name.
    notes : tuple of str
    """

    label: NDArray[np.object_]
    reason: NDArray[np.object_]
    thresholds: dict[str, float]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Second:
    """A second target: another class of each sample, where it is known.

    Parameters
    ----------
    name : str
        Column of the samples' table; missing where it is not known.
    classes : tuple of str
        In the order of the probability columns.
    """

    name: str
    classes: tuple[str, ...]

    @property
    def columns(self) -> dict[str, str]:
        """Column of a table of predictions → what it would be called of the first target."""
        probabilities = {f"p_{self.name}_{label}": f"p_{label}" for label in self.classes}
        told = {f"{kind}_{self.name}": kind for kind in ("label", "predicted")}
        return told | probabilities

    def require_apart(self, classes: Sequence[str]) -> None:
        """Refuse classes of the first target whose columns would be those of the second.

        Raises
        ------
        InputError
        """
        for label in classes:
            if f"p_{label}" in self.columns:
                raise InputError(
                    f"samples.second: the class {label!r} of the first target and a class of "
                    f"{self.name!r} would both have the column p_{label} in predictions. Give "
                    "one of them another name (rename)."
                )


class LabelRule(Protocol):
    """How labels come from the column `number`, with thresholds fitted on training samples."""

    def assign(
        self, table: pd.DataFrame, training: NDArray[np.bool_], strata: str | None = None
    ) -> Assigned:
        """Fit on the training rows of a table, and label all of its rows."""
        ...


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled examples: a table and, for each of its rows, a payload.

    Parameters
    ----------
    table : DataFrame
        Columns `id` (unique strings), `label` (class name, or names joined by the separator, or a
        number; missing where unlabelled), `weight` (float), and one string column per group.
        Index 0..n-1. Further columns are what the source knows of a sample: the coordinates of a
        gene, the `number` its label comes from.
    payload : Sequences, or Counts of cells
        One row of content per row of the table. Its `content` is "protein", "dna" or "genes".
    target : Target
        What is asked of each sample: it reads the labels. Names of classes, in the order of the
        probability columns, stand for one class each; none where samples are unlabelled.
    groups : tuple of str
        Names of the group columns of `table`.
    dropped : DataFrame
        Records that were read and not used: `id`, `source` (file), `record` (1-based position in
        that file) and `reason`.
    notes : tuple of str
        What was changed on reading (letters replaced, names made unique), one sentence each.
    sources : dict
        File path as given → sha256 of its bytes.
    rule : LabelRule, optional
        Given where labels are to be fitted on the training samples (`cistron.splits.settle`);
        until then the labels are those of thresholds fitted on all samples, good for balanced
        parts and nothing else, and samples that the rule leaves out are still there.
    second : Second, optional
        What is learned beside the class.
    reading : Settings, optional
        Of cells, how their files were read (`CellReading`): by it a classifier reads new ones.
    """

    table: pd.DataFrame
    payload: Payload
    target: Target = UNLABELLED
    groups: tuple[str, ...] = ()
    dropped: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["id", "source", "record", "reason"])
    )
    notes: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)
    rule: LabelRule | None = None
    second: Second | None = None
    reading: Settings | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.target, Target):
            object.__setattr__(self, "target", target_of(self.target))

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, rows: slice | NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        return self.take(np.arange(len(self))[rows])

    @property
    def shape(self) -> tuple[int]:
        """Number of samples, as arrays say it: scikit-learn's tools index what has a shape."""
        return (len(self),)

    @property
    def sequences(self) -> Sequences:
        """The payload, where it is sequences.

        Raises
        ------
        InputError
            If the samples are cells.
        """
        if not isinstance(self.payload, Sequences):
            raise InputError("Sequences are needed, and these samples are cells.")
        return self.payload

    @property
    def cells(self) -> Counts:
        """The payload, where it is cells.

        Raises
        ------
        InputError
            If the samples are sequences.
        """
        if not isinstance(self.payload, Counts):
            raise InputError("Cells are needed, and these samples are sequences.")
        return self.payload

    @property
    def ids(self) -> NDArray[np.object_]:
        """Sample ids, shape (n,)."""
        return self.table["id"].to_numpy(dtype=object)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the probability columns; empty where there are none."""
        return self.target.classes

    @property
    def truth(self) -> Truth:
        """What is true of each sample: see `cistron.targets.target.Truth`."""
        return self.target.truth(self.table["label"])

    @property
    def targets(self) -> NDArray[np.int64]:
        """Index of each sample's class in `classes`, shape (n,); -1 where it has none.

        Raises
        ------
        ValueError
            If a sample may have several classes: see `memberships` and `strata`.
        """
        if self.classes and not self.target.exclusive:
            raise ValueError("samples of several classes have no single target")
        return OneClass("class", self.classes).truth(self.table["label"])

    @property
    def memberships(self) -> NDArray[np.bool_]:
        """Which classes each sample has, shape (n, classes)."""
        return self.target.memberships(self.truth)

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The number of each sample that has a number to predict, shape (n,); nan without."""
        return pd.to_numeric(self.table["label"]).to_numpy(dtype=np.float64)

    @property
    def strata(self) -> NDArray[np.int64]:
        """What a split balances, one number a sample, shape (n,); -1 where unlabelled.

        The class; where a sample may have several, their combination, rare ones pooled (see
        `cistron.targets.memberships.strata`); of a number, its quintile.
        """
        return self.target.strata(self.truth)

    @property
    def second_targets(self) -> NDArray[np.int64]:
        """Index of each sample's class of the second target, shape (n,); -1 where unknown."""
        if self.second is None:
            return np.full(len(self), -1, dtype=np.int64)
        labels = pd.Categorical(self.table[self.second.name], categories=list(self.second.classes))
        return np.asarray(labels.codes, dtype=np.int64)

    def group(self, columns: Sequence[str]) -> NDArray[np.int64]:
        """Return a number for each distinct combination of group columns, shape (n,)."""
        if not columns:
            return np.arange(len(self), dtype=np.int64)
        numbers = self.table.groupby(list(columns), sort=False).ngroup()
        return np.asarray(numbers, dtype=np.int64)

    def take(self, rows: NDArray[np.int64] | Sequence[int]) -> Self:
        """Return the given rows as Samples of their own."""
        rows = np.asarray(rows, dtype=np.int64)
        table = self.table.iloc[rows].reset_index(drop=True)
        return replace(self, table=table, payload=self.payload.take(rows))


def make_samples(
    payload: Payload,
    ids: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    groups: dict[str, Sequence[str]] | None = None,
    classes: Sequence[str] | None = None,
    separator: str = "",
    numbers: Sequence[float] | None = None,
) -> Samples:
    """Build Samples from what is in memory already.

    Parameters
    ----------
    payload : Sequences, or Counts of cells
        One row per sample.
    ids : sequence of str, optional
        Unique; "sample_1", "sample_2", … where not given.
    labels : sequence of str, optional
        Class names.
    groups : dict of str to sequence of str, optional
        Group columns.
    classes : sequence of str, optional
        Order of the classes; alphabetical where not given.
    separator : str, optional
        Labels are several class names joined by it.
    numbers : sequence of float, optional
        The number of each sample, to be predicted; instead of labels.
    """
    names = list(ids) if ids is not None else [f"sample_{i + 1}" for i in range(len(payload))]
    table = pd.DataFrame({"id": pd.Series(names, dtype=object)})
    table["label"] = pd.Series(
        list(labels) if labels is not None else [None] * len(names), dtype=object
    )
    table["weight"] = 1.0
    for name, values in (groups or {}).items():
        table[name] = pd.Series(list(values), dtype=object)
    if classes is None:
        named = [
            n for text in labels or () for n in (names_in(text, separator) if separator else [text])
        ]
        classes = sorted(set(named))
    target = target_of(classes, separator, "" if numbers is None else "number")
    if separator:
        members = read_memberships(table["label"], classes, separator)
        text = write_labels(members, classes, separator)
        text[~members.any(axis=1)] = None
        table["label"] = pd.Series(text, dtype=object)
    if numbers is not None:
        table["label"] = np.asarray(numbers, dtype=np.float64)
    return Samples(table, payload, target, tuple(groups or ()))
