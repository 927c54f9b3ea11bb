"""How the figures write and place numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cistron.base.digits import digits_of

Score = Mapping[str, Any]
"""A number and its interval: {"value": …, "low": …, "high": …}; any of them may be None."""

Triple = tuple[float, float, float]

THIN = "\u202f"
"""The narrow space that does not break: between thousands, and before a per cent sign."""


def triple(score: Score) -> Triple:
    """Return (value, low, high) as floats; NaN where there is none."""
    value, low, high = (_real(score.get(key)) for key in ("value", "low", "high"))
    return value, low, high


def _real(number: float | None) -> float:
    return math.nan if number is None else float(number)


def decimal(number: float | None, digits: int = 2) -> str:
    """Write a number with so many decimals and a true minus sign; n/a where there is none."""
    real = _real(number)
    if not math.isfinite(real):
        return "n/a"
    text = f"{real:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "\u2212")


def spanned(score: Score, usual: int = 2, *, differs: bool = False) -> tuple[str, str]:
    """Return a number, and "0.41 to 0.62" or "" where it has no interval.

    Both have the decimals that the interval justifies; see `cistron.base.digits.digits_of`.
    """
    value, low, high = triple(score)
    digits = digits_of(low, high, usual, differs=differs)
    between = ""
    if math.isfinite(low + high):
        between = f"{decimal(low, digits)} to {decimal(high, digits)}"
    return decimal(value, digits), between


def count(number: float | None) -> str:
    """Write a count with narrow spaces between thousands; n/a where there is none."""
    real = _real(number)
    return f"{real:,.0f}".replace(",", THIN) if math.isfinite(real) else "n/a"


def compact(number: float) -> str:
    """Write a count in at most four letters: 87, 940, 1.2k, 35k, 1.4M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            return f"{number / size:.{1 if number < 9.95 * size else 0}f}{letter}"
    return f"{number:.0f}"


def limits(rows: Iterable[Triple]) -> tuple[float, float]:
    """Return axis limits that hold every finite number, with some room on both sides."""
    numbers = [number for row in rows for number in row if math.isfinite(number)]
    if not numbers:
        return 0.0, 1.0
    low, high = min(numbers), max(numbers)
    room = 0.08 * (high - low) or 0.05
    return low - room, high + room
