"""The predicted and the true share of each class, by group of cells."""

from __future__ import annotations

from collections.abc import Sequence

from cistron import figures
from cistron.evaluation.cell_groups import compositions
from cistron.evaluation.evaluate import MOST_GROUPS
from cistron.figures.numbers import count
from cistron.report.cell_groups import DRAWN, largest, of_all, score, tested_groups
from cistron.report.names import human
from cistron.report.read import Content, Json
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import Cell, Column, Table, percent

DRAWN_CLASSES = 6  # whose composition is drawn; the table has all


def composition(content: Content) -> Shown | None:
    """Show shares of classes by group column; None where samples are no cells in groups."""
    columns = []
    for column, tested, total in tested_groups(content):
        groups = compositions(
            tested["label"], tested["predicted"], tested["group"], content.classes
        )
        columns.append(
            {
                "figures": _figures(content, column, groups, total),
                "table": _table(content, column, groups, total),
            }
        )
    return {"columns": columns} if columns else None


def _classes(content: Content) -> list[str]:
    """Return the classes whose shares are told: of two classes that of the second."""
    return content.classes[-1:] if len(content.classes) == 2 else content.classes


def _figures(
    content: Content, column: str, groups: Sequence[Json], total: int
) -> list[tuple[str, str]]:
    """Draw the shares of classes, each with its caption."""
    drawn = largest(groups, DRAWN)
    return [
        (
            figures.composition(
                {
                    str(group["value"]): (score(group["predicted"][name]), group["true"][name])
                    for group in drawn
                },
                name,
            ),
            f"Share of {name} by {column}{of_all(drawn, total)}.",
        )
        for name in _classes(content)[:DRAWN_CLASSES]
    ]


def _table(content: Content, column: str, groups: Sequence[Json], total: int) -> Table:
    listed, names = largest(groups, MOST_GROUPS), _classes(content)
    rows = []
    for group in listed:
        cells = []
        for name in names:
            share = group["predicted"][name]
            interval = f"{percent(share.low)} to {percent(share.high)}"
            cells.append(Cell(percent(share.value), interval))
            cells.append(Cell(percent(group["true"][name])))
        rows.append([Cell(str(group["value"])), Cell(count(group["n"])), *cells])
    columns = [Column(human(column), numeric=False), Column("Cells")]
    for name in names:
        columns += [
            Column(name, "share that is predicted to be of this class, with its 95 % interval"),
            Column("true", f"share that is labelled {name}"),
        ]
    return Table(f"Composition by {column}{of_all(listed, total)}.", columns, rows)


COMPOSITION = ReportSection(
    "composition", "Composition", "Composition", composition, "sections/composition.html"
)
