"""Whole groups held out: genes, families, patients."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from cistron.errors import InputError, nearest
from cistron.samples import Samples
from cistron.splits import Progress, Split, silent
from cistron.splits.components import components
from cistron.splits.deal import deal
from cistron.splits.random import SplitShares


class GroupSplit(SplitShares):
    """Settings of the `group` split."""

    kind: Literal["group"] = "group"
    columns: tuple[str, ...] = Field(
        min_length=1,
        description="group columns; samples that share any value stay together",
    )

    @field_validator("columns", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def split(self, samples: Samples, progress: Progress = silent) -> Split:  # noqa: ARG002
        """Deal whole groups; samples linked through any of the columns stay together."""
        units = grouped_units(samples, self.columns)
        names = " or ".join(self.columns)
        reason = f"Samples that share a {names} were never separated."
        return deal(samples, units, self, reason)


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
