"""Whole groups held out: genes, families, patients."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator

from cistron.base.errors import InputError, nearest
from cistron.samples.samples import Samples
from cistron.splits.components import components
from cistron.splits.deal import deal
from cistron.splits.random import SplitShares
from cistron.splits.split import Progress, Split, silent


class GroupSplit(SplitShares):
    """Settings of the `group` split."""

    kind: Literal["group"] = "group"
    columns: tuple[str, ...] = Field(
        min_length=1,
        description="group columns; samples that share any value stay together",
    )
    folds: Annotated[int, Field(ge=2)] | Literal["each"] = Field(  # type: ignore[assignment]
        5, description="parts that `crossval` holds out in turn; each: leave one group out"
    )
    validate_on: Literal["groups", "samples"] = Field(
        "groups",
        description="what stops training and calibrates: whole groups, or, where groups are few, "
        "samples drawn at random from the groups that are trained on",
    )

    @property
    def needs_columns(self) -> dict[str, tuple[str, ...]]:
        """The columns whose values stay together."""
        return {"split.columns": self.columns}

    @field_validator("columns", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def split(self, samples: Samples, progress: Progress = silent) -> Split:  # noqa: ARG002
        """Deal whole groups; samples linked through any of the columns stay together."""
        units = grouped_units(samples, self.columns)
        names = " or ".join(self.columns)
        reason = f"Samples that share a {names} were never separated."
        names_of = None
        if self.folds == "each":
            reason = f"{reason} Each {names} is tested in turn by all others."
            names_of = samples.table[self.columns[0]].astype(str).to_numpy()
        stopping = None
        if self.validate_on == "samples":
            stopping = np.arange(len(samples), dtype=np.int64)
            reason = f"{reason} What stops training was drawn at random from the groups it trains."
        return deal(samples, units, self, reason, names=names_of, stopping=stopping)


def grouped_units(samples: Samples, columns: tuple[str, ...]) -> np.ndarray:
    """Return a number for each set of samples linked by a shared value, shape (n,).

    Raises
    ------
    InputError
        If a column is not a group column of the samples.
    """
    for column in columns:
        if column not in samples.groups:
            there = ", ".join(samples.groups) or "none"
            raise InputError(
                f"split: {column!r} is not a group column of the samples (there are: {there})."
                f"{nearest(column, samples.groups)} Declare it under samples.groups."
            )
    return components([samples.group([column]) for column in columns], len(samples))


def group_split(samples: Samples, columns: str | tuple[str, ...], **settings: float) -> Split:
    """Split samples by whole groups (see `GroupSplit` for the settings)."""
    return GroupSplit(columns=columns, **settings).split(samples)
