"""What was called what: by class, confusion, curves, the worst mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cistron import figures
from cistron.figures.numbers import count, decimal
from cistron.report.names import in_order, label, meaning
from cistron.report.read import Content, Json
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import MISTAKES, Cell, Column, Table, percent, tested


def classes(content: Content) -> Shown | None:
    """Show how each class is told from the others; None where there are no classes."""
    if not content.classes:
        return None
    return {
        "per_class": _per_class(content),
        "class_bars": _class_bars(content),
        "confusion": _confusion(content),
        "sets": _sets(content),
        "curves": _curves(content),
    }


def _per_class(content: Content) -> Table | None:
    """Metrics of each class against all others, and where there is one its threshold."""
    scores: Mapping[str, Json] = content.test.get("per_class") or {}
    thresholds = content.metrics.get("thresholds") or {}
    names = [name for name in content.classes if name in scores]
    if not names:
        return None
    metrics = [m for m in in_order(scores[names[0]]) if m not in ("n", "intervals")]
    columns = [Column("Class", numeric=False), Column("Samples")]
    columns += [Column(label(m), meaning(m)) for m in metrics]
    rows = [
        [Cell(name), Cell(count(scores[name].get("n")))]
        + [Cell(decimal(scores[name].get(m), 3)) for m in metrics]
        + [Cell(decimal(thresholds.get(name), 3))] * bool(thresholds)
        for name in names
    ]
    if thresholds:
        chosen = "the probability from which the class is named, chosen on validation samples"
        columns.append(Column("Threshold", chosen))
    return Table("Each class against all others.", columns, rows)


def _class_bars(content: Content) -> list[str]:
    """Draw F1 and MCC of every class with their intervals; of two classes F1."""
    scores = content.test.get("per_class") or {}
    known = {n: scores[n] for n in content.classes if (scores.get(n) or {}).get("intervals")}
    sizes = {name: row.get("n") or 0 for name, row in known.items()}
    # Of two classes each is told from the other: their MCC is one number.
    metrics = ("f1",) if "confusion" in content.test and len(known) == 2 else ("f1", "mcc")
    return [
        figures.class_bars({n: r["intervals"][m] for n, r in known.items()}, label(m), sizes)
        for m in metrics
        if known
    ]


def _confusion(content: Content) -> Shown | None:
    """Show what was called what; None where a sample may have several classes."""
    counts, names = content.test.get("confusion"), content.classes
    if not counts:
        return None
    return {
        "figure": figures.confusion_matrix(counts, names),
        "table": _counts(counts, names),
        "shares": len(names) > figures.NAMED_COLUMNS,
        "mistakes": _wrong_calls(content),
    }


def _counts(confusion: Sequence[Sequence[float]], names: Sequence[str]) -> Table:
    """List the counts of the confusion matrix, with the share of the row below each."""
    counts = np.asarray(confusion, dtype=float)
    sums = np.maximum(counts.sum(axis=1), 1)
    rows = [
        [Cell(name)] + [Cell(count(float(n)), percent(float(n / sums[row]))) for n in counts[row]]
        for row, name in enumerate(names)
    ]
    columns = [Column(name) for name in names]
    caption = "Counts by true class (rows) and predicted class (columns)."
    return Table(caption, [Column("True class", numeric=False), *columns], rows)


def _wrong_calls(content: Content) -> Table | None:
    """List the wrong calls that the model was most sure of."""
    table = tested(content)
    if table is None:
        return None
    wrong = table[table["label"] != table["predicted"]]
    shares = wrong[[f"p_{name}" for name in content.classes if f"p_{name}" in wrong]]
    if not shares.size:
        return None
    ranked = wrong.assign(sure=shares.max(axis=1)).sort_values(
        ["sure", "id"], ascending=[False, True]
    )
    most = ranked[["id", "label", "predicted", "sure"]].head(MISTAKES).to_numpy(dtype=object)
    rows = [
        [Cell(str(name)), Cell(str(true)), Cell(str(called)), Cell(decimal(float(sure), 3))]
        for name, true, called, sure in most
    ]
    columns = [Column(text, numeric=False) for text in ("Sample", "Label", "Predicted")]
    caption = "The wrong calls it was most sure of. Worth a look: some may be labelled wrong."
    return Table(caption, [*columns, Column("Probability")], rows)


def _sets(content: Content) -> Shown | None:
    """Show how many classes samples have; None where each has one."""
    sizes = content.test.get("set_sizes")
    if not sizes:
        return None
    rows = [
        [
            Cell(str(entry["classes"])),
            Cell(count(entry["n"])),
            Cell(count(entry["named"])),
            Cell(percent(entry["exact_match"])),
            Cell(decimal(entry["jaccard"], 3)),
        ]
        for entry in sizes
    ]
    headings = ("Samples with so many", "Predicted with so many", "Exact match", "Jaccard index")
    columns = [Column("Classes", numeric=False), *map(Column, headings)]
    caption = "Number of classes. Exact match and Jaccard index are of the samples with so many."
    table, wrong = tested(content), None
    if table is not None:
        wrong = _wrong_classes(content, table)
    return {"table": Table(caption, columns, rows), "mistakes": wrong}


def _wrong_classes(content: Content, table: pd.DataFrame) -> Table | None:
    """List the wrong decisions about a class that the model was most sure of."""
    true, called = (content.members(table[name]).to_numpy() for name in ("label", "predicted"))
    shares = table[[f"p_{name}" for name in content.classes]].to_numpy(dtype=float)
    sure = np.where(true != called, np.where(called, shares, 1 - shares), -1)
    worst = np.argsort(-sure, axis=None, kind="stable")[:MISTAKES]
    rows = []
    for row, column in zip(*np.unravel_index(worst, sure.shape), strict=True):
        if sure[row, column] >= 0:
            entry, name = table.iloc[row], content.classes[column]
            wrong = f"{'named' if called[row, column] else 'not named'}: {name}"
            rows.append(
                [Cell(str(entry[key])) for key in ("id", "label", "predicted")]
                + [Cell(wrong), Cell(decimal(float(shares[row, column]), 3))]
            )
    headings = ("Sample", "Label", "Predicted", "Wrong")
    columns = [*(Column(text, numeric=False) for text in headings), Column("Probability")]
    caption = "The wrong decisions it was most sure of. Worth a look: some may be labelled wrong."
    return Table(caption, columns, rows) if rows else None


def _curves(content: Content) -> dict[str, str]:
    """Draw the curves of every class; with two classes, of the positive one."""
    test, positive = content.test, content.metrics.get("positive")
    curves, per_class = test.get("curves") or {}, test.get("per_class") or {}
    names = [positive] if positive in curves else [n for n in content.classes if n in curves]
    total = test.get("n") or 1
    shares = {name: (row.get("n") or 0) / total for name, row in per_class.items()}
    drawn = {}
    for kind, area in (("roc", "roc_auc"), ("pr", "pr_auc")):
        chosen: dict[str, Json] = {
            str(name): curves[name][kind]
            for name in names
            if (curves[name].get(kind) or {}).get("x")
        }
        areas = {name: per_class.get(name, {}).get(area) for name in chosen}
        if chosen and kind == "roc":
            drawn[kind] = figures.roc_curves(chosen, areas)
        elif chosen:
            drawn[kind] = figures.pr_curves(chosen, areas, shares)
    return drawn


CLASSES = ReportSection("classes", "Scores by class", "By class", classes, "sections/classes.html")
