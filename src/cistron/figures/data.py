"""The samples, the audit and the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from cistron.base.arrays import Array
from cistron.figures.numbers import THIN, Score, compact, count
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


def history(table: pd.DataFrame, metric: str = "") -> str:
    """Draw the losses, and one validation metric, epoch by epoch.

    Parameters
    ----------
    table : DataFrame
        Columns `epoch`, `train_loss`, `validation_loss`, `validation_<metric>`…; with a column
        `fold`, one line per fold (and `repeat`).
    metric : str
        Whose validation column is drawn below the losses; none where it is not in the table.
    """
    column = f"validation_{metric}"
    lower = column in table and table[column].notna().any()
    keys = [key for key in ("repeat", "fold") if key in table]
    groups = [rows for _, rows in table.groupby(keys)] if keys else [table]
    best = _best_epoch(table) if len(groups) == 1 else None
    height = 330 if lower else 200
    with style():
        figure = sheet(height)
        note(figure, 0, 12, "Loss", color=INK, weight="bold")
        note(figure, 44, 12, "- - training", color=MUTED, size=10)
        note(figure, 118, 12, "— validation", color=ACCENT, size=10)
        axes = panel(figure, 36, 22, WIDTH - 46, 146)
        _lines(axes, groups, "train_loss", MUTED, "--")
        _lines(axes, groups, "validation_loss", ACCENT, "-")
        if lower:
            axes.tick_params(labelbottom=False)
            note(figure, 0, 196, f"{short(metric, 40)}, validation", color=INK, weight="bold")
            _lines(panel(figure, 36, 206, WIDTH - 46, 92), groups, column, ACCENT, "-")
        if best is not None:
            text = f"┊ lowest at epoch {best}"
            note(figure, WIDTH - 10, 12, text, color=INK, size=10, ha="right")
            for part in figure.axes:
                part.axvline(best, color=INK, linewidth=0.9, dashes=(2, 2))
        note(figure, WIDTH - 10, height - 4, "Epoch →", color=MUTED, size=10, ha="right")
        told = f" Lowest validation loss at epoch {best}." if best is not None else ""
        rows = [table.columns.tolist(), *table.itertuples(index=False)]
        return svg(figure, f"Training and validation loss, epoch by epoch.{told}", rows)


def _lines(axes: Axes, groups: Sequence[pd.DataFrame], column: str, colour: str, dash: str) -> None:
    width = 1.6 if len(groups) == 1 else 0.9
    look: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": width}
    for rows in groups:
        if column in rows:
            lone = "o" if len(rows) == 1 else ""
            axes.plot(rows["epoch"].to_numpy(), rows[column].to_numpy(), marker=lone, **look)
    epochs = np.concatenate([rows["epoch"].to_numpy(float) for rows in groups])
    first, last = epochs.min(), epochs.max()
    axes.set_xlim((first, last) if last > first else (first - 1, first + 1))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)


def _best_epoch(table: pd.DataFrame) -> int | None:
    losses = table["validation_loss"].to_numpy(float) if "validation_loss" in table else np.empty(0)
    if not np.isfinite(losses).any():
        return None
    return int(table["epoch"].to_numpy()[np.nanargmin(losses)])


def length_histogram(lengths: Mapping[str, ArrayLike], unit: str = "residues") -> str:
    """Draw the lengths of the sequences of each class, one row per class on a shared scale.

    The scale is logarithmic where the longest is more than twenty times the shortest.

    Parameters
    ----------
    lengths : mapping
        Class → lengths of its sequences, each at least 1.
    unit : str
        What is counted.
    """
    rows = {name: np.asarray(values, dtype=float) for name, values in lengths.items()}
    every = np.concatenate([*rows.values(), np.empty(0)])
    low, high = (every.min(), every.max()) if len(every) else (1.0, 10.0)
    logarithmic = high > 20 * max(low, 1)
    edges = _edges(max(low, 1) if logarithmic else low, high, logarithmic=logarithmic)
    pitch = 34
    with style():
        figure = sheet(62 + pitch * len(rows))
        of = "each class" if len(rows) > 1 else "the samples"
        note(figure, 114, 12, f"Share of {of}", color=MUTED, size=10)
        note(figure, WIDTH, 12, "median", color=MUTED, size=10, ha="right")
        for row, (name, values) in enumerate(rows.items()):
            axes = panel(figure, 114, 20 + pitch * row, 196, pitch)
            axes.set(xlim=(edges[0], edges[-1]), xscale="log" if logarithmic else "linear")
            _histogram(axes, values, edges, last=row == len(rows) - 1)
            top = 20 + pitch * (row + 1) - 5
            note(figure, 0, top, short(name), color=INK, size=10)
            median = count(np.median(values)) if len(values) else "n/a"
            note(figure, WIDTH, top, median, color=INK, size=10, ha="right")
        bottom = 62 + pitch * len(rows) - 6
        note(figure, 310, bottom, f"Length, {short(unit)} →", color=MUTED, size=10, ha="right")
        medians = (f"{name} {count(np.median(row))}" for name, row in rows.items() if len(row))
        told = f"Lengths by class; medians: {'; '.join(medians)} {unit}."
        counts = [np.histogram(values, edges)[0].tolist() for values in rows.values()]
        bins = zip(edges[:-1].tolist(), edges[1:].tolist(), *counts, strict=True)
        return svg(figure, told, [("from", "to", *rows), *bins])


def _edges(low: float, high: float, *, logarithmic: bool, bins: int = 44) -> Array:
    if low == high:
        low, high = 0.9 * low, 1.1 * high + 1
    space = np.geomspace if logarithmic else np.linspace
    return space(low, high, bins + 1)


def _histogram(axes: Axes, values: Array, edges: Array, *, last: bool) -> None:
    heights, _ = np.histogram(values, edges)
    axes.stairs(heights, edges, fill=True, color=TINT, alpha=0.6)
    axes.stairs(heights, edges, color=ACCENT, linewidth=1.2)
    if len(values):
        axes.axvline(np.median(values), color=INK, linewidth=1.2)
    axes.set_ylim(0, 1.1 * max(heights.max(), 1))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: count(x)))
    if axes.get_xscale() == "linear":
        axes.xaxis.set_major_locator(MaxNLocator(4))
    if not last:
        axes.tick_params(bottom=False, labelbottom=False)


def identity_bins(bins: Sequence[Score]) -> str:
    """Draw how similar the test sequences are to their nearest training sequence.

    Parameters
    ----------
    bins : sequence
        {"bin", "n", "share"} per range of identity; shares in 0 … 1.
    """
    pitch = 22
    with style():
        figure = sheet(32 + pitch * len(bins))
        note(figure, 0, 12, "Identity", color=MUTED, size=10)
        note(figure, 96, 12, "Share of the test samples", color=MUTED, size=10)
        axes = panel(figure, 96, 22, 168, pitch * len(bins))
        shares = [row.get("share") or 0.0 for row in bins]
        axes.set(xlim=(0, max([*shares, 0.01])), ylim=(len(bins) - 0.5, -0.5), xticks=[], yticks=[])
        axes.spines["bottom"].set_visible(False)
        for row, share in enumerate(shares):
            box = Rectangle((0, row - 0.32), share, 0.64, color=TINT)
            says(box, f"{bins[row].get('bin')}: {bins[row].get('n') or 0} samples, {share:.1%}")
            axes.add_patch(box)
            axes.plot([share, share], [row - 0.32, row + 0.32], color=ACCENT, linewidth=1.6)
            top = 22 + pitch * (row + 0.5) + 3.5
            note(figure, 0, top, short(bins[row].get("bin"), 15), color=INK, size=10)
            note(figure, 306, top, f"{100 * share:.1f}{THIN}%", color=INK, size=10, ha="right")
            number = f"n {compact(bins[row].get('n') or 0)}"
            note(figure, WIDTH, top, number, color=MUTED, size=10, ha="right")
        told = "; ".join(f"{row.get('bin')}: {row.get('share') or 0:.1%}" for row in bins)
        told = f"Test samples by identity to the nearest training sequence: {told}."
        rows = [[row.get(key) for key in ("bin", "n", "share")] for row in bins]
        return svg(figure, told, [("identity", "n", "share"), *rows])
