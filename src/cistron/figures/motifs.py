"""The figure of where a pattern stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from cistron.figures.numbers import count
from cistron.figures.svg import (
    ACCENT,
    INK,
    MUTED,
    RULE,
    TINT,
    WIDTH,
    note,
    panel,
    sheet,
    style,
    svg,
)
from cistron.samples.genome.stretches import NAMES, Stretch

_GAP = 14.0  # units between stretches, where columns are not neighbours on the genome


def positions(
    name: str,
    bounds: NDArray[np.int64],
    hits: NDArray[np.int64],
    seqlets: NDArray[np.int64],
    stretches: Sequence[Stretch],
) -> str:
    """Draw how many hits and seqlets of a pattern lie where.

    Parameters
    ----------
    name : str
        Of the pattern.
    bounds : ndarray of int64, shape (bins, 2)
        0-based half-open columns.
    hits, seqlets : ndarray of int64, shape (bins,)
    stretches : sequence of Stretch
        One panel each.
    """
    lengths = np.array([s.end - s.begin for s in stretches])
    room = WIDTH - 34 - _GAP * (len(stretches) - 1)
    widths = room * lengths / lengths.sum()
    top = max(int(hits.max(initial=0)), int(seqlets.max(initial=0)), 1) * 1.08
    with style():
        figure = sheet(176)
        note(figure, 0, 11, "Hits", color=MUTED, size=10)
        note(figure, 30, 11, "and seqlets in a bin", color=ACCENT, size=10)
        left = 30.0
        for number, (stretch, width) in enumerate(zip(stretches, widths, strict=True)):
            axes = panel(figure, left, 20, float(width), 112)
            inside = (bounds[:, 0] >= stretch.begin) & (bounds[:, 1] <= stretch.end)
            edges = bounds[inside] - stretch.zero
            _bars(axes, edges, hits[inside], seqlets[inside])
            axes.set_xlim(stretch.begin - stretch.zero, stretch.end - stretch.zero)
            axes.set_ylim(0, top)
            if number:
                axes.spines["left"].set_visible(False)
                axes.set_yticks([])
            else:
                axes.locator_params(axis="y", nbins=4, integer=True)
            axes.locator_params(axis="x", nbins=max(int(width // 55), 2), integer=True)
            if stretch.begin < stretch.zero < stretch.end:
                axes.axvline(0, color=INK, linewidth=1)
            said = NAMES.get(stretch.anchor, stretch.anchor)
            note(
                figure,
                left + float(width) / 2,
                168,
                f"Bases from the {said}",
                color=MUTED,
                size=10,
                ha="center",
            )
            left += float(width) + _GAP
        peak = int(hits.argmax()) if len(hits) else 0
        return svg(
            figure,
            f"Positions of {name}: {count(int(hits.sum()))} hits, {count(int(seqlets.sum()))} "
            f"seqlets; most hits from column {int(bounds[peak, 0])} to {int(bounds[peak, 1])}.",
            [("from", "to", "hits", "seqlets"), *np.column_stack([bounds, hits, seqlets]).tolist()],
        )


def _bars(
    axes: Axes, edges: NDArray[np.int64], hits: NDArray[np.int64], seqlets: NDArray[np.int64]
) -> None:
    """Draw hits as bars and seqlets as a line of steps over them."""
    if not len(edges):
        return
    width = edges[:, 1] - edges[:, 0]
    axes.bar(edges[:, 0], hits, width * 0.94, align="edge", color=TINT, linewidth=0)
    steps = np.append(edges[:, 0], edges[-1, 1])
    axes.stairs(seqlets, steps, color=ACCENT, linewidth=1.6, baseline=None)
    axes.tick_params(color=RULE)
