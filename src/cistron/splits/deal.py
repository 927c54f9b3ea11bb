"""From indivisible units to parts and folds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.samples import Samples
from cistron.splits import PARTS, TEST, TRAIN, VALIDATION, Split
from cistron.splits.allocate import allocate, balance


def deal(
    samples: Samples,
    units: NDArray[np.int64],
    settings: Any,
    reason: str,
    details: dict[str, Any] | None = None,
) -> Split:
    """Deal units into train, validation and test, and again into folds.

    Parameters
    ----------
    samples : Samples
    units : ndarray of int, shape (n,)
        Samples with the same number stay together.
    settings : SplitShares
        `test`, `validation`, `folds` and `seed`.
    reason : str
        Why the split is safe.
    details : dict, optional
        What else is known of it; the units' number and sizes and the balance are added.

    Raises
    ------
    InputError
        If there are fewer units than folds or parts, or a part is left without one of the classes
        although the class has enough samples.
    """
    targets = samples.strata
    numbers, unit = np.unique(units, return_inverse=True)
    sizes = np.bincount(unit)
    if len(numbers) < max(settings.folds, 3):
        raise InputError(
            f"split: there are only {len(numbers)} groups that may not be divided, too few for "
            f"{settings.folds} folds. Lower split.folds or divide by something finer."
        )
    shares = [1 - settings.test - settings.validation, settings.validation, settings.test]
    if shares[0] <= 0:
        raise InputError(
            f"split: test {settings.test} and validation {settings.validation} leave nothing to "
            "train on. Their sum must be below 1."
        )
    part = allocate(unit, targets, shares, (settings.seed, 0))
    fold = allocate(unit, targets, [1] * settings.folds, (settings.seed, 1))
    _require_classes(samples, part, fold, settings)
    found = {
        "units": len(numbers),
        "largest_unit": int(sizes.max()),
        "largest_unit_share": float(sizes.max() / len(units)),
        "balance": balance(part, targets, PARTS),
        "fold_balance": balance(fold, targets, [str(k) for k in range(settings.folds)]),
    }
    return Split(
        part=part,
        fold=fold.astype(np.int16),
        units=unit.astype(np.int64),
        reason=reason,
        validation=settings.validation,
        seed=settings.seed,
        details={**found, **(details or {})},
    )


def _require_classes(
    samples: Samples, part: NDArray[np.int8], fold: NDArray[np.int8], settings: Any
) -> None:
    memberships = samples.memberships
    wanted = [(TRAIN, True), (VALIDATION, True), (TEST, settings.test > 0)]
    for number, name in enumerate(samples.classes):
        members = memberships[:, number]
        if members.sum() < settings.folds:
            raise InputError(
                f"split: class {name!r} has {members.sum()} samples, fewer than the "
                f"{settings.folds} folds. Add samples, leave the class out (samples.only), or "
                "lower split.folds."
            )
        for p, needed in wanted:
            if needed and not (members & (part == p)).any():
                raise InputError(
                    f"split: no sample of class {name!r} came into the {PARTS[p]} part, because "
                    "its samples sit in too few groups that may not be divided. Change "
                    "split.seed, make the part larger, or divide by something finer."
                )
        missing = [k for k in range(settings.folds) if not (members & (fold == k)).any()]
        if missing:
            raise InputError(
                f"split: class {name!r} is missing from fold {missing[0]}, because its samples "
                "sit in too few groups that may not be divided. Lower split.folds or divide by "
                "something finer."
            )
