"""Samples that carry a number instead of a class: what a split balances, and what is refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError

STRATA = 5  # quantiles of the number that a split balances as it balances classes
FEWEST = 20  # samples; fewer leave nothing to train on, to stop by and to score


def quantile_strata(numbers: NDArray[np.float64], bins: int = STRATA) -> NDArray[np.int64]:
    """Return the quantile that each number is in, from 0 up; -1 where there is none, shape (n,).

    Equal numbers are in one quantile, so that there may be fewer than `bins`.
    """
    found = np.full(len(numbers), -1, dtype=np.int64)
    known = np.isfinite(numbers)
    if known.any():
        edges = np.quantile(numbers[known], np.linspace(0, 1, bins + 1)[1:-1])
        found[known] = np.searchsorted(edges, numbers[known], side="right")
    return found


def require_spread(numbers: NDArray[np.float64], where: str, lost: str = "") -> None:
    """Refuse numbers from which nothing can be learned.

    Parameters
    ----------
    numbers : ndarray, shape (n,)
    where : str
        The key that says where they come from, for the message.
    lost : str
        What became of records that are not used, as a sentence.

    Raises
    ------
    InputError
        If there are fewer than `FEWEST`, or all are equal.
    """
    told = f" {lost}" if lost else ""
    if len(numbers) < FEWEST:
        raise InputError(
            f"{where}: {len(numbers):,} samples have a number, and at least {FEWEST} are needed to "
            f"learn it.{told} Add samples, or loosen the filters of samples."
        )
    if numbers.min() == numbers.max():
        raise InputError(
            f"{where}: all {len(numbers):,} samples have the number {numbers[0]:g}, so there is "
            f"nothing to learn.{told} Name another column."
        )
