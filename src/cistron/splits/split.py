"""What is held out: for every sample a part and a fold, and why that is safe.

A split is one file here with its settings class (see `cistron.splits.settings`), and one line in
`kinds.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.splits.allocate import allocate

PARTS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
UNUSED = -1

Progress = Callable[[str], None]
"""Is told in sentences what a long job is doing."""


def silent(sentence: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, eq=False)
class Split:
    """Which part, and which fold, every sample belongs to.

    Parameters
    ----------
    part : ndarray of int8, shape (n,)
        0 train, 1 validation, 2 test (`PARTS`), -1 in none.
    fold : ndarray of int16, shape (n,)
        The fold in which the sample is tested, 0 up; -1 in none.
    units : ndarray of int64, shape (n,)
        Samples with the same number were never separated.
    reason : str
        Why the split is safe, and from what, in one sentence.
    validation : float
        Share of the samples that `for_fold` takes from the training side to stop training.
    seed : int
    details : dict
        What the split found on its way (clusters, pairs, balance), as plain JSON types.
    apart : ndarray of int64, shape (n,), optional
        Relatives have the same number, and never stand in two parts while a fold is tested: what
        is related to tested samples is in no part then.
    validators : ndarray of int16, shape (folds,), optional
        The fold whose samples stop training while a fold is tested; a share of the units without.
    stopping : ndarray of int64, shape (n,), optional
        What is dealt whole to training or validation while a fold is tested; the units without.
    counted : ndarray of bool, shape (n,), optional
        Samples that are validated and tested; others are in no part where they would be.
    """

    part: NDArray[np.int8]
    fold: NDArray[np.int16]
    units: NDArray[np.int64]
    reason: str
    validation: float = 0.1
    seed: int = 1
    details: Document = field(default_factory=dict)
    apart: NDArray[np.int64] | None = None
    validators: NDArray[np.int16] | None = None
    stopping: NDArray[np.int64] | None = None
    counted: NDArray[np.bool_] | None = None

    @property
    def folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max(initial=-1)) + 1

    def rows(self, part: int) -> NDArray[np.int64]:
        """Rows of the samples in one part (TRAIN, VALIDATION or TEST)."""
        return np.flatnonzero(self.part == part)

    def names(self) -> NDArray[np.object_]:
        """Name of each sample's part, shape (n,); empty where it is in none."""
        return np.array([*PARTS, ""], dtype=object)[self.part]

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return the split of some of the samples."""
        apart = None if self.apart is None else self.apart[rows]
        stopping = None if self.stopping is None else self.stopping[rows]
        counted = None if self.counted is None else self.counted[rows]
        return replace(
            self,
            part=self.part[rows],
            fold=self.fold[rows],
            units=self.units[rows],
            apart=apart,
            stopping=stopping,
            counted=counted,
        )

    def for_fold(self, fold: int, targets: NDArray[np.int64]) -> Self:
        """Return the split that tests one fold.

        The validation part is the fold that `validators` names, or is taken from the other folds
        by whole units, stratified by class (`targets`: one number a sample, see `Samples.strata`),
        seeded by the split's seed and the fold: the smallest one where each is larger than the
        share. Relatives of tested samples are in no part.
        """
        test = self.fold == fold
        if self.validators is not None:
            part = self.parts(test, self.fold == self.validators[fold])
            return replace(self, part=self._only_counted(part))
        rest = np.flatnonzero((self.fold >= 0) & ~test & ~self.related_to_tested(test))
        part = np.full(len(self.fold), UNUSED, dtype=np.int8)
        part[test] = TEST
        shares = [1 - self.validation, self.validation]
        units = (self.units if self.stopping is None else self.stopping)[rest]
        part[rest] = allocate(units, targets[rest], shares, seed=(self.seed, fold))
        numbers, sizes = np.unique(units, return_counts=True)
        if len(numbers) > 1 and not (part == VALIDATION).any():
            part[rest[units == numbers[sizes.argmin()]]] = VALIDATION
        return replace(self, part=self._only_counted(part))

    def parts(self, test: NDArray[np.bool_], validation: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Return the parts for some tested and some validation samples, counted or not, shape (n,).

        Relatives of tested samples are in no part, nor are relatives of training samples that
        would stop the training.
        """
        rest = (self.fold >= 0) & ~test & ~self.related_to_tested(test)
        train = rest & ~validation
        part = np.full(len(self.fold), UNUSED, dtype=np.int8)
        part[test] = TEST
        part[train] = TRAIN
        part[rest & validation & ~self.related_to(train)] = VALIDATION
        return part

    def _only_counted(self, part: NDArray[np.int8]) -> NDArray[np.int8]:
        if self.counted is not None:
            part[~self.counted & np.isin(part, [VALIDATION, TEST])] = UNUSED
        return part

    @property
    def tested(self) -> NDArray[np.int64]:
        """Rows of the samples that a cross-validation tests."""
        counted = True if self.counted is None else self.counted
        return np.flatnonzero((self.fold >= 0) & counted)

    def related_to_tested(self, test: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which samples are relatives of those held-out rows that are counted."""
        return self.related_to(test if self.counted is None else test & self.counted)

    def related_to(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which samples are relatives, by `apart`, of some rows (themselves included)."""
        if self.apart is None:
            return np.zeros(len(self.fold), dtype=bool)
        return np.isin(self.apart, self.apart[rows])
