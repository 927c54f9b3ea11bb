"""What was predicted against what was measured, where numbers are predicted."""

from __future__ import annotations

import pandas as pd

from cistron import figures
from cistron.figures.numbers import decimal
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import MISTAKES, Cell, Column, Table, tested

DIGITS = 3


def numbers(content: Content) -> Shown | None:
    """Show predictions, measurements and errors; None where no numbers are predicted."""
    quantiles = content.test.get("quantiles")
    if quantiles is None:
        return None
    table = tested(content)
    if table is None or table.empty:
        return {"scatter": None}
    table = table.astype({"label": float, "predicted": float})
    predicted, measured = table["predicted"].to_numpy(), table["label"].to_numpy()
    return {
        "scatter": figures.predicted_against_measured(
            predicted, measured, quantiles, content.target.name
        ),
        "residuals": figures.residuals(predicted, measured),
        "mistakes": _largest_errors(table),
    }


def _largest_errors(table: pd.DataFrame) -> Table:
    """List the samples whose number was missed by most."""
    error = table["predicted"] - table["label"]
    ranked = table.assign(error=error, size=error.abs())
    ranked = ranked.sort_values(["size", "id"], ascending=[False, True]).head(MISTAKES)
    rows = [
        [Cell(str(name)), *(Cell(decimal(float(value), DIGITS)) for value in values)]
        for name, *values in ranked[["id", "label", "predicted", "error"]].to_numpy(dtype=object)
    ]
    columns = [Column("Sample", numeric=False), *map(Column, ("Measured", "Predicted", "Error"))]
    return Table("The largest errors. Worth a look: some may be measured wrong.", columns, rows)


NUMBERS = ReportSection(
    "classes",
    "Predicted and measured",
    "Predicted and measured",
    numbers,
    "sections/numbers.html",
)
