"""Predicted numbers against measured ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D
from numpy.typing import ArrayLike, NDArray

from cistron.base.document import Json
from cistron.figures.numbers import count, decimal
from cistron.figures.projection import dots
from cistron.figures.svg import (
    ACCENT,
    INK,
    MUTED,
    WIDTH,
    note,
    panel,
    sheet,
    short,
    style,
    svg,
)

MOST_DOTS = 800  # more hide one another, and are drawn as squares by how many there are
SQUARES = 48
SHADES = 5
TOP, LEFT = 20, 40

Floats = NDArray[np.float64]


def predicted_against_measured(
    predicted: ArrayLike,
    measured: ArrayLike,
    quantiles: Sequence[Json] = (),
    name: str = "number",
) -> str:
    """Draw each sample at what was predicted (across) and measured (up).

    Parameters
    ----------
    predicted, measured : array-like, shape (n,)
    quantiles : sequence
        {"predicted", "measured", "low", "high"} of equal shares of the samples: drawn as points,
        with the range of the middle 80 % of what was measured.
    name : str
        What the number is called.
    """
    x, y = _finite(predicted, measured)
    limits = _limits(np.concatenate([x, y]))
    height = 300
    with style():
        figure = sheet(TOP + height + 34)
        axes = panel(figure, LEFT, TOP, WIDTH - LEFT - 10, height)
        _axes(axes, limits, limits)
        _cloud(axes, x, y)
        axes.plot(limits, limits, color=MUTED, linewidth=1, dashes=(4, 3))
        for row in quantiles:
            at = [row["predicted"]] * 2
            axes.plot(at, [row["low"], row["high"]], color=INK, linewidth=1)
        means = np.array([[row["predicted"], row["measured"]] for row in quantiles])
        dots(axes, means.reshape(-1, 2), INK, 6, 1)
        note(figure, 0, 12, f"Measured {short(name, 40)}", color=INK, weight="bold")
        bottom = TOP + height + 30
        note(figure, WIDTH - 10, bottom, "Predicted →", color=MUTED, size=10, ha="right")
        told = f"Predicted against measured {name} of {count(len(x))} samples."
        return svg(figure, told, _numbers(x, y, "measured", (limits, limits)))


def residuals(predicted: ArrayLike, measured: ArrayLike) -> str:
    """Draw the error of each sample (predicted minus measured) at what was predicted."""
    x, y = _finite(predicted, measured)
    error = x - y
    largest = max(float(np.abs(error).max(initial=0)), 1e-9) * 1.05
    height = 190
    with style():
        figure = sheet(TOP + height + 34)
        axes = panel(figure, LEFT, TOP, WIDTH - LEFT - 10, height)
        _axes(axes, _limits(x), (-largest, largest))
        _cloud(axes, x, error)
        axes.axhline(0, color=MUTED, linewidth=1, dashes=(4, 3))
        note(figure, 0, 12, "Predicted minus measured", color=INK, weight="bold")
        bottom = TOP + height + 30
        note(figure, WIDTH - 10, bottom, "Predicted →", color=MUTED, size=10, ha="right")
        middle = decimal(float(np.median(error)), 3) if len(error) else "n/a"
        told = f"Errors of {count(len(x))} samples by what was predicted; median {middle}."
        box = _limits(x), (-largest, largest)
        return svg(figure, told, _numbers(x, error, "error", box))


def _finite(predicted: ArrayLike, measured: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    return x[known], y[known]


def _limits(values: Floats) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = 0.03 * (high - low) or max(abs(low), 1.0) * 0.1
    return low - room, high + room


def _axes(axes: Axes, across: tuple[float, float], up: tuple[float, float]) -> None:
    axes.set(xlim=across, ylim=up)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(visible=True)
    axes.set_axisbelow(True)


def _numbers(
    x: Floats, y: Floats, name: str, box: tuple[tuple[float, float], tuple[float, float]]
) -> list[tuple[object, ...]]:
    """Return what is drawn as a table: each sample, or the middle of each square and its number."""
    if len(x) <= MOST_DOTS:
        return [("predicted", name), *zip(x, y, strict=True)]
    counts, columns, rows = np.histogram2d(x, y, bins=SQUARES, range=box)
    across, up = (edges[:-1] + np.diff(edges) / 2 for edges in (columns, rows))
    filled = np.argwhere(counts)
    squares = ((across[i], up[j], int(counts[i, j])) for i, j in filled)
    return [("predicted", name, "samples"), *squares]


def _cloud(axes: Axes, x: Floats, y: Floats) -> None:
    """Draw samples as dots; where there are many, as squares that are darker the more they hold."""
    if len(x) <= MOST_DOTS:
        dots(axes, np.column_stack([x, y]), ACCENT, 3, 0.5)
        return
    box = [axes.get_xlim(), axes.get_ylim()]
    counts, columns, rows = np.histogram2d(x, y, bins=SQUARES, range=box)
    shade = np.ceil(SHADES * np.log1p(counts) / np.log1p(counts.max())).astype(int)
    for level in range(1, SHADES + 1):
        inside = np.argwhere(shade == level)
        squares = [
            Path.make_compound_path(Path.unit_rectangle()).transformed(
                _placed(columns[i : i + 2], rows[j : j + 2])
            )
            for i, j in inside
        ]
        if squares:
            shape = Path.make_compound_path(*squares)
            look = {"facecolor": ACCENT, "alpha": level / SHADES, "linewidth": 0}
            axes.add_patch(PathPatch(shape, **look))


def _placed(across: Floats, up: Floats) -> Affine2D:
    """Return what moves the unit square to where it belongs."""
    return Affine2D().scale(np.ptp(across), np.ptp(up)).translate(across[0], up[0])
