"""Samples as points in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from cistron.figures.numbers import count
from cistron.figures.svg import (
    ACCENT,
    COLOURS,
    INK,
    MUTED,
    RULE,
    WIDTH,
    note,
    panel,
    sheet,
    short,
    style,
    svg,
)

Names = tuple[str, str]
UNNAMED = ("first axis", "second axis")
BEHIND = 500  # grey points behind each small drawing
PARTS = {"train": MUTED, "validation": COLOURS[1], "test": COLOURS[0]}


def by_class(
    x: ArrayLike,
    y: ArrayLike,
    labels: Sequence[str],
    classes: Sequence[str],
    what: str = "class",
    grey: str = "",
    names: Names = UNNAMED,
) -> str:
    """Draw samples coloured by class; more than six classes each in a drawing of their own.

    Parameters
    ----------
    x, y : array-like, shape (n,)
    labels : sequence of str, shape (n,)
    classes : sequence of str
        In the order of the legend. Samples with other labels are behind the drawings of single
        classes, and not drawn where all classes are drawn together.
    what : str
        What is coloured, where it is not the class.
    grey : str
        A label that is no class: its samples are grey, and drawn first.
    names : (str, str)
        What the axes are called.
    """
    points, own = _points(x, y), np.asarray(labels, dtype=object)
    if len(classes) > len(COLOURS):
        return _one_by_one(points, own, classes, (what, names))
    colours = dict(zip(classes, COLOURS, strict=False))
    return _together(points, own, colours | ({grey: RULE} if grey else {}), (what, names), grey)


def by_part(x: ArrayLike, y: ArrayLike, parts: Sequence[str], names: Names = UNNAMED) -> str:
    """Draw samples coloured by part: train, validation, test.

    Parameters
    ----------
    x, y : array-like, shape (n,)
    parts : sequence of str, shape (n,)
    names : (str, str)
        What the axes are called.
    """
    return _together(_points(x, y), np.asarray(parts, dtype=object), PARTS, ("part", names))


def _points(x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    return np.column_stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])


def _together(
    points: NDArray[np.float64],
    labels: NDArray[np.object_],
    colours: dict[str, str],
    called: tuple[str, Names],
    first: str = "",
) -> str:
    what, names = called
    named = [name for name in colours if (labels == name).any()]
    sizes = pd.Series(labels).value_counts()
    top, height = 20, 300
    with style():
        figure = sheet(top + height + 34 + 16 * ((len(named) + 1) // 2))
        note(figure, 0, 12, f"↑ {names[1]}", color=MUTED, size=10)
        note(figure, WIDTH, top + height + 16, f"{names[0]} →", color=MUTED, size=10, ha="right")
        axes = panel(figure, 0, top, WIDTH, height)
        _frame(axes, points)
        # Small ones are not hidden.
        for name in sorted(named, key=lambda name: (name != first, -sizes[name])):
            dots(axes, points[labels == name], colours[name], 3.2, 0.75)
        for place, name in enumerate(named):
            left, line = 180 * (place % 2), top + height + 38 + 16 * (place // 2)
            key = panel(figure, left, line - 9, 10, 10)
            key.set(xlim=(0, 1), ylim=(0, 1))
            key.set_axis_off()
            dots(key, np.array([[0.5, 0.5]]), colours[name], 7, 1)
            note(figure, left + 14, line, f"{short(name, 20)}", color=INK, size=10)
            number = count(sizes[name])
            note(figure, left + 168, line, number, color=MUTED, size=10, ha="right")
        counts = ", ".join(f"{name} {sizes[name]}" for name in named)
        told = f"Samples in two dimensions, coloured by {what}: {counts}."
        return svg(figure, told, _rows(points, labels, called))


def _one_by_one(
    points: NDArray[np.float64],
    labels: NDArray[np.object_],
    classes: Sequence[str],
    called: tuple[str, Names],
) -> str:
    """Draw each class over all others in grey."""
    what, names = called
    wide, tall, across = 114, 112, 3
    behind = points[:: max(1, len(points) // BEHIND)]
    with style():
        height = tall * ((len(classes) + across - 1) // across)
        figure = sheet(height + 16)
        said = f"In each: {names[0]} →, {names[1]} ↑"
        note(figure, 0, height + 8, said, color=MUTED, size=10)
        for place, name in enumerate(classes):
            inside = labels == name
            left, top = (wide + 9) * (place % across), tall * (place // across)
            axes = panel(figure, left, top + 16, wide, tall - 26)
            _frame(axes, points)
            dots(axes, behind, RULE, 2, 1)
            dots(axes, points[inside], ACCENT, 2.6, 0.9)
            note(figure, left, top + 11, short(name, 15), color=INK, size=9)
            number = count(inside.sum())
            note(figure, left + wide, top + 11, number, color=MUTED, size=9, ha="right")
        counts = ", ".join(f"{name} {int((labels == name).sum())}" for name in classes)
        told = f"Samples in two dimensions, one drawing a {what}: {counts}."
        return svg(figure, told, _rows(points, labels, called))


def _rows(
    points: NDArray[np.float64], labels: NDArray[np.object_], called: tuple[str, Names]
) -> list[Sequence[object]]:
    """Return where each sample stands, headings first."""
    what, names = called
    rows = ((float(x), float(y), label) for (x, y), label in zip(points, labels, strict=True))
    return [(*names, what), *rows]


def _frame(axes: Axes, points: NDArray[np.float64]) -> None:
    """Make room for all points, in a frame without numbers: only nearness means something."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = 0.03 * np.maximum(high - low, 1e-9)
    axes.set(xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1]))
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(True)


def dots(axes: Axes, points: NDArray[np.float64], colour: str, size: float, alpha: float) -> None:
    """Draw points as one path of lines without length and with round ends: a tenth of the text."""
    if not len(points):
        return
    codes = np.tile([Path.MOVETO, Path.LINETO], len(points)).astype(Path.code_type)
    path = Path(np.repeat(points, 2, axis=0), codes)
    path.should_simplify = False
    look = {"facecolor": "none", "edgecolor": colour, "linewidth": size, "alpha": alpha}
    axes.add_patch(PathPatch(path, capstyle="round", clip_on=False, **look))
