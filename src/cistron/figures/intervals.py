"""Scores with their intervals, one row each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cistron.base.digits import digits_of
from cistron.figures.numbers import Score, Triple, count, decimal, limits, spanned, triple
from cistron.figures.svg import (
    ACCENT,
    INK,
    MUTED,
    TINT,
    WIDTH,
    note,
    panel,
    says,
    sheet,
    short,
    style,
    svg,
)


def forest(
    scores: Mapping[str, Score], metric: str, highlight: str = "", reference: float | None = None
) -> str:
    """Draw one row per score: a point, its interval, and both in figures.

    Parameters
    ----------
    scores : mapping
        Name of the row → {"value", "low", "high"}.
    metric : str
        What is measured, as the heading.
    highlight : str
        The row drawn in the accent colour; the others are grey.
    reference : float, optional
        Where a vertical line stands (zero, for differences).
    """
    rows = {name: triple(score) for name, score in scores.items()}
    pitch, differs = 25, reference == 0
    with style():
        figure, axes = table_of(rows, metric, reference, pitch, (108, 118))
        if reference is not None:
            axes.axvline(reference, color=INK, linewidth=1)
        for row, (name, score) in enumerate(rows.items()):
            chosen = name == highlight
            top = 24 + pitch * (row + 0.5) + 3.5
            weight = "bold" if chosen else "normal"
            note(figure, 0, top, short(name), color=INK, size=10, weight=weight)
            interval(figure, row, score, chosen, top, differs)
        return svg(figure, in_words(rows, metric, differs=differs), as_rows(rows, "name", metric))


def table_of(
    rows: Mapping[str, Triple],
    metric: str,
    reference: float | None,
    pitch: int,
    across: tuple[int, int],
) -> tuple[Figure, Axes]:
    """Return a sheet with a heading, and axes (left edge, width) that hold every row."""
    left, width = across
    figure = sheet(52 + pitch * len(rows))
    note(figure, 0, 12, short(metric, 60), color=INK, weight="bold")
    axes = panel(figure, left, 24, width, pitch * len(rows))
    line = [] if reference is None else [(reference, reference, reference)]
    scale(axes, len(rows), [*rows.values(), *line])
    return figure, axes


def in_figures(score: Triple, *, differs: bool = False) -> tuple[str, str]:
    """Return a number and its interval with the decimals that it justifies; see `spanned`."""
    named = dict(zip(("value", "low", "high"), score, strict=True))
    return spanned(named, differs=differs)


def told(score: Triple, *, differs: bool = False) -> str:
    """Return "0.51 (0.42 to 0.60)", or the number alone where it has no interval."""
    value, between = in_figures(score, differs=differs)
    return f"{value} ({between})" if between else value


def in_words(rows: Mapping[str, Triple], metric: str, *, differs: bool = False) -> str:
    """Return what rows of intervals say, for who does not see them."""
    numbers = "; ".join(
        f"{name} {in_figures(row, differs=differs)[0]}" for name, row in rows.items()
    )
    return f"{metric}, point and interval: {numbers}."


def as_rows(rows: Mapping[str, Triple], what: str, metric: str) -> list[Sequence[object]]:
    """Return the numbers of rows of intervals, headings first."""
    return [(what, metric, "low", "high"), *((name, *row) for name, row in rows.items())]


def interval(
    figure: Figure, place: float, score: Triple, chosen: bool, top: float, differs: bool
) -> None:
    """Draw a score with its interval at a height of the axes, and say both in figures beside.

    Parameters
    ----------
    figure : Figure
        With the axes of all rows.
    place : float
        Height in the axes' own unit.
    score : (value, low, high)
    chosen : bool
        Whether it stands out.
    top : float
        Where the figures stand, in the unit of the sheet.
    differs : bool
        Whether it is a difference, which is compared with zero.
    """
    value, low, high = score
    colour = ACCENT if chosen else MUTED
    weight = "bold" if chosen else "normal"
    axes = figure.axes[0]
    axes.plot([low, high], [place, place], color=colour, linewidth=2.4 if chosen else 1.6)
    (point,) = axes.plot(value, place, "D" if chosen else "o", color=colour, markersize=6)
    says(point, told(score, differs=differs))
    number, between = in_figures(score, differs=differs)
    note(figure, 236, top, number, color=INK, size=10, weight=weight)
    if between:
        note(figure, WIDTH, top, between, color=MUTED, size=10, ha="right")


def class_bars(scores: Mapping[str, Score], metric: str, sizes: Mapping[str, int]) -> str:
    """Draw one bar per class from zero to its score, with the interval over it.

    Parameters
    ----------
    scores : mapping
        Class → {"value", "low", "high"}, each at most 1.
    metric : str
        What is measured, as the heading.
    sizes : mapping
        Class → samples it was measured on.
    """
    rows = {name: triple(score) for name, score in scores.items()}
    lowest = min((x for row in rows.values() for x in row if math.isfinite(x)), default=0.0)
    pitch = 25
    with style():
        figure = sheet(52 + pitch * len(rows))
        note(figure, 0, 12, short(metric, 40), color=INK, weight="bold")
        note(figure, WIDTH, 12, "samples", color=MUTED, size=10, ha="right")
        axes = panel(figure, 108, 24, 146, pitch * len(rows))
        scale(axes, len(rows), [(0.0, 0.0, 1.0)])
        axes.set_xlim(min(0.0, lowest), 1)
        for row, (name, (value, low, high)) in enumerate(rows.items()):
            top = 24 + pitch * (row + 0.5) + 3.5
            note(figure, 0, top, short(name), color=INK, size=10)
            if math.isfinite(value):
                (bar,) = axes.barh(row, value, height=0.62, color=TINT)
                says(bar, f"{name}: {told((value, low, high))}")
            if math.isfinite(low + high):
                axes.plot([low, high], [row, row], color=ACCENT, linewidth=1.6)
            note(figure, 262, top, decimal(value), color=INK, size=10)
            note(figure, WIDTH, top, count(sizes.get(name)), color=MUTED, size=10, ha="right")
        axes.axvline(0, color=INK, linewidth=1)
        numbers = "; ".join(f"{name} {decimal(row[0])}" for name, row in rows.items())
        sentence = f"{metric} of each class, with its interval: {numbers}."
        return svg(figure, sentence, as_rows(rows, "class", metric))


def folds(scores: Sequence[Score], pooled: Score, metric: str, kind: str = "Fold") -> str:
    """Draw one metric fold by fold, with the pooled score as a band behind.

    Parameters
    ----------
    scores : sequence
        One {"fold", "n", "value", "low", "high"} per fold; `low` and `high` may be missing.
    pooled : mapping
        {"value", "low", "high"} over all folds.
    metric : str
        What is measured, as the heading.
    kind : str
        What the rows are.
    """
    rows = [triple(score) for score in scores]
    middle, low, high = triple(pooled)
    pitch = 21
    pooled_digits = digits_of(low, high)
    numbers = [decimal(r[0], digits_of(r[1], r[2], pooled_digits)) for r in rows]
    with style():
        figure = sheet(52 + pitch * len(rows))
        note(figure, 0, 12, short(metric, 60), color=INK, weight="bold")
        axes = panel(figure, 50, 24, 200, pitch * len(rows))
        scale(axes, len(rows), [*rows, (middle, low, high)])
        if math.isfinite(low + high):
            axes.axvspan(low, high, color=TINT, alpha=0.45)
        if math.isfinite(middle):
            axes.axvline(middle, color=ACCENT, linewidth=1.2)
        for row, (value, lowest, highest) in enumerate(rows):
            axes.plot([lowest, highest], [row, row], color=INK, linewidth=1.4)
            (point,) = axes.plot(value, row, "o", color=INK, markersize=5)
            says(point, told(rows[row]))
            top = 24 + pitch * (row + 0.5) + 3.5
            name = f"{kind} {short(scores[row].get('fold'), 4)}"
            note(figure, 0, top, name, color=INK, size=10)
            note(figure, 262, top, numbers[row], color=INK, size=10)
            number = f"n {count(scores[row].get('n'))}"
            note(figure, WIDTH, top, number, color=MUTED, size=10, ha="right")
        all_folds = f"pooled {decimal(middle, pooled_digits)}"
        sentence = f"{metric} of each {kind.lower()}: {', '.join(numbers)}; {all_folds}."
        named = [(s.get("fold"), s.get("n"), *triple(s)) for s in scores]
        headings = (kind.lower(), "n", metric, "low", "high")
        return svg(figure, sentence, [headings, *named, ("pooled", None, middle, low, high)])


def scale(axes: Axes, rows: int, numbers: Sequence[Triple]) -> None:
    """Make room for one row under another, over a scale that holds all numbers."""
    low, high = limits(numbers)
    digits = 2 if high - low > 0.08 else 3
    axes.set(xlim=(low, high), ylim=(rows - 0.5, -0.5), yticks=[])
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: decimal(x, digits)))
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)
