"""What the report shows where numbers are predicted."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cistron import figures
from cistron.figures.numbers import count, decimal
from cistron.report.read import Content
from cistron.report.tables import MISTAKES, Cell, Column, Table, parts_of

DIGITS = 3


def scores(content: Content) -> dict[str, Any]:
    """Show what was predicted against what was measured, and the largest errors."""
    tested = _tested(content)
    drawn = None
    if tested is not None:
        predicted, measured = tested["predicted"].to_numpy(), tested["label"].to_numpy()
        quantiles = content.metrics["test"].get("quantiles") or []
        drawn = {
            "scatter": figures.predicted_against_measured(
                predicted, measured, quantiles, content.quantity
            ),
            "residuals": figures.residuals(predicted, measured),
        }
    return {"numbers": drawn, "mistakes": None if tested is None else largest_errors(tested)}


def _tested(content: Content) -> pd.DataFrame | None:
    table = content.predictions
    if table is None or not {"id", "label", "predicted", "part"} <= set(table.columns):
        return None
    tested = table[table["part"] == "test"]
    return tested.astype({"label": float, "predicted": float}) if len(tested) else None


def largest_errors(tested: pd.DataFrame) -> Table:
    """List the samples whose number was missed by most."""
    error = tested["predicted"] - tested["label"]
    ranked = tested.assign(error=error, size=error.abs())
    ranked = ranked.sort_values(["size", "id"], ascending=[False, True]).head(MISTAKES)
    rows = [
        [Cell(str(name)), *(Cell(decimal(float(value), DIGITS)) for value in values)]
        for name, *values in ranked[["id", "label", "predicted", "error"]].to_numpy(dtype=object)
    ]
    columns = [Column("Sample", numeric=False), *map(Column, ("Measured", "Predicted", "Error"))]
    return Table("The largest errors. Worth a look: some may be measured wrong.", columns, rows)


def numbers_by_part(content: Content) -> Table | None:
    """How the number is distributed in each part, or in each fold."""
    used = content.used
    if used is None or used.empty:
        return None
    numbers = pd.to_numeric(used["label"])
    parts = {**parts_of(content, used), "All": pd.Series(True, index=used.index)}
    columns = [Column("Part", numeric=False), Column("Samples"), Column("Mean")]
    columns += [Column("Standard deviation"), Column("Lowest"), Column("Median"), Column("Highest")]
    rows = []
    for name, inside in parts.items():
        own = numbers[inside]
        told = (own.mean(), own.std(ddof=0), own.min(), own.median(), own.max())
        cells = [Cell(decimal(float(value), DIGITS)) for value in told]
        rows.append([Cell(name), Cell(count(len(own))), *cells])
    return Table(f"Samples that were used, and their {content.quantity}.", columns, rows)
