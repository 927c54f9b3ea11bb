"""In which groups the calls are worst, and of cells the scores of each group."""

from __future__ import annotations

import numpy as np

from cistron import figures
from cistron.evaluation.cell_groups import group_scores
from cistron.report import tables
from cistron.report.cell_groups import DRAWN, largest, of_all, score, tested_groups
from cistron.report.names import label
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown


def groups(content: Content) -> Shown | None:
    """Show in which groups the calls are worst; None where there are no groups."""
    shown = {"tables": _worst(content), "cells": _cells(content)}
    return shown if any(shown.values()) else None


def _worst(content: Content) -> list[tables.Table]:
    relatives = content.test.get("relatives") or {}
    made = [tables.relatives(content.metrics, column) for column in relatives]
    by_column = content.test.get("groups") or {}
    made += [tables.worst_groups(column, entries) for column, entries in by_column.items()]
    return [table for table in made if table.rows]


def _cells(content: Content) -> list[Shown]:
    """Draw the score of every group with its interval, a figure a metric, by group column."""
    columns: list[Shown] = []
    metric = content.metrics["headline"]
    metric = metric if metric in ("mcc", "balanced_accuracy") else "mcc"
    for column, tested, total in tested_groups(content):
        scores = group_scores(
            tested["label"], tested["predicted"], tested["group"], content.classes, metric
        )
        if len(scores) < 2:
            continue
        drawn = largest(scores, DRAWN)
        forests = []
        for name in ("accuracy", metric):
            rows = {str(group["value"]): score(group[name]) for group in drawn}
            overall = (content.test.get(name) or {}).get("value")
            if any(np.isfinite(row["value"]) for row in rows.values()):
                forests.append(figures.forest(rows, label(name), reference=overall))
        caption = f"Each {column} by itself{of_all(drawn, total)}."
        columns.append({"figures": forests, "caption": caption})
    return columns


GROUPS = ReportSection("groups", "Scores by group", "By group", groups, "sections/groups.html")
