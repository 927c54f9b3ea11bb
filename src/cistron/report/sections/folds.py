"""Every fold of a cross-validation."""

from __future__ import annotations

from cistron.report import tables
from cistron.report.read import Content
from cistron.report.scores import each_fold, spread
from cistron.report.section import ReportSection, Shown


def folds(content: Content) -> Shown | None:
    """Show every fold of a cross-validation; None where there is none."""
    if not content.folds:
        return None
    return {
        "figures": each_fold(content, content.folds, "fold", "Fold"),
        "table": tables.folds(content.metrics),
        "spread": spread(content.folds, content.metrics["headline"]),
    }


FOLDS = ReportSection("folds", "Scores by fold", "By fold", folds, "sections/folds.html")
