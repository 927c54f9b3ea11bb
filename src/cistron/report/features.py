"""What each feature is worth to a classical model, on held-out samples."""

from __future__ import annotations

from typing import Any

from cistron import figures
from cistron.explain.methods import method_named
from cistron.figures.numbers import count, decimal
from cistron.report.names import label, meaning
from cistron.report.read import Content
from cistron.report.sections import Section
from cistron.report.tables import Cell, Column, Table, score_cell


def features(content: Content) -> Section | None:
    """Show permutation importance beside contributions; None where the run has none."""
    found = content.importance
    if not found:
        return None
    if not found["listed"]:
        return {
            "text": f"The model reads {count(found['features'])} features, and its kind has "
            "neither coefficients nor trees that would say which of them to look at.",
            "table": None,
        }
    entries, metric = found["listed"], found["metric"]
    rows = {entry["feature"]: entry["lost"] for entry in entries}
    return {
        "text": _text(found),
        "figure": figures.forest(rows, f"{label(metric)} lost", reference=0.0),
        "table": _table(found, entries),
    }


def _text(found: dict[str, Any]) -> str:
    listed, total = len(found["listed"]), found["features"]
    which = f"Of {count(total)} features, the {listed} that contribute most to these samples."
    if listed == total:
        which = f"All {total} features."
    return (
        f"{which} A feature\N{RIGHT SINGLE QUOTATION MARK}s values changed places among "
        f"{count(found['samples'])} test samples, {found['repeats']} times, and the trained model "
        "predicted them again. The interval holds the middle 95 per cent of these permutations; it "
        "does not say how far other samples would give another number. Features that say the same "
        "stand in for each other, so that each alone loses little: a group of them can matter "
        "where none of them does."
    )


def _table(found: dict[str, Any], entries: list[dict[str, Any]]) -> Table:
    metric, method = found["metric"], found["contributions"]
    columns = [Column("Feature", numeric=False), Column(f"{label(metric)} lost", meaning(metric))]
    rows = [[Cell(entry["feature"]), score_cell(entry["lost"])] for entry in entries]
    if method:
        columns.append(Column(*method_named(method).size))
        for row, entry in zip(rows, entries, strict=True):
            row.append(Cell(decimal(entry["mean_size"], 3)))
    if found["class"] is not None:
        what = f"log-odds of {found['class']}" if found["class"] else "number"
        columns.append(Column("Coefficient", f"change of the {what} by one standard deviation"))
        for row, entry in zip(rows, entries, strict=True):
            row.append(Cell(decimal(entry["coefficient"], 3)))
    return Table("What features are worth, by what is lost without them.", columns, rows)
