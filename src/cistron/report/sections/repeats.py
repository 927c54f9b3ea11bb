"""Every repeat of a training, and how much the seed matters."""

from __future__ import annotations

from cistron.report import tables
from cistron.report.read import Content
from cistron.report.scores import each_fold, spread
from cistron.report.section import ReportSection, Shown


def repeats(content: Content) -> Shown | None:
    """Show every repeat, and how much the seed matters; None where there is one training."""
    if not content.repeats:
        return None
    return {
        "figures": each_fold(content, content.repeats, "seed", "Seed"),
        "table": tables.repeats(content.metrics),
        "spread": spread(content.repeats, content.metrics["headline"]),
    }


REPEATS = ReportSection("repeats", "Scores by seed", "By seed", repeats, "sections/repeats.html")
