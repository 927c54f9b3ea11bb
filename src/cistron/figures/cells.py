"""Figures of cells: what groups consist of, and in which classes genes are expressed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cistron.base.document import Json
from cistron.figures.intervals import scale
from cistron.figures.numbers import THIN, Score, triple
from cistron.figures.projection import dots
from cistron.figures.svg import (
    ACCENT,
    INK,
    MUTED,
    PAPER,
    RULE,
    WIDTH,
    note,
    panel,
    says,
    sheet,
    short,
    style,
    svg,
)

PITCH = 21  # between rows
NAMED_CLASSES = 3  # beyond, the columns of a dot plot are numbered
FAINTEST = 0.08  # opacity of the lowest expression
GENE_ROWS = ("leads in", "gene", "direction", "class", "share", "mean")
SIGNS = {"up": "+", "down": "\N{MINUS SIGN}"}


def composition(rows: Mapping[str, tuple[Score, float]], name: str) -> str:
    """Draw the share of a class in each group: predicted with its interval, and as labelled.

    Parameters
    ----------
    rows : mapping
        Group → the predicted share ({"value", "low", "high"}) and the true one.
    name : str
        The class.
    """
    numbers = {group: (triple(found), true) for group, (found, true) in rows.items()}
    pitch = 25
    with style():
        figure = sheet(72 + pitch * len(rows))
        note(figure, 0, 12, short(f"Share of {name}", 60), color=INK, weight="bold")
        axes = panel(figure, 108, 40, 150, pitch * len(rows))
        every = [x for found, true in numbers.values() for x in (*found, true)]
        scale(axes, len(rows), [(0.0, x, x) for x in every if math.isfinite(x)])
        axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f}{THIN}%")
        axes.set_xlim(-0.03 * max([*every, 0.01]), min(1.03, 1.08 * max([*every, 0.01])))
        note(figure, 314, 31, "predicted", color=ACCENT, size=10, ha="right")
        note(figure, WIDTH, 31, "true", color=INK, size=10, ha="right")
        for row, (group, ((value, low, high), true)) in enumerate(numbers.items()):
            top = 40 + pitch * (row + 0.5) + 3.5
            axes.plot([low, high], [row, row], color=ACCENT, linewidth=2.2)
            (point,) = axes.plot(value, row, "o", color=ACCENT, markersize=6)
            between = f"{_percent(low)} to {_percent(high)}"
            says(point, f"{group}: predicted {_percent(value)} ({between}), true {_percent(true)}")
            axes.plot(true, row, "D", color=INK, markersize=6, fillstyle="none", markeredgewidth=1)
            note(figure, 0, top, short(group), color=INK, size=10)
            note(figure, 314, top, _percent(value), color=ACCENT, size=10, ha="right")
            note(figure, WIDTH, top, _percent(true), color=INK, size=10, ha="right")
        told = "; ".join(
            f"{group} {_percent(found[0])}, true {_percent(true)}"
            for group, (found, true) in numbers.items()
        )
        table = [(group, *found, true) for group, (found, true) in numbers.items()]
        headings = ("group", "predicted", "low", "high", "true")
        told = f"Predicted and true share of {name} by group: {told}."
        return svg(figure, told, [headings, *table])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}{THIN}%" if math.isfinite(share) else "n/a"


def gene_dots(blocks: Mapping[str, Sequence[Json]], classes: Sequence[str]) -> str:
    """Draw genes × classes: the size of a dot is how many cells have the gene, its depth how much.

    Parameters
    ----------
    blocks : mapping
        Class → the genes that lead in it, each `symbol`, `direction` ("up", "down"), `share` and
        `mean` (both class → number or None). The direction stands beside the dot of that class.
    classes : sequence of str
        In the order of the columns.
    """
    lines = sum(len(genes) for genes in blocks.values()) + len(blocks)
    many = len(classes) > NAMED_CLASSES
    left, top = 96.0, 40.0
    wide = (WIDTH - left) / len(classes)
    height = PITCH * lines
    with style():
        figure = sheet(top + height + 62)
        axes = panel(figure, left, top, WIDTH - left, height)
        axes.set(xlim=(0, WIDTH - left), ylim=(height, 0))
        axes.set_axis_off()
        note(figure, 0, 12, "↓ Gene", color=MUTED, size=10)
        note(figure, left, 12, "True class →", color=MUTED, size=10)
        for place, name in enumerate(classes):
            text = str(place + 1) if many else short(name, int(wide / 6))
            note(figure, left + wide * (place + 0.5), 30, text, color=INK, size=10, ha="center")
        row = 0
        for block, genes in blocks.items():
            number = f"  {list(classes).index(block) + 1}" if many else ""
            down = top + PITCH * (row + 0.5) + 5
            note(figure, 0, down, short(block, 40) + number, color=INK, size=10, weight="bold")
            axes.plot([-left, WIDTH - left], [PITCH * row] * 2, color=RULE, clip_on=False, lw=1)
            row += 1
            for gene in genes:
                down = top + PITCH * (row + 0.5) + 3.5
                note(figure, 0, down, short(gene["symbol"], 15), color=INK, size=10)
                _dots(axes, gene, classes, PITCH * (row + 0.5), wide)
                place = list(classes).index(block)
                aside = left + wide * (place + 0.5) + _largest(wide) / 2 + 2
                note(figure, aside, down, SIGNS[gene["direction"]], color=INK, weight="bold")
                row += 1
        _legend(figure, top + height + 18, _largest(wide))
        counts = "; ".join(
            f"{block}: " + ", ".join(f"{g['symbol']} {g['direction']}" for g in genes)
            for block, genes in blocks.items()
        )
        told = f"Genes that lead in each class, and where they are expressed. {counts}."
        return svg(figure, told, [GENE_ROWS, *_gene_rows(blocks, classes)])


def _gene_rows(
    blocks: Mapping[str, Sequence[Json]], classes: Sequence[str]
) -> Iterator[Sequence[object]]:
    """Yield each gene in each class: the share of the cells that have it, and its mean."""
    for block, genes in blocks.items():
        for gene in genes:
            for name in classes:
                numbers = (gene["share"].get(name), gene["mean"].get(name))
                yield block, gene["symbol"], gene["direction"], name, *numbers


def _dots(axes: Axes, gene: Json, classes: Sequence[str], down: float, wide: float) -> None:
    most = max((gene["mean"].get(name) or 0.0 for name in classes), default=0.0)
    for place, name in enumerate(classes):
        share = gene["share"].get(name) or 0.0
        depth = (gene["mean"].get(name) or 0.0) / most if most > 0 else 0.0
        _dot(axes, (wide * (place + 0.5), down), share, depth, _largest(wide))


def _largest(wide: float) -> float:
    """Return the diameter of a dot of all cells, in columns so wide."""
    return min(16.5, 0.9 * wide)


def _dot(
    axes: Axes, place: tuple[float, float], share: float, depth: float, largest: float
) -> None:
    """Draw a ringed dot whose area is the share; on paper, so that the ring does not tint it."""
    point, size = np.array([place]), largest * math.sqrt(max(share, 0.004))
    dots(axes, point, MUTED, size + 1.2, 1)
    dots(axes, point, PAPER, size, 1)
    dots(axes, point, ACCENT, size, FAINTEST + (1 - FAINTEST) * depth)


def _legend(figure: Figure, top: float, largest: float) -> None:
    axes = panel(figure, 0, top - 10, WIDTH, 44)
    axes.set(xlim=(0, WIDTH), ylim=(44, 0))
    axes.set_axis_off()
    note(figure, 0, top + 4, "cells with the gene", color=MUTED, size=10)
    note(figure, 0, top + 26, "mean of the gene", color=MUTED, size=10)
    depths = ((0.0, "none"), (0.5, "half"), (1.0, "its highest"))
    for place, (share, (depth, text)) in enumerate(zip((0.1, 0.5, 1.0), depths, strict=True)):
        at = 118.0 + 78 * place
        _dot(axes, (at, 10), share, 0.0, largest)
        note(figure, at + 12, top + 4, f"{100 * share:.0f}{THIN}%", color=MUTED, size=10)
        _dot(axes, (at, 32), 0.7, depth, largest)
        note(figure, at + 12, top + 26, text, color=MUTED, size=10)
