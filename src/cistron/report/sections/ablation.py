"""What the model loses when a region of the windows is hidden from it."""

from __future__ import annotations

from cistron import figures
from cistron.figures.numbers import count
from cistron.report.names import label, meaning, region
from cistron.report.read import Content, Json
from cistron.report.scores import main_metrics
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import Cell, Column, Table, score_cell


def ablation(content: Content) -> Shown | None:
    """Show the scores with each region hidden; None where samples have no regions."""
    entries = content.test.get("ablation")
    if not entries:
        return None
    chosen = [m for m in main_metrics(content) if m in entries[0]["differences"]]
    drawn = [
        figures.forest(
            {region(entry["region"]): entry["differences"][metric] for entry in entries},
            f"{label(metric)} lost without the region",
            reference=0.0,
        )
        for metric in chosen
    ]
    return {"figures": drawn, "table": _table(content.test, entries, chosen)}


def _table(test: Json, entries: list[Json], chosen: list[str]) -> Table:
    columns = [Column("Hidden", numeric=False), Column("Columns of the window")]
    rows = [[Cell("Nothing"), Cell("")]]
    for metric in chosen:
        columns += [Column(label(metric), meaning(metric)), Column("Lost")]
        rows[0] += [score_cell(test.get(metric)), Cell("")]
    for entry in entries:
        begin, end = entry["columns"]
        row = [Cell(region(entry["region"])), Cell(f"{count(begin + 1)} to {count(end)}")]
        for metric in chosen:
            lost = score_cell(entry["differences"][metric], differs=True)
            row += [score_cell(entry.get(metric)), lost]
        rows.append(row)
    return Table("Scores with one region hidden, and what is lost by that.", columns, rows)


ABLATION = ReportSection(
    "ablation", "Scores without a region", "By region", ablation, "sections/ablation.html"
)
