"""Rows of a result as a page shows them: filtered, sorted, a part at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np
import pandas as pd

from cistron.figures.numbers import decimal
from cistron.serve.worker import RESULT

PAGE = 50  # rows
OFFLINE = 1_000  # rows of the page that is downloaded
SURE = "probability"  # column made here: that of the class that is called
# What ids look like → where they lead.
LINKS = (
    (
        r"(?:(?:sp|tr)\|)?([OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2})(?:\|\w+)?",
        "UniProt",
        "https://www.uniprot.org/uniprotkb/{}",
    ),
    (
        r"([ANXYW][CGMPRTWZ]_\d{6,}(?:\.\d+)?)",
        "NCBI",
        "https://www.ncbi.nlm.nih.gov/search/all/?term={}",
    ),
    (r"(ENS[A-Z]*[EGPTR]\d{11}(?:\.\d+)?)", "Ensembl", "https://www.ensembl.org/id/{}"),
)


@dataclass(frozen=True)
class View:
    """Which rows of a result are shown.

    Parameters
    ----------
    find : str
        Part of the id.
    predicted : str
        Only this call.
    warned : bool
        Only rows with a warning.
    below : float
        Only calls with a lower probability; 0: all.
    sort : str
        Column.
    down : bool
    page : int
        From 1.
    """

    find: str = ""
    predicted: str = ""
    warned: bool = False
    below: float = 0.0
    sort: str = ""
    down: bool = False
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> View:
        """Return what the query of an address asks for; what makes no sense is left out."""
        below, page = query.get("below", ""), query.get("page", "")
        return cls(
            find=query.get("find", ""),
            predicted=query.get("predicted", ""),
            warned=query.get("warned") == "1",
            below=float(below) if re.fullmatch(r"0?\.\d{1,9}|[01]", below) else 0.0,
            sort=query.get("sort", ""),
            down=query.get("down") == "1",
            page=int(page) if re.fullmatch(r"[1-9]\d{0,8}", page) else 1,
        )

    def query(self, **changes: object) -> str:
        """Return the address of the view, with changes."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        chosen = {k: v for k, v in vars(changed).items() if v != getattr(View, k)}
        return "?" + urlencode({k: "1" if v is True else v for k, v in chosen.items()})


@dataclass(frozen=True)
class ShownRow:
    """One row: its place in the input (from 0), its cells, its warning, where its id leads."""

    place: int
    cells: tuple[str, ...]
    warning: str
    predicted: bool
    link: tuple[str, str] | None


@dataclass(frozen=True)
class Shown:
    """What a page shows of a result.

    Parameters
    ----------
    columns : tuple of str
        Headings of the cells, without the warning.
    numeric : tuple of bool
    rows : tuple of ShownRow
    total, pages : int
        Rows that the view keeps, and the pages that they fill.
    calls : tuple of str
        What was called.
    """

    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[ShownRow, ...]
    total: int
    pages: int
    calls: tuple[str, ...]


def show(folder: Path, view: View, page: int = PAGE) -> Shown:
    """Return the rows of a finished job that a view keeps."""
    table = pd.read_parquet(folder / RESULT)
    call = next((n for n in ("predicted", "predicted_alternative") if n in table), "predicted")
    table = _with_probability(table)
    calls = [] if _numeric(table[call]) else sorted(map(str, table[call].dropna().unique()))
    kept = _sorted(_kept(table, view, call), view)
    pages = max(1, -(-len(kept) // page))
    start = page * (min(max(view.page, 1), pages) - 1)
    columns = [str(name) for name in table if name != "warning"]
    part = kept.iloc[start : start + page]
    return Shown(
        tuple(columns),
        tuple(_numeric(table[name]) for name in columns),
        tuple(_row(place, row, columns, call) for place, row in part.iterrows()),
        len(kept),
        pages,
        tuple(calls[:200]),
    )


def _numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _with_probability(table: pd.DataFrame) -> pd.DataFrame:
    """Put the probability of the call behind the call, where one class is called."""
    names = [f"p_{name}" for name in table.get("predicted", pd.Series()).dropna().unique()]
    if not names or not set(names) <= set(table):
        return table
    chosen = pd.Series(np.nan, index=table.index)
    for name in names:
        mine = table["predicted"] == name.removeprefix("p_")
        chosen[mine] = table.loc[mine, name]
    table = table.copy()
    table.insert(list(table).index("predicted") + 1, SURE, chosen)
    return table


def _kept(table: pd.DataFrame, view: View, call: str) -> pd.DataFrame:
    name = "id" if "id" in table else table.columns[0]
    if view.find:
        ids = table[name].astype(str).str.lower()
        table = table[ids.str.contains(view.find.lower(), regex=False)]
    if view.predicted:
        table = table[table[call].astype(str) == view.predicted]
    if view.warned:
        table = table[table["warning"] != ""]
    if view.below and SURE in table:
        table = table[table[SURE] < view.below]
    return table


def _sorted(table: pd.DataFrame, view: View) -> pd.DataFrame:
    if view.sort not in table:
        return table
    return table.sort_values(view.sort, ascending=not view.down, kind="stable")


def _row(place: object, row: pd.Series, columns: list[str], call: str) -> ShownRow:
    cells = tuple(_written(row[name]) for name in columns)
    name = str(row.get("id", ""))
    known = row[call] is not None and row[call] == row[call]
    return ShownRow(int(str(place)), cells, str(row.get("warning", "")), bool(known), link_of(name))


def _written(value: object) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else decimal(float(value), 3)
    return "" if value is None else str(value)


def link_of(name: str) -> tuple[str, str] | None:
    """Return where an id leads, and how the place is called; None where it looks like no other."""
    for pattern, called, address in LINKS:
        if match := re.fullmatch(pattern, name):
            return address.format(quote(match[1])), called
    return None
