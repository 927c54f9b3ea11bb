"""What a comparison of runs says, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cistron.evaluation.paired import LEVEL, Comparison, Difference
from cistron.figures.numbers import spanned
from cistron.report.names import label
from cistron.targets.kinds import sign_of


def sentence(difference: Difference, metric: str, kinds: Mapping[str, str]) -> str:
    """Say whether one predictor is better than another, and by how much.

    Parameters
    ----------
    difference : Difference
    metric : str
    kinds : mapping
        Those predictors that are baselines, by name.
    """
    first, second = (called(name, kinds) for name in (difference.first, difference.second))
    sign = sign_of(metric)
    value = sign * difference.interval.value
    low, high = sorted((sign * difference.interval.low, sign * difference.interval.high))
    bounds = {"value": value, "low": low, "high": high}
    value_text, between = spanned(bounds, 3, differs=True)
    numbers = f"{between}, Holm {said_p(difference.holm)}"
    if difference.told_apart:
        by = f"{value_text} {label(metric)}"
        return f"{capital(first)} is better than {second} by {by} ({numbers})."
    return (
        f"{capital(first)} and {second} cannot be told apart: difference in {label(metric)} "
        f"{value_text} ({numbers})."
    )


def conclusion(
    comparison: Comparison, names: Sequence[str], metric: str, kinds: Mapping[str, str]
) -> str:
    """Say whether the runs differ at all, and which is best."""
    among = [d for d in comparison.differences if d.first in names and d.second in names]
    if len(names) < 3:
        return " ".join(sentence(d, metric, kinds) for d in among or comparison.differences)
    ranked = [name for name in comparison.scores if name in names]
    apart = sum(d.told_apart for d in among)
    if comparison.overall < LEVEL:
        text = f"The runs differ in {label(metric)} ({said_p(comparison.overall)})."
    else:
        text = (
            f"Nothing shows that the runs differ in {label(metric)} ({said_p(comparison.overall)})."
        )
    if not apart:
        return f"{text} No two of them can be told apart."
    if comparison.overall >= LEVEL:
        text = f"All together, the runs are not shown to differ in {label(metric)} "
        text += f"({said_p(comparison.overall)}), but pairs of them are."
    best = [d.second for d in among if d.first == ranked[0] and not d.told_apart]
    if not best:
        return f"{text} {ranked[0]} is better than every other run."
    return (
        f"{text} {ranked[0]} scores best; {listed(best)} cannot be told apart from it. "
        f"{apart} of {len(among)} pairs of runs can be told apart."
    )


def said_p(p: float | None) -> str:
    """Write a p-value: "p = 0.004", "p < 0.001"."""
    if p is None or not np.isfinite(p):
        return "p not defined"
    return "p < 0.001" if p < 0.0005 else f"p = {p:.3f}" if p < 0.9995 else "p = 1"


def called(name: str, kinds: Mapping[str, str]) -> str:
    """Return a predictor as a sentence says it."""
    return f"the baseline “{name.lower()}”" if name in kinds else name


def capital(text: str) -> str:
    """Return the text as a sentence begins with it; names of runs stay as they are."""
    return f"The{text[3:]}" if text.startswith("the baseline") else text


def listed(names: Sequence[str]) -> str:
    """Write names as a list; beyond four, the first three and how many more."""
    shown = list(names) if len(names) <= 4 else [*names[:3], f"{len(names) - 3} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
