"""From indivisible units to parts and folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.samples.samples import Samples
from cistron.splits.allocate import allocate, balance
from cistron.splits.only_test import count_only
from cistron.splits.split import PARTS, TEST, TRAIN, VALIDATION, Split


class Shares(Protocol):
    """How samples are dealt: the keys of `cistron.splits.random.SplitShares`."""

    @property
    def test(self) -> float:
        """Share of the samples in the test part."""

    @property
    def validation(self) -> float:
        """Share of the samples in the validation part."""

    @property
    def folds(self) -> int | Literal["each"]:
        """Number of folds; "each": every unit is one."""

    @property
    def seed(self) -> int:
        """Seed of the order in which units are dealt."""

    @property
    def only_test(self) -> Path | None:
        """List of the samples that are scored; all where there is none."""


def deal(
    samples: Samples,
    units: NDArray[np.int64],
    settings: Shares,
    reason: str,
    details: Document | None = None,
    names: NDArray[np.object_] | None = None,
    stopping: NDArray[np.int64] | None = None,
) -> Split:
    """Deal units into train, validation and test, and again into folds.

    Parameters
    ----------
    samples : Samples
    units : ndarray of int, shape (n,)
        Samples with the same number stay together.
    settings : Shares
    reason : str
        Why the split is safe.
    details : dict, optional
        What else is known of it; the units' number and sizes and the balance are added.
    names : ndarray of str, shape (n,), optional
        What the units are called; recorded where every unit is a fold.
    stopping : ndarray of int, shape (n,), optional
        What is dealt whole to training or validation; the units without.

    Raises
    ------
    InputError
        If there are fewer units than folds or parts, or a part is left without one of the classes
        although the class has enough samples.
    """
    targets = samples.strata
    numbers, unit = np.unique(units, return_inverse=True)
    sizes = np.bincount(unit)
    folds = len(numbers) if settings.folds == "each" else settings.folds
    if len(numbers) < max(folds, 3 if stopping is None else 2):
        parts = "training, validation and test" if stopping is None else "training and test"
        wanted = parts if folds <= 3 or settings.folds == "each" else f"{folds} folds"
        groups = "is only 1 group" if len(numbers) == 1 else f"are only {len(numbers)} groups"
        raise InputError(
            f"split: there {groups} that may not be divided, too few for "
            f"{wanted}. Lower split.folds or divide by something finer."
        )
    shares = [1 - settings.test - settings.validation, settings.validation, settings.test]
    if shares[0] <= 0:
        raise InputError(
            f"split: test {settings.test} and validation {settings.validation} leave nothing to "
            "train on. Their sum must be below 1."
        )
    part = _parts(unit, targets, shares, settings.seed, stopping)
    called: dict[str, Any] = {}
    if settings.folds == "each":
        fold: NDArray[np.integer] = unit
        called = {"folds": _called(unit, names)}
        _require_elsewhere(samples, unit, called["folds"])
    else:
        fold = allocate(unit, targets, [1] * folds, (settings.seed, 1))
        _require_classes(samples, part, fold, folds, settings.test > 0)
    dealt = {
        "units": len(numbers),
        "largest_unit": int(sizes.max()),
        "largest_unit_share": float(sizes.max() / len(units)),
        "balance": balance(part, targets, PARTS),
        "fold_balance": balance(fold, targets, [str(k) for k in range(folds)]),
        **called,
    }
    split = Split(
        part=part,
        fold=fold.astype(np.int16),
        units=unit.astype(np.int64),
        reason=reason,
        validation=settings.validation,
        seed=settings.seed,
        details={**dealt, **(details or {})},
        stopping=stopping,
    )
    return count_only(split, samples, settings.only_test)


def _parts(
    unit: NDArray[np.int64],
    targets: NDArray[np.int64],
    shares: list[float],
    seed: int,
    stopping: NDArray[np.int64] | None,
) -> NDArray[np.int8]:
    """Deal units into the parts; a part that all units are too large for is given the smallest."""
    if stopping is None:
        part = allocate(unit, targets, shares, (seed, 0))
        return _filled(part, unit, [p for p, share in enumerate(shares) if share > 0])
    train, validation, test = shares
    part = np.where(allocate(unit, targets, [train + validation, test], (seed, 0)) == 1, TEST, 0)
    part = _filled(part.astype(np.int8), unit, [TRAIN, TEST] if test > 0 else [TRAIN])
    rest = np.flatnonzero(part == TRAIN)
    part[rest] = allocate(stopping[rest], targets[rest], [train, validation], (seed, 2))
    return part


def _filled(part: NDArray[np.int8], unit: NDArray[np.int64], wanted: list[int]) -> NDArray[np.int8]:
    sizes = np.bincount(unit)
    for empty in [p for p in wanted if not (part == p).any()]:
        units_of = [np.unique(unit[part == p]) for p in wanted]
        several = max(units_of, key=len)
        if len(several) > 1:
            part[unit == several[sizes[several].argmin()]] = empty
    return part


def _called(unit: NDArray[np.int64], names: NDArray[np.object_] | None) -> list[str]:
    """Return what every unit is called: the first of its samples' names."""
    first = np.unique(unit, return_index=True)[1]
    return [str(k if names is None else names[row]) for k, row in enumerate(first)]


def _require_elsewhere(samples: Samples, unit: NDArray[np.int64], called: list[str]) -> None:
    """Refuse to leave a group out that holds all of a class."""
    for number, name in enumerate(samples.classes):
        inside = np.unique(unit[samples.memberships[:, number]])
        if len(inside) == 1:
            raise InputError(
                f"split: all samples of class {name!r} are of the group {called[inside[0]]!r}: "
                "while it is left out nothing is known of the class. Leave the class out "
                "(samples.only), or divide by something finer."
            )


def _require_classes(
    samples: Samples,
    part: NDArray[np.int8],
    fold: NDArray[np.integer],
    folds: int,
    tested: bool,
) -> None:
    memberships = samples.memberships
    wanted = [(TRAIN, True), (VALIDATION, True), (TEST, tested)]
    for number, name in enumerate(samples.classes):
        members = memberships[:, number]
        if members.sum() < folds:
            raise InputError(
                f"split: class {name!r} has {members.sum()} samples, fewer than the "
                f"{folds} folds. Add samples, leave the class out (samples.only), or "
                "lower split.folds."
            )
        for p, needed in wanted:
            if needed and not (members & (part == p)).any():
                raise InputError(
                    f"split: no sample of class {name!r} came into the {PARTS[p]} part, because "
                    "its samples sit in too few groups that may not be divided. Change "
                    "split.seed, make the part larger, or divide by something finer."
                )
        missing = [k for k in range(folds) if not (members & (fold == k)).any()]
        if missing:
            raise InputError(
                f"split: class {name!r} is missing from fold {missing[0]}, because its samples "
                "sit in too few groups that may not be divided. Lower split.folds or divide by "
                "something finer."
            )
