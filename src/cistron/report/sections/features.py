"""What each feature is worth to a classical model, on held-out samples."""

from __future__ import annotations

from cistron import figures
from cistron.explain.methods import method_named
from cistron.figures.numbers import count, decimal
from cistron.report.names import label, meaning
from cistron.report.read import Content, Json
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import Cell, Column, Table, score_cell


def features(content: Content) -> Shown | None:
    """Show permutation importance beside contributions; None where the run has none."""
    importance = content.importance
    if not importance:
        return None
    if not importance["listed"]:
        return {
            "text": f"The model reads {count(importance['features'])} features, and its kind has "
            "neither coefficients nor trees that would say which of them to look at.",
            "table": None,
        }
    entries, metric = importance["listed"], importance["metric"]
    rows = {entry["feature"]: entry["lost"] for entry in entries}
    return {
        "text": _text(importance),
        "figure": figures.forest(rows, f"{label(metric)} lost", reference=0.0),
        "table": _table(importance, entries),
    }


def _text(importance: Json) -> str:
    listed, total = len(importance["listed"]), importance["features"]
    which = f"Of {count(total)} features, the {listed} that contribute most to these samples."
    if listed == total:
        which = f"All {total} features."
    return (
        f"{which} A feature\N{RIGHT SINGLE QUOTATION MARK}s values changed places among "
        f"{count(importance['samples'])} test samples, {importance['repeats']} times, and the "
        "trained model predicted them again. The interval holds the middle 95 per cent of these "
        "permutations; it does not say how far other samples would give another number. Features "
        "that say the same stand in for each other, so that each alone loses little: a group of "
        "them can matter where none of them does."
    )


def _table(importance: Json, entries: list[Json]) -> Table:
    metric, method = importance["metric"], importance["contributions"]
    columns = [Column("Feature", numeric=False), Column(f"{label(metric)} lost", meaning(metric))]
    rows = [[Cell(entry["feature"]), score_cell(entry["lost"], differs=True)] for entry in entries]
    if method:
        columns.append(Column(*method_named(method).size))
        for row, entry in zip(rows, entries, strict=True):
            row.append(Cell(decimal(entry["mean_size"], 3)))
    if importance["class"] is not None:
        what = f"log-odds of {importance['class']}" if importance["class"] else "number"
        columns.append(Column("Coefficient", f"change of the {what} by one standard deviation"))
        for row, entry in zip(rows, entries, strict=True):
            row.append(Cell(decimal(entry["coefficient"], 3)))
    return Table("What features are worth, by what is lost without them.", columns, rows)


FEATURES = ReportSection("features", "Features", "Features", features, "sections/features.html")
