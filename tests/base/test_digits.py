"""Decimals follow the width of the interval."""

from __future__ import annotations

import math

import pytest

from cistron.base.digits import digits_of
from cistron.cli.display import interval
from cistron.figures.numbers import spanned

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("low", "high", "digits"),
    [
        (0.2, 0.9, 2),
        (0.55, 0.60, 2),
        (0.55, 0.58, 3),
        (0.9901, 0.9923, 4),
        (0.99991, 0.99992, 4),
        (-3.0, 5.0, 2),
        (120.0, 180.0, 0),
        (12.0, 12.6, 1),
        (None, 0.4, 3),
        (math.nan, math.nan, 3),
        (0.0, 0.0, 3),
    ],
)
def test_an_interval_spans_five_units_of_the_last_decimal(low, high, digits):
    assert digits_of(low, high, usual=3) == digits


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (-0.0021, 0.0108, f"{MINUS}0.002 to 0.011"),
        (0.0021, 0.4, "0.002 to 0.400"),
        (-0.4, -0.0021, f"{MINUS}0.400 to {MINUS}0.002"),
        (-0.004, 0.4, f"{MINUS}0.004 to 0.400"),
        (0.0, 0.4, "0.00 to 0.40"),
    ],
)
def test_a_difference_does_not_hide_on_which_side_of_zero_it_is(low, high, written):
    score = {"value": 0.1, "low": low, "high": high}
    assert spanned(score, differs=True)[1] == written
    assert interval(score, differs=True).endswith(
        f"({written.replace(MINUS, '-').replace(' to ', ', ')})"
    )


def test_a_terminal_writes_no_minus_before_zero():
    assert interval({"value": -0.001, "low": -0.003, "high": 0.4}) == "0.00 (0.00, 0.40)"
