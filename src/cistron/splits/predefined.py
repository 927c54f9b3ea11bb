"""A split that stands in the data already."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from cistron.base.document import Document
from cistron.base.errors import InputError, nearest
from cistron.samples.samples import Samples
from cistron.splits.allocate import allocate, balance
from cistron.splits.only_test import OnlyTest, count_only
from cistron.splits.settings import SplitSettings
from cistron.splits.split import PARTS, TRAIN, UNUSED, VALIDATION, Progress, Split, silent

SPELLINGS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


class PredefinedSplit(SplitSettings):
    """Settings of the `predefined` split."""

    kind: Literal["predefined"] = "predefined"
    column: str = Field(
        description="group column that holds train, validation or test, or the number of a fold"
    )
    test_fold: int | None = Field(
        None, description="number of the fold that `fit` tests; null: the last"
    )
    validation: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="share of the training samples that becomes validation where the column names "
        "none",
    )
    seed: int = Field(1, ge=0, description="seed of the random numbers by which samples are dealt")
    only_test: OnlyTest = None

    @property
    def needs_columns(self) -> dict[str, tuple[str, ...]]:
        """The column that says the parts."""
        return {"split.column": (self.column,)}

    def split(self, samples: Samples, progress: Progress = silent) -> Split:  # noqa: ARG002
        """Read parts or folds from the column.

        Raises
        ------
        InputError
            If the column is absent or holds anything but parts or fold numbers.
        """
        if self.column not in samples.groups:
            raise InputError(
                f"split.column: {self.column!r} is not a group column of the samples (there are: "
                f"{', '.join(samples.groups) or 'none'}).{nearest(self.column, samples.groups)} "
                "Declare it under samples.groups."
            )
        values = samples.table[self.column].astype(str).str.strip().str.lower()
        if values.isin(list(SPELLINGS)).all():
            return self._from_parts(samples, values.map(SPELLINGS))
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers.notna().all() and (numbers >= 0).all() and (numbers == numbers.round()).all():
            return self._from_folds(samples, numbers.to_numpy(dtype=np.int64))
        odd = sorted(set(values[~values.isin(list(SPELLINGS)) & numbers.isna()]))[:3]
        raise InputError(
            f"split.column: {self.column!r} must say train, validation or test, or hold fold "
            f"numbers from 0 up; it also says {', '.join(map(repr, odd)) or 'something else'}."
        )

    def _from_parts(self, samples: Samples, names: pd.Series) -> Split:
        part = names.map({name: number for number, name in enumerate(PARTS)}).to_numpy(np.int8)
        fold = np.full(len(samples), UNUSED, dtype=np.int16)
        return self._finished(samples, part, fold)

    def _from_folds(self, samples: Samples, numbers: np.ndarray) -> Split:
        kinds, fold = np.unique(numbers, return_inverse=True)
        if len(kinds) < 2:
            raise InputError(f"split.column: {self.column!r} holds one fold only.")
        test = kinds[-1] if self.test_fold is None else self.test_fold
        if test not in kinds:
            raise InputError(f"split.test_fold: there is no fold {test} in {self.column!r}.")
        part = np.where(numbers == test, 2, 0).astype(np.int8)
        return self._finished(samples, part, fold.astype(np.int16))

    def _finished(self, samples: Samples, part: np.ndarray, fold: np.ndarray) -> Split:
        units = np.arange(len(samples))
        details: Document = {}
        for number in (TRAIN, 2):
            if not (part == number).any():
                raise InputError(
                    f"split.column: {self.column!r} names no {PARTS[number]} sample. Both train "
                    "and test are needed."
                )
        if not (part == VALIDATION).any():
            train = np.flatnonzero(part == TRAIN)
            shares = [1 - self.validation, self.validation]
            part[train] = allocate(train, samples.strata[train], shares, self.seed)
            details["validation"] = "taken from train at random: the column names none"
        details["balance"] = balance(part, samples.strata, PARTS)
        reason = f"Parts are those of the column {self.column!r}; nothing else was kept apart."
        split = Split(part, fold, units, reason, self.validation, self.seed, details)
        return count_only(split, samples, self.only_test)
