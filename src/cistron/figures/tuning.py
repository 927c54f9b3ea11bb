"""A search for settings: how good its trials were, and what mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cistron.figures.numbers import THIN, decimal, limits
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


def trials(values: Sequence[float | None], metric: str, lower_is_better: bool) -> str:
    """Draw what each trial reached, and the best by then.

    Parameters
    ----------
    values : sequence
        One number a trial in their order; None for those that were ended early or failed.
    metric : str
    lower_is_better : bool
    """
    known = np.array([np.nan if value is None else value for value in values], dtype=float)
    running = np.fmin.accumulate(known) if lower_is_better else np.fmax.accumulate(known)
    with style():
        figure = sheet(190)
        note(figure, 0, 12, f"{short(metric, 40)} of each trial", color=INK, weight="bold")
        axes = panel(figure, 42, 24, WIDTH - 52, 128)
        number = np.arange(len(known))
        for trial, value in zip(number.tolist(), known, strict=True):
            (point,) = axes.plot(trial, value, "o", color=MUTED, markersize=4)
            says(point, f"trial {trial}: {decimal(value, 3)}")
        axes.step(number, running, where="post", color=ACCENT, linewidth=1.8)
        low, high = limits([(v, v, v) for v in known if np.isfinite(v)] or [(0.0, 0.0, 1.0)])
        axes.set(ylim=(low, high), xlim=(-0.5, max(len(known) - 0.5, 0.5)))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: decimal(y, 2)))
        axes.grid(visible=True, axis="y")
        note(figure, 42, 182, "trial", color=MUTED, size=10)
        reached = running[np.isfinite(running)]
        said = decimal(float(reached[-1])) if len(reached) else "none"
        rows = zip(number.tolist(), known, running, strict=True)
        told = f"{metric} of {len(known)} trials; the best: {said}."
        return svg(figure, told, [("trial", metric, "best by then"), *rows])


def importance_bars(shares: Mapping[str, float]) -> str:
    """Draw the share of the differences between trials that each range explains."""
    pitch = 22
    with style():
        figure = sheet(40 + pitch * len(shares))
        note(figure, 0, 12, "What mattered", color=INK, weight="bold")
        axes = panel(figure, 176, 22, 100, pitch * len(shares))
        axes.set(xlim=(0, 1), ylim=(len(shares) - 0.5, -0.5), xticks=[], yticks=[])
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        for row, (name, share) in enumerate(shares.items()):
            top = 22 + pitch * (row + 0.5) + 3.5
            (bar,) = axes.barh(row, share, height=0.62, color=TINT)
            says(bar, f"{name}: {_percent(share)}")
            note(figure, 0, top, short(name, 30), color=INK, size=10)
            note(figure, 284, top, _percent(share), color=INK, size=10)
        said = "; ".join(f"{name} {_percent(share)}" for name, share in shares.items())
        told = f"Share of the differences explained: {said}."
        return svg(figure, told, [("key", "share"), *shares.items()])


def _percent(share: float) -> str:
    return f"{100 * share:.0f}{THIN}%"
