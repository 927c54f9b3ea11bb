"""Which stretches of a long sequence are drawn letter by letter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SPREAD = 15  # positions whose contributions are added up to find the strongest stretch
WORTH = 0.25  # of the strongest stretch: weaker ones are not drawn


def strongest(
    contributions: NDArray[np.floating],
    width: int,
    number: int,
    taken: list[tuple[int, int]] | None = None,
) -> list[tuple[int, int]]:
    """Return the strongest stretches that do not overlap, as 0-based half-open places, in order.

    Parameters
    ----------
    contributions : ndarray, shape (n,)
    width : int
        Of each stretch.
    number : int
        At most so many.
    taken : list of (int, int), optional
        Stretches that are drawn in any case.
    """
    n = len(contributions)
    found = list(taken or [])
    # Sizes would find many small contributions; squares find what stands out.
    squares = np.square(contributions.astype(np.float64))
    power = np.convolve(squares, np.ones(min(SPREAD, max(n, 1))), "same") if n else squares
    best = power.max(initial=0)
    for start, end in found:
        power[start:end] = 0
    for _ in range(number):
        middle = int(power.argmax()) if n else 0
        if n == 0 or power[middle] <= WORTH**2 * best or power[middle] <= 0:
            break
        start = max(min(middle - width // 2, n - width), 0)
        start, end = _free(start, min(start + width, n), middle, found)
        found.append((start, end))
        power[start:end] = 0
    return sorted(found)


def _free(start: int, end: int, middle: int, taken: list[tuple[int, int]]) -> tuple[int, int]:
    """Return the part of a stretch around its middle that is not taken."""
    for begin, stop in taken:
        if begin <= middle < stop:
            continue
        if stop <= middle:
            start = max(start, stop)
        else:
            end = min(end, begin)
    return start, end


def rows_of(n: int, width: int) -> list[tuple[int, int]]:
    """Return all places, in rows of equal length up to `width`."""
    lines = max(-(-n // width), 1)
    each = -(-n // lines)
    return [(start, min(start + each, n)) for start in range(0, n, each)]
