"""The candidates of `model: {kind: auto}`, and what each weighs in the blend."""

from __future__ import annotations

from cistron.figures.numbers import count, decimal
from cistron.report.names import label
from cistron.report.read import Content, Json
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import Cell, Column, Table


def candidates(content: Content) -> Shown | None:
    """Show every candidate with its weight; None where nothing was chosen among candidates."""
    known = content.candidates
    if known is None:
        return None
    columns = [
        Column("Candidate", numeric=False),
        Column("Encoder", numeric=False),
        Column("Model", numeric=False),
        Column("Weight", "Share of the candidate's output in the classifier's"),
        Column(label(known["metric"]), "On the inner fold that the candidate was not trained on"),
        Column("Loss", "Mean loss on the same samples; less is better"),
        Column("Seconds"),
        Column("State", numeric=False),
    ]
    rows = [_row(entry) for entry in known["candidates"]]
    rows.append(_row({"candidate": "blend", "weight": 1.0, "seconds": None, **known["blend"]}))
    caption = f"Candidates on {count(known['samples'])} samples that each was not trained on."
    return {"table": Table(caption, columns, rows, totals=1)}


def _row(entry: Json) -> list[Cell]:
    texts = [str(entry.get(key, "")) for key in ("candidate", "encoder", "model")]
    for key, places in (("weight", 2), ("score", 3), ("loss", 3), ("seconds", 0)):
        value = entry.get(key)
        texts.append("" if value is None else decimal(value, places))
    return [Cell(text) for text in [*texts, str(entry.get("state", ""))]]


CANDIDATES = ReportSection(
    "candidates",
    "Candidates and their weights",
    "Candidates",
    candidates,
    "sections/candidates.html",
)
