"""Which scores the sections of a run's page draw, and how much they vary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cistron import figures
from cistron.figures.numbers import decimal
from cistron.report.names import label
from cistron.report.read import Content, Json


def main_metrics(content: Content) -> list[str]:
    """Return the headline metric and the ROC AUC (of numbers Pearson), as far as scored."""
    known = content.test
    area = next((m for m in ("roc_auc", "pearson") if m in known), "macro_roc_auc")
    wanted = dict.fromkeys((content.metrics["headline"], area))
    return [m for m in wanted if (known.get(m) or {}).get("value") is not None]


def each_fold(content: Content, entries: Sequence[Json], key: str, called: str) -> list[str]:
    """Draw the main metrics of every fold, or of every seed, a figure a metric."""
    return [
        figures.folds(
            [{**(e.get(metric) or {}), "fold": e.get(key), "n": e.get("n")} for e in entries],
            content.test[metric],
            label(metric),
            called,
        )
        for metric in main_metrics(content)
    ]


def spread(entries: Sequence[Json], metric: str) -> str:
    """Return "MCC 0.61 ± 0.03" over folds or repeats; empty for fewer than two numbers."""
    values = [(entry.get(metric) or {}).get("value") for entry in entries]
    known = np.array([value for value in values if value is not None])
    if len(known) < 2:
        return ""
    return f"{label(metric)} {decimal(known.mean())} ± {decimal(known.std(ddof=1))}"
