"""Tables with a column of sequences: CSV, TSV and parquet, plain or gzip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from cistron.base.errors import InputError
from cistron.base.files import Input, open_input
from cistron.base.settings import InputPath
from cistron.samples.alphabet import Alphabet
from cistron.samples.filters import SequenceFilters, finish
from cistron.samples.frames import MISSING, frames
from cistron.samples.keys import GroupName
from cistron.samples.labels import Records, collect
from cistron.samples.letters import CHECKED, check_alphabet, find_alphabet
from cistron.samples.records import Block, make_block
from cistron.samples.samples import Samples
from cistron.samples.second import SecondColumn
from cistron.targets.kinds import target_of
from cistron.targets.quantities import require_spread
from cistron.targets.target import Target


class TableSamples(SequenceFilters):
    """Settings of the `table` source."""

    kind: Literal["table"] = "table"
    path: InputPath = Field(description="CSV, TSV or parquet, plain or gzip")
    id: str = Field("id", description="column with the name of each sample")
    sequence: str = Field("sequence", description="column with the sequence")
    label: str | None = Field("label", description="column with the class; null: unlabelled")
    target: str | None = Field(
        None, description="column with a number that is to be predicted, instead of a class"
    )
    groups: tuple[GroupName, ...] = Field((), description="columns of what belongs together")
    weight: str | None = Field(None, description="column with the weight of each sample")
    second: SecondColumn | None = Field(
        None,
        description="another class of each row (membrane-bound or soluble), learned beside the "
        "first: its name, label (a column), rename, and the values that say it is unknown",
    )

    @model_validator(mode="before")
    @classmethod
    def _number_instead_of_class(cls, document: object) -> object:
        if isinstance(document, dict) and document.get("target") is not None:
            return {"label": None, **document}
        return document

    @property
    def asks(self) -> Target:
        """What is asked of each sample: a number where `target` names its column."""
        return target_of(separator=self.label_separator or "", quantity=self.target or "")

    @model_validator(mode="after")
    def _labels_where_needed(self) -> Self:
        if self.target is not None and self.label is not None:
            raise ValueError("give `target` (a number) or `label` (a class), not both")
        if self.label is None and self.keys_of_labels:
            keys = " and ".join(self.keys_of_labels)
            raise ValueError(f"{keys} need labels: name the `label` column")
        return self

    def read(self) -> Samples:
        """Read the table.

        Raises
        ------
        InputError
            If it cannot be read, a column is absent, a weight is no number, a group is missing,
            or too little is left (see `finish`).
        """
        second = None if self.second is None else self.second.label
        named = [self.label, self.target, self.weight, second]
        further = [*filter(None, named), *self.groups]
        blocks, parts = [], []
        with open_input(self.path) as source:
            columns = (self.id, self.sequence, *further)
            for block, frame in table_blocks(source, find_alphabet(self.alphabet), columns):
                blocks.append((block, self.path))
                parts.append(frame)
            name = source.name
        if not blocks:
            raise InputError(f"{name} has a header and no rows.")
        records = collect(blocks, [None] * len(blocks))
        rows = pd.concat(parts, ignore_index=True)
        for group in self.groups:
            records.groups[group] = _present(rows[group])
        if self.label is not None:
            records.table["label"] = pd.Series(_present(rows[self.label]), dtype=object)
            records.drop(records.table["label"].isna(), "no label")
        if self.target is not None:
            records.table["label"] = _numbers(rows[self.target], self.target, records)
            records.drop(records.table["label"].isna(), "no number")
        if self.weight is not None:
            records.table["weight"] = _weights(rows[self.weight], self.weight, records)
        if self.second is not None:
            records.second = _present(rows[self.second.label])
        described = {group: f"the column {group!r}" for group in self.groups}
        samples = finish(records, self, None if self.label is None else [], described)
        if self.target is None:
            return samples
        reasons = samples.dropped["reason"].value_counts()
        lost = "; ".join(f"{count:,}: {reason}" for reason, count in reasons.items())
        told = f"Not used were {reasons.sum():,} records ({lost})." if lost else ""
        require_spread(samples.numbers, "samples.target", told)
        return replace(samples, target=self.asks)


def read_table(path: str | Path, alphabet: str = "protein", **settings: object) -> Samples:
    """Read a table with a column of sequences.

    Parameters
    ----------
    path : path
        CSV, TSV or parquet, plain or gzip; "-" is standard input.
    alphabet : {"protein", "dna"}
    **settings
        Further keys of `TableSamples`: the columns id, sequence, label (None: unlabelled),
        groups and weight; min_length, max_length, max_unknown, conflicts, duplicates, only,
        rename, second.

    Returns
    -------
    Samples
        In the order of the table. Rows that were not used are in `dropped`.

    Raises
    ------
    InputError
        See `TableSamples.read`.
    """
    return TableSamples.model_validate({"path": path, "alphabet": alphabet, **settings}).read()


def table_blocks(
    source: Input, alphabet: Alphabet, columns: tuple[str, ...], skip: int = 0
) -> Iterator[tuple[Block, pd.DataFrame]]:
    """Read an open table in constant memory.

    Parameters
    ----------
    source : Input
    alphabet : Alphabet
    columns : tuple of str
        The column of ids, that of sequences, and any others.
    skip : int
        Rows to pass over without decoding their sequences.

    Yields
    ------
    Block, DataFrame
        Consecutive rows, and the columns asked for as text.
    """
    first = 1
    for frame in frames(source, columns):
        if first == 1:
            texts = (str(text).encode() for text in islice(frame[columns[1]], CHECKED))
            check_alphabet(texts, alphabet, source.name)
        passed = min(max(skip + 1 - first, 0), len(frame))
        first += passed
        rest = frame.iloc[passed:]
        if len(rest):
            yield _block(rest, columns, alphabet, first), rest
            first += len(rest)


def _block(frame: pd.DataFrame, columns: tuple[str, ...], alphabet: Alphabet, first: int) -> Block:
    ids = [name.strip() for name in frame[columns[0]].tolist()]
    texts = [text.encode() for text in frame[columns[1]].tolist()]
    data = np.frombuffer(b"".join(text + b"\n" for text in texts), dtype=np.uint8)
    ends = np.cumsum([len(text) + 1 for text in texts])
    begins = np.append(0, ends[:-1])
    return make_block(data, (begins, ends), alphabet, first, ids, ids)


def _present(column: pd.Series) -> np.ndarray:
    """Return a column as an array of objects, None where a value is missing."""
    values = (value.strip() for value in column.tolist())
    return np.array([None if value in MISSING else value for value in values], dtype=object)


def _numbers(column: pd.Series, name: str, records: Records) -> pd.Series:
    """Return a column as numbers, nan where a value is missing."""
    texts = pd.Series(_present(column), dtype=object)
    numbers = pd.to_numeric(texts, errors="coerce").astype(float)
    wrong = np.flatnonzero(texts.notna() & ~np.isfinite(numbers))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"samples.target: {texts.loc[row]!r} in the column {name!r} is no number "
            f"({records.place(row)}; {len(wrong):,} in all). Leave the cell empty, or write NA, "
            "where there is none; for classes name the column under samples.label."
        )
    return numbers


def _weights(column: pd.Series, name: str, records: Records) -> pd.Series:
    weights = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"samples.weight: {column.loc[row]!r} in the column {name!r} is no weight "
            f"({records.place(row)}; {len(wrong):,} in all). A weight is a number from 0 up."
        )
    return weights
