"""What the classifier called: curves, confusion, reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike

from cistron.base.arrays import Array
from cistron.figures.numbers import THIN, Score, compact, count, decimal
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
from cistron.targets.curves import thin

NAMED_COLUMNS = 4  # classes beyond which the columns of a confusion matrix are numbered


def roc_curves(curves: Mapping[str, Score], areas: Mapping[str, float | None]) -> str:
    """Draw receiver operating characteristics, with the area under each.

    Parameters
    ----------
    curves : mapping
        Class → {"x": false positive rate, "y": true positive rate}, each in 0 … 1.
    areas : mapping
        Class → area under its curve.
    """
    chance = dict.fromkeys(curves, (0.0, 1.0))
    labels = ("False positive rate", "True positive rate")
    return _curves("ROC curve", labels, curves, areas, chance)


def pr_curves(
    curves: Mapping[str, Score],
    areas: Mapping[str, float | None],
    shares: Mapping[str, float],
) -> str:
    """Draw precision against recall, with the area under each curve.

    Parameters
    ----------
    curves : mapping
        Class → {"x": recall, "y": precision}, each in 0 … 1.
    areas : mapping
        Class → area under its curve (average precision).
    shares : mapping
        Class → share of the samples that belong to it: the precision of guessing.
    """
    chance = {name: (shares.get(name, np.nan),) * 2 for name in curves}
    return _curves("Precision-recall curve", ("Recall", "Precision"), curves, areas, chance)


def _curves(
    title: str,
    labels: tuple[str, str],
    curves: Mapping[str, Score],
    areas: Mapping[str, float | None],
    chance: Mapping[str, tuple[float, float]],
) -> str:
    """Draw one large panel for one class, and a small one for each of several."""
    columns = {1: 1, 2: 2, 4: 2}.get(len(curves), 3)
    lines = -(-len(curves) // columns)
    side = (WIDTH - 36 - 16 * (columns - 1)) / columns
    points: list[Sequence[object]] = []
    with style():
        figure = sheet(32 + lines * (side + 38) + 14)
        note(figure, 0, 12, f"↑ {labels[1]}", color=MUTED, size=10)
        note(figure, WIDTH - 8, 12, f"{labels[0]} →", color=MUTED, size=10, ha="right")
        for place, (name, curve) in enumerate(curves.items()):
            line, column = divmod(place, columns)
            left, top = 28 + column * (side + 16), 56 + line * (side + 38)
            axes = panel(figure, left, top, side, side)
            _unit_square(axes, left=column == 0, bottom=place + columns >= len(curves))
            axes.plot([0, 1], chance[name], color=MUTED, linewidth=1, dashes=(3, 3))
            x, y = thin(np.asarray(curve["x"], float), np.asarray(curve["y"], float))
            points += [(name, *point) for point in zip(x.tolist(), y.tolist(), strict=True)]
            axes.fill_between(x, y, color=TINT, alpha=0.35)
            axes.plot(x, y, color=ACCENT, clip_on=False)
            letters = int(side / 6)
            note(figure, left, top - 18, short(name, letters), color=INK, weight="bold", size=10)
            area = f"area {decimal(areas.get(name))}"
            note(figure, left, top - 5, area, color=INK, size=10)
        numbers = "; ".join(f"{name} {decimal(areas.get(name))}" for name in curves)
        told = f"{title}, area under it by class: {numbers}."
        return svg(figure, told, [("class", *labels), *points])


def _unit_square(axes: Axes, *, left: bool, bottom: bool) -> None:
    """Scale both axes from 0 to 1, with numbers only at the outer edges of the figure."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"] if bottom else ["", "", ""])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"] if left else ["", "", ""])
    axes.grid(visible=True)
    axes.set_axisbelow(True)


def confusion_matrix(counts: ArrayLike, classes: Sequence[str]) -> str:
    """Draw a confusion matrix: the depth of a cell is its share of the row.

    Up to `NAMED_COLUMNS` classes, a cell holds the count and the share; beyond, only the share in
    per cent, and the names of columns are turned.

    Parameters
    ----------
    counts : array-like of int, shape (classes, classes)
        Rows are the true class, columns the predicted one.
    classes : sequence of str
    """
    table = np.asarray(counts, dtype=float)
    shares = _shares(table)
    many = len(classes) > NAMED_COLUMNS
    left = 128 if many else 112
    side = min(84.0, (WIDTH - left - 2) / len(classes))
    longest = max(len(short(name)) for name in classes)
    top = 28 + 5.6 * longest if many else 42
    with style():
        figure = sheet(top + 4 + side * len(classes))
        note(figure, 0, 12, "↓ True class", color=MUTED, size=10)
        note(figure, left, 12, "Predicted class →", color=MUTED, size=10)
        axes = panel(figure, left, top, side * len(classes), side * len(classes))
        axes.set(xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5))
        axes.set_axis_off()
        for place, name in enumerate(classes):
            middle = side * (place + 0.5)
            size = min(10.0, side - 0.5)
            note(figure, left - 6, top + middle + 3, short(name), color=INK, size=size, ha="right")
            look: dict[str, Any] = {"color": INK, "size": size}
            if many:
                look |= {"rotation": 90, "va": "bottom", "ha": "center"}
                note(figure, left + middle, top - 6, short(name), **look)
            else:
                column = short(name, int(side / 6.2))
                note(figure, left + middle, top - 8, column, ha="center", **look)
        _cells(axes, table, classes, side)
        recalls = "; ".join(f"{name} {shares[i, i]:.0%}" for i, name in enumerate(classes))
        told = f"Confusion matrix. Called correctly, by true class: {recalls}."
        rows = [(name, *map(int, row)) for name, row in zip(classes, table, strict=True)]
        return svg(figure, told, [("true class", *classes), *rows])


