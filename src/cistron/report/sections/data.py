"""Which samples there are, and which were left out."""

from __future__ import annotations

import pandas as pd

from cistron import figures
from cistron.figures.numbers import count, decimal
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import LONGEST, Cell, Column, Table, parts_of, percent

WIDE = 6  # columns beyond which a table does not fit beside a figure
DIGITS = 3


def data(content: Content) -> Shown | None:
    """Show which samples there are, and which were left out."""
    used = content.used
    if used is None:
        return None
    tables = [
        table
        for made in (samples_by_part, _numbers_by_part, _groups, _dropped)
        if (table := made(content))
    ]
    lengths = None
    if "length" in used and used["length"].notna().any():
        lengths = _lengths(content, used[used["length"].notna()])
    return {
        "wide": [table for table in tables if len(table.columns) > WIDE],
        "narrow": [table for table in tables if len(table.columns) <= WIDE],
        "lengths": lengths,
    }


def _lengths(content: Content, known: pd.DataFrame) -> str:
    members = content.members(known["label"])
    lengths = {n: known.loc[members[n], "length"].to_numpy(float) for n in content.classes}
    lengths = lengths or {"All samples": known["length"].to_numpy(float)}
    return figures.length_histogram(lengths, content.domain.units if content.domain else "letters")


def samples_by_part(content: Content) -> Table | None:
    """How many samples of each class are in each part, or in each fold."""
    used = content.used
    if used is None or used.empty or not content.classes:
        return None
    parts = parts_of(content, used)
    columns = [Column("Class", numeric=False), *map(Column, parts), Column("All"), Column("Share")]
    rows, members = [], content.members(used["label"])
    for name in content.classes:
        member = members[name]
        cells = [Cell(count(int((member & inside).sum()))) for inside in parts.values()]
        share = percent(member.sum() / len(used))
        rows.append([Cell(name), *cells, Cell(count(int(member.sum()))), Cell(share)])
    sums = [Cell(count(int(inside.sum()))) for inside in parts.values()]
    rows.append([Cell("All"), *sums, Cell(count(len(used))), Cell(percent(1.0))])
    caption = "Samples that were used."
    if "set_sizes" in content.test:
        caption += f" {count(int((members.sum(axis=1) > 1).sum()))} have several classes."
    return Table(caption, columns, rows, totals=1)


def _numbers_by_part(content: Content) -> Table | None:
    """How the number is distributed in each part, or in each fold."""
    used = content.used
    if used is None or used.empty or "quantiles" not in content.test:
        return None
    numbers = pd.to_numeric(used["label"])
    parts = {**parts_of(content, used), "All": pd.Series(True, index=used.index)}
    columns = [Column("Part", numeric=False), Column("Samples"), Column("Mean")]
    columns += [Column("Standard deviation"), Column("Lowest"), Column("Median"), Column("Highest")]
    rows = []
    for name, inside in parts.items():
        part = numbers[inside]
        moments = (part.mean(), part.std(ddof=0), part.min(), part.median(), part.max())
        cells = [Cell(decimal(float(value), DIGITS)) for value in moments]
        rows.append([Cell(name), Cell(count(len(part))), *cells])
    caption = f"Samples that were used, and their {content.target.name}."
    return Table(caption, columns, rows, totals=1)


def _groups(content: Content) -> Table | None:
    """How many groups each group column makes, and how large the largest is."""
    used = content.used
    if used is None or used.empty or not content.groups:
        return None
    parts = parts_of(content, used)
    rows = []
    for column in content.groups:
        sizes = used[column].value_counts()
        if sizes.empty:
            continue
        cells = [Cell(count(used.loc[inside, column].nunique())) for inside in parts.values()]
        size = int(sizes.iloc[0])
        largest = str(min(sizes.index[sizes == size].astype(str)))
        share = f"{count(size)}, {percent(size / len(used))}"
        rows.append([Cell(column), Cell(count(len(sizes))), *cells, Cell(largest, share)])
    columns = [Column("Column", numeric=False), Column("Groups"), *map(Column, parts)]
    return Table("Groups in each part.", [*columns, Column("Largest")], rows)


def _dropped(content: Content) -> Table | None:
    """Why records were not used, and how many."""
    table = content.samples
    if table is None or not table["dropped"].ne("").any():
        return None
    reasons = table.loc[table["dropped"].ne(""), "dropped"].astype(str).value_counts()
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], str(item[0])))
    rows = [[Cell(str(reason)), Cell(count(n))] for reason, n in ranked[:LONGEST]]
    rest = sum(n for _, n in ranked[LONGEST:])
    if rest:
        rows.append([Cell(f"{count(len(ranked) - LONGEST)} other reasons"), Cell(count(rest))])
    columns = [Column("Reason", numeric=False), Column("Records")]
    return Table("Records that were read and not used.", columns, rows)


DATA = ReportSection("data", "Data", "Data", data, "sections/data.html")
