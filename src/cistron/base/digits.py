"""How many decimals of a number its interval justifies."""

from __future__ import annotations

import math

USUAL, MOST = 2, 4
SAME = 1e-9  # width of an interval that only rounding makes
LARGE = 10.0  # numbers below have the usual decimals, however wide their interval
STEPS = 4.995  # of the last decimal that an interval spans at least: five, but for rounding


def digits_of(
    low: float | None, high: float | None, usual: int = USUAL, *, differs: bool = False
) -> int:
    """Return the decimals with which a number and its interval are written.

    Parameters
    ----------
    low, high : float or None
        The interval, which spans at least five units of the last decimal.
    usual : int
        Decimals of a number without an interval.
    differs : bool
        Whether it is read by whether it includes zero: then a bound beside zero is not written as
        zero.
    """
    if low is None or high is None or not math.isfinite(low + high) or high - low < SAME:
        return usual
    nearest = min(abs(low), abs(high))
    digits = USUAL if max(abs(low), abs(high)) < LARGE else 0
    while digits < MOST:
        hidden = differs and nearest > 0 and round(nearest, digits) == 0
        if (high - low) * 10**digits >= STEPS and not hidden:
            break
        digits += 1
    return digits
