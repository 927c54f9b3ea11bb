"""The features (of cells, genes) that contribute most, as signed bars."""

from __future__ import annotations

from collections.abc import Sequence

from cistron.figures.numbers import count, decimal
from cistron.figures.svg import (
    COLOURS,
    INK,
    MUTED,
    note,
    panel,
    says,
    sheet,
    short,
    style,
    svg,
)

PITCH = 17


def top_features(name: str, samples: int, names: Sequence[str], means: Sequence[float]) -> str:
    """Draw mean contributions, one bar each; those that speak for the class to the right.

    Parameters
    ----------
    name : str
        Of the samples: those predicted a class, or a group of these.
    samples : int
        How many they are.
    names : sequence of str
    means : sequence of float
        Mean contribution of each.
    """
    height = PITCH * len(names)
    with style():
        figure = sheet(30 + height + 22)
        note(figure, 0, 12, short(name, 34), color=INK, weight="bold")
        told = f"{count(samples)} sample{'' if samples == 1 else 's'}"
        note(figure, 360, 12, told, color=MUTED, size=10, ha="right")
        axes = panel(figure, 118, 24, 190, height)
        rows = list(range(len(names)))
        colours = [COLOURS[0] if mean >= 0 else COLOURS[1] for mean in means]
        bars = axes.barh(rows, means, 0.72, color=colours)
        for bar, feature, mean in zip(bars, names, means, strict=True):
            says(bar, f"{feature}: {decimal(mean, 3)}")
        axes.axvline(0, color=MUTED, linewidth=1)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=4)
        for row, (feature, mean) in enumerate(zip(names, means, strict=True)):
            top = 24 + PITCH * (row + 0.5) + 3.5
            note(figure, 0, top, short(feature), color=INK, size=10)
            note(figure, 360, top, decimal(mean, 3), color=MUTED, size=10, ha="right")
        told = "; ".join(f"{n} {decimal(m, 3)}" for n, m in zip(names, means, strict=True))
        table = [("feature", "mean contribution"), *zip(names, means, strict=True)]
        return svg(figure, f"{name}, mean contributions: {told}.", table)
