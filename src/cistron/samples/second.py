"""A second target: another class of each record, learned beside the first where it is known.

DeepLoc's headers say two things of a protein: its compartment, and whether it is bound to a
membrane (`>Q9H400 Cell.membrane-M`); of some only the first is known (`-U`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field

from cistron.base.errors import InputError
from cistron.base.settings import Settings
from cistron.samples.keys import RESERVED, ClassName, LabelSource, LabelTable, checked_name
from cistron.samples.labels import Records, capture, look_up, require_label, values_at
from cistron.samples.letters import identical
from cistron.samples.samples import COORDINATES, Samples, Second

TAKEN = (*RESERVED, "length", "part", "fold", "unit", "dropped", "source", "record", *COORDINATES)
"""Columns that tables of samples have already."""


def _free(name: str) -> str:
    if name in TAKEN:
        raise ValueError(f"a second target cannot be called {name!r}: tables have that column")
    return name


class SecondTarget(Settings):
    """What is learned beside the class, in one model with two heads."""

    name: Annotated[str, BeforeValidator(checked_name), AfterValidator(_free)] = Field(
        description="what it is called in tables and reports"
    )
    label: LabelSource = Field(description="where it stands: a pattern in the header, or a table")
    rename: dict[ClassName, ClassName] = Field(
        default_factory=dict,
        description="label in the input: name of the class; classes are in this order",
    )
    unknown: tuple[ClassName, ...] = Field(
        (), description="labels that say that it is not known; so does no label"
    )


class SecondColumn(SecondTarget):
    """A second target that is a column of the table of sequences."""

    label: str = Field(description="column with the class")


def read_second(records: Records, target: SecondTarget | None) -> None:
    """Find what headers or a table say of the second target of each record.

    Raises
    ------
    InputError
        If no header matches the pattern, or the table cannot be used (see `look_up`).
    """
    if target is None:
        return
    if isinstance(target.label, LabelTable):
        frame, rows = look_up(records, target.label)
        records.second = values_at(frame[target.label.column], rows)
        return
    records.second = capture(target.label, records.table["header"].tolist())
    if pd.isna(records.second).all():
        headers = "; ".join(records.table["header"].iloc[:3])
        raise InputError(
            f"samples.second.label: the pattern {target.label!r} matches none of the "
            f"{len(records.table):,} headers, such as: {headers}. It is searched in the whole "
            "line behind the >."
        )


def settle_second(samples: Samples, records: Records, target: SecondTarget) -> Samples:
    """Return samples with their second target; those of which it is not known stay.

    Classes are those of `rename`, in its order, then all others in alphabetical order. Of equal
    sequences that say different things it is not known.

    Parameters
    ----------
    samples : Samples
        The records that are used.
    records : Records
        With what the input says.
    target : SecondTarget

    Raises
    ------
    InputError
        If fewer than two classes are known, or fewer than two samples of one; if `rename` names a
        label that is not there; if a column of predictions would be that of the first target.
    """
    said = pd.Series(records.second, dtype=object)
    for label in target.rename:
        require_label(label, set(said.dropna()), "second.rename")
    own = said[records.used].reset_index(drop=True)
    values = own.mask(own.isin(target.unknown), None).map(lambda v: target.rename.get(v, v))
    contradicted = _contradicted(samples, values)
    values = values.mask(contradicted, None).astype(object)
    known = values.dropna()
    order = [*dict.fromkeys(target.rename.values()), *sorted(set(known))]
    classes = tuple(name for name in dict.fromkeys(order) if (known == name).any())
    _require_classes(known.value_counts().reindex(list(classes)), target.name)
    second = Second(target.name, classes)
    second.require_apart(samples.classes)
    notes = list(samples.notes)
    if len(known) < len(values):
        note = f"{target.name} is not known of {len(values) - len(known):,} of {len(values):,}"
        note += " samples, which are learned and scored by their class alone"
        if contradicted.any():
            note += f"; of {contradicted.sum():,} because equal sequences say different things"
        notes.append(f"{note}.")
    table = samples.table.assign(**{target.name: values})
    return replace(samples, table=table, second=second, notes=tuple(notes))


def _contradicted(samples: Samples, values: pd.Series) -> NDArray[np.bool_]:
    """Return which samples have a known value, and an equal sequence another."""
    frame = pd.DataFrame({"sequence": identical(samples.sequences), "value": values})
    different = frame.groupby("sequence")["value"].transform("nunique").to_numpy() > 1
    return different & values.notna().to_numpy()


def _require_classes(counts: pd.Series, name: str) -> None:
    told = ", ".join(f"{label} ({n:,} samples)" for label, n in counts.items()) or "none"
    if len(counts) < 2 or (counts < 2).any():
        raise InputError(
            f"samples.second: {name!r} needs two classes or more, each known of two samples or "
            f"more. Known are: {told}. Check its label and unknown, or leave samples.second out."
        )
