"""Many runs beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Rectangle

from cistron.figures.intervals import as_rows, in_words, interval, table_of
from cistron.figures.numbers import Score, decimal, triple
from cistron.figures.svg import (
    INK,
    MUTED,
    RULE,
    TINT,
    WIDTH,
    note,
    panel,
    sheet,
    short,
    style,
    svg,
)

NUMBERED_CELLS = 9  # runs up to which the matrix has room for numbers


def runs_forest(
    scores: Mapping[str, Score],
    metric: str,
    highlights: Sequence[str] = (),
    reference: float | None = None,
) -> str:
    """Draw one row per run: its name above, below it point and interval.

    Parameters
    ----------
    scores : mapping
        Name of the row → {"value", "low", "high"}; long names have room.
    metric : str
        What is measured, as the heading.
    highlights : sequence of str
        The rows drawn in the accent colour; the others are grey.
    reference : float, optional
        Where a vertical line stands (zero, for differences).
    """
    rows = {name: triple(score) for name, score in scores.items()}
    pitch, differs = 36, reference == 0
    with style():
        figure, axes = table_of(rows, metric, reference, pitch, (4, 222))
        axes.grid(visible=False)  # lines would run through the names
        for row, (name, score) in enumerate(rows.items()):
            chosen = name in highlights
            place = row + 0.22
            axes.plot(axes.get_xlim(), [place, place], color=RULE, linewidth=0.6)
            if reference is not None:
                axes.plot([reference] * 2, [place - 0.2, place + 0.26], color=INK, linewidth=1)
            top = 24 + pitch * row
            weight = "bold" if chosen else "normal"
            note(figure, 0, top + 12, short(name, 60), color=INK, size=10, weight=weight)
            interval(figure, place, score, chosen, top + pitch * 0.72 + 3.5, differs)
        return svg(figure, in_words(rows, metric, differs=differs), as_rows(rows, "name", metric))


def differences_matrix(
    names: Sequence[str],
    differences: Mapping[tuple[str, str], float | None],
    told_apart: set[tuple[str, str]],
    metric: str,
) -> str:
    """Draw every pair of runs as a cell, filled where the two can be told apart.

    Parameters
    ----------
    names : sequence of str
        The best first; rows and columns are numbered in this order.
    differences : mapping
        Pair (the better of the two first) → difference, written into the cell where there is
        room.
    told_apart : set of pairs
        Those that differ.
    metric : str
        What the differences are of, as the heading.
    """
    n = len(names)
    left, pitch = 150, max(20.0, min(34.0, (WIDTH - 150) / max(n, 1)))
    pitch = min(pitch, (WIDTH - left) / n)
    tall = max(pitch, 17.0)
    with style():
        figure = sheet(46 + tall * n)
        note(figure, 0, 12, short(metric, 60), color=INK, weight="bold")
        axes = panel(figure, left, 38, pitch * n, tall * n)
        axes.set(xlim=(0, n), ylim=(n, 0), xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
        for row, name in enumerate(names):
            middle = 38 + tall * (row + 0.5) + 3.5
            note(figure, 0, middle, f"{row + 1}  {short(name, 24)}", color=INK, size=10)
            column = left + pitch * (row + 0.5)
            note(figure, column, 33, str(row + 1), color=MUTED, size=10, ha="center")
            for place in range(row):
                pair = (names[place], name)
                look = TINT if pair in told_apart else "none"
                box = Rectangle((place, row), 1, 1, facecolor=look, edgecolor=RULE, linewidth=0.8)
                axes.add_patch(box)
                value = differences[pair]
                if n <= NUMBERED_CELLS and value is not None and np.isfinite(value):
                    x = left + pitch * (place + 0.5)
                    size = 9 if pitch > 26 else 8
                    note(figure, x, middle, decimal(value), color=INK, size=size, ha="center")
        said = "; ".join(f"{a} and {b}" for a, b in differences if (a, b) in told_apart)
        table = [(*pair, value, pair in told_apart) for pair, value in differences.items()]
        told = f"{metric}. Pairs that can be told apart: {said or 'none'}."
        return svg(figure, told, [("first", "second", metric, "told apart"), *table])