def _shares(table: Array) -> Array:
    """Return each count as a share of its row."""
    return table / np.maximum(table.sum(axis=1, keepdims=True), 1)


def _cells(axes: Axes, table: Array, classes: Sequence[str], side: float) -> None:
    gap, shares = 1 / side, _shares(table)
    for row, column in np.ndindex(table.shape):
        corner = (column - 0.5 + gap, row - 0.5 + gap)
        share = float(shares[row, column])
        box = _box(corner, 1 - 2 * gap, 1 - 2 * gap, alpha=0.08 + 0.92 * share)
        number = f"{count(float(table[row, column]))}, {100 * share:.1f}{THIN}%"
        says(box, f"{classes[row]} called {classes[column]}: {number}")
        axes.add_patch(box)
        if row == column:
            frame: dict[str, Any] = {"fill": False, "edgecolor": ACCENT, "linewidth": 1.2}
            axes.add_patch(Rectangle(corner, 1 - 2 * gap, 1 - 2 * gap, **frame))
        look: dict[str, Any] = {"ha": "center", "va": "center", "color": INK if share else MUTED}
        if side < 44:
            text = f"{100 * share:.0f}" if share >= 0.005 else "·" if share == 0 else "<1"
            axes.text(column, row, text, size=min(10.0, side / 2.4), **look)
        else:
            offset = 8 / side
            axes.text(column, row - offset, count(float(table[row, column])), size=11, **look)
            axes.text(column, row + offset, f"{100 * share:.1f}{THIN}%", size=10, **look)


def _box(corner: tuple[float, float], width: float, height: float, alpha: float) -> Rectangle:
    return Rectangle(corner, width, height, facecolor=TINT, alpha=alpha)


def reliability(bins: Sequence[Score]) -> str:
    """Draw how often the classifier is right against how sure it is, with n of each bin.

    Parameters
    ----------
    bins : sequence
        {"low", "high", "n", "confidence", "accuracy"} per bin of confidence, each in 0 … 1.
    """
    filled = [row for row in bins if row.get("n") and row.get("accuracy") is not None]
    start = min((row["low"] for row in filled), default=0.0)
    with style():
        figure = sheet(352)
        note(figure, 0, 12, "↑ Share called correctly", color=MUTED, size=10)
        axes = panel(figure, 34, 22, WIDTH - 44, 220)
        axes.set(xlim=(start, 1), ylim=(0, 1), xticks=[])
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.50", "0.75", "1"])
        axes.grid(visible=True, axis="y")
        axes.set_axisbelow(True)
        axes.plot([start, 1], [start, 1], color=MUTED, linewidth=1, dashes=(3, 3))
        x, y = ([row[key] for row in filled] for key in ("confidence", "accuracy"))
        axes.vlines(x, x, y, color=ACCENT, linewidth=1)
        axes.plot(x, y, "-", color=ACCENT, linewidth=1.4, clip_on=False)
        for row in filled:
            at = (row["confidence"], row["accuracy"])
            (point,) = axes.plot(*at, "o", color=ACCENT, markersize=5, clip_on=False)
            numbers = f"{decimal(at[0])} sure, {decimal(at[1])} right"
            says(point, f"{numbers}, {count(row['n'])} samples")
        note(figure, 34, 260, "Samples in each bin", color=MUTED, size=10)
        _bin_sizes(panel(figure, 34, 266, WIDTH - 44, 52), filled, start)
        confidence = {"color": MUTED, "size": 10, "ha": "right"}
        note(figure, WIDTH - 10, 348, "Probability of the called class →", **confidence)
        pairs = (f"{decimal(a)} sure, {decimal(b)} right" for a, b in zip(x, y, strict=True))
        keys = ("low", "high", "n", "confidence", "accuracy")
        rows = [keys, *([row.get(key) for key in keys] for row in filled)]
        return svg(figure, f"Reliability curve: {'; '.join(pairs)}.", rows)


def _bin_sizes(axes: Axes, bins: Sequence[Score], start: float) -> None:
    axes.set(xlim=(start, 1), ylim=(0, 1.35 * max((row["n"] for row in bins), default=1)))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: decimal(value)))
    look: dict[str, Any] = {"ha": "center", "va": "bottom", "color": INK, "size": 9}
    for row in bins:
        width = row["high"] - row["low"]
        axes.add_patch(_box((row["low"] + 0.05 * width, 0), 0.9 * width, row["n"], alpha=1))
        axes.text(row["low"] + width / 2, row["n"], compact(row["n"]), **look)
