"""Tables of numbers per gene: one column or one for each sample, read as what one rule needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator

from cistron.base.errors import InputError, nearest
from cistron.base.files import open_input
from cistron.base.settings import InputPath, Settings
from cistron.samples.frames import MISSING, column_names, frames
from cistron.samples.genome.summed_transcripts import sum_transcripts

Floats = NDArray[np.float64]
_SUMMARIES: dict[str, Callable[..., Floats]] = {
    "max": np.nanmax,
    "mean": np.nanmean,
    "median": np.nanmedian,
}


class NumberTable(Settings):
    """A table of numbers: one row a gene, one or several columns of numbers."""

    table: InputPath = Field(description="CSV, TSV or parquet, plain or gzip")
    id: str | None = Field(None, description="column with the gene's id; the first by default")
    columns: tuple[str, ...] = Field(
        (),
        description="columns with the number (TPM, counts) of each sample, by name or by a "
        "pattern such as leaf_*; not needed where there is one column only",
    )
    summary: Literal["max", "mean", "median"] = Field(
        "max", description="number that stands for several columns"
    )
    transcripts: InputPath | None = Field(
        None,
        description="table of two columns, transcript and gene, where the rows are transcripts "
        "(salmon, kallisto): their numbers are summed",
    )
    scale: Literal["log10", "log2", "none"] = Field(
        "log10",
        description="scale of the number; log10 and log2 take the logarithm of the number + 1",
    )

    @field_validator("columns", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def read(self) -> GeneValues:
        """Return one number a gene.

        Raises
        ------
        InputError
            If the table cannot be read, a number is none or, where a logarithm is taken, negative,
            or an id has two numbers.
        """
        chosen = self._chosen()
        notes: list[str] = []
        frame = read_numbers(self.table, self.id, chosen, positive=self.scale != "none")
        if self.transcripts is not None:
            frame, notes = sum_transcripts(frame, chosen, self.transcripts, self.table)
        numbers = frame[chosen].to_numpy(dtype=np.float64)
        known = ~np.isnan(numbers).all(axis=1)
        number = np.full(len(frame), np.nan)
        if known.any():
            number[known] = _SUMMARIES[self.summary](numbers[known], axis=1)
        if self.scale != "none":
            number = {"log10": np.log10, "log2": np.log2}[self.scale](number + 1)
        return GeneValues(
            path=self.table,
            ids=frame["id"].tolist(),
            record=frame["record"].to_numpy(),
            number=number,
            reason=np.where(known, "", "no number in the table").astype(object),
            notes=tuple(notes),
        )

    def require_genes(self) -> None:
        """Refuse numbers of transcripts where they cannot be summed.

        Raises
        ------
        InputError
        """
        if self.transcripts is not None:
            raise InputError(
                "samples.numbers.transcripts: this kind of label does not read a sum over "
                "transcripts. Leave the key out, and give a table with one row a gene."
            )

    def _chosen(self) -> list[str]:
        """Return the columns that the names and patterns stand for."""
        there = column_names(self.table)
        known = [name for name in there if name != (self.id or there[0])]
        if not self.columns:
            if len(known) == 1:
                return known
            raise InputError(
                f"samples.numbers.columns: {self.table} has {len(known)} columns beside the ids "
                f"({', '.join(known[:8])}{', …' if len(known) > 8 else ''}). Say which hold the "
                "numbers, by name or by a pattern such as leaf_*."
            )
        chosen: dict[str, None] = {}
        for pattern in self.columns:
            matches = [n for n in known if n == pattern] or [
                n for n in known if fnmatchcase(n, pattern)
            ]
            if not matches:
                raise InputError(
                    f"samples.numbers.columns: {self.table} has no column {pattern!r}. Its columns "
                    f"are: {', '.join(there[:20])}.{nearest(pattern, there)}"
                )
            chosen |= dict.fromkeys(matches)
        return list(chosen)


class NumberLabels(Settings):
    """The number itself is what is predicted."""

    kind: Literal["number"] = "number"
    name: str = Field("number", min_length=1, description="what the number is called in reports")

    def values(self, numbers: NumberTable) -> GeneValues:
        """Read the number of each gene."""
        return numbers.read()


@dataclass(frozen=True, eq=False)
class GeneValues:
    """What a table says of each gene, one row a gene.

    Parameters
    ----------
    path : Path
    ids : list of str
        As in the table, each once.
    record : ndarray of int64, shape (rows,)
        1-based row of the table.
    number : ndarray of float64, shape (rows,)
        nan where there is none.
    reason : ndarray of object, shape (rows,)
        Why the gene cannot be used, or "".
    label : ndarray of object, shape (rows,), optional
        Class; None where labels are fitted to the numbers later.
    level : ndarray of float64, shape (rows,), optional
        How much the gene is expressed, for matching.
    notes : tuple of str
        What is to be said of the table.
    """

    path: Path
    ids: list[str]
    record: NDArray[np.int64]
    number: Floats
    reason: NDArray[np.object_]
    label: NDArray[np.object_] | None = None
    level: Floats | None = None
    notes: tuple[str, ...] = ()


def read_numbers(
    path: Path,
    id_column: str | None,
    columns: Sequence[str],
    *,
    texts: Sequence[str] = (),
    positive: bool = False,
) -> pd.DataFrame:
    """Read columns of numbers and of text.

    Parameters
    ----------
    path : Path
    id_column : str or None
        The first column where None.
    columns : sequence of str
        Numbers; nan where missing (empty, NA).
    texts : sequence of str
        Text; None where missing.
    positive : bool
        Refuse numbers below 0.

    Returns
    -------
    DataFrame
        `id`, `record` (1-based row) and the columns asked for, each id once.

    Raises
    ------
    InputError
        If something is no number, or one id has rows that differ.
    """
    key = column_names(path)[0] if id_column is None else id_column
    parts, first = [], 1
    with open_input(path) as source:
        for frame in frames(source, [key, *columns, *texts]):
            part = pd.DataFrame({"id": frame[key].str.strip()})
            part["record"] = np.arange(first, first + len(frame))
            for column in columns:
                place = f"{source.name}, row {{:,}}, column {column!r}"
                part[column] = _floats(frame[column], first, place, positive)
            for column in texts:
                values = [v if v not in MISSING else None for v in frame[column].str.strip()]
                part[column] = pd.Series(values, dtype=object)
            parts.append(part)
            first += len(frame)
        if first == 1:
            raise InputError(f"{source.name} has a header and no rows.")
    table = pd.concat(parts, ignore_index=True)
    unnamed = table["id"].isin(list(MISSING))
    if unnamed.any():
        row = int(table["record"][unnamed].iloc[0])
        raise InputError(f"{path}, row {row:,}: there is no gene id in the column {key!r}.")
    return _each_once(table, path)


def _each_once(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Leave out rows that repeat another; refuse rows that contradict one."""
    columns = [column for column in table if column != "record"]
    table = table[~table.duplicated(subset=columns)]
    twice = table["id"].duplicated(keep=False)
    if twice.any():
        name = table["id"][twice].iloc[0]
        rows = " and ".join(f"{r:,}" for r in table["record"][table["id"] == name].iloc[:2])
        raise InputError(
            f"{path} says two things about {name!r} (rows {rows}; such ids: "
            f"{table['id'][twice].nunique():,}). Leave one row a gene; sum transcripts first."
        )
    return table.reset_index(drop=True)


def _floats(texts: pd.Series, first: int, place: str, positive: bool) -> Floats:
    texts = texts.str.strip()
    missing = texts.isin(list(MISSING)).to_numpy()
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    numbers[missing] = np.nan
    wrong = np.flatnonzero(~np.isfinite(numbers) & ~missing)
    if len(wrong):
        row, text = int(wrong[0]), texts.iloc[wrong[0]]
        comma = " Write numbers with a point." if "," in text else ""
        raise InputError(
            f"{place.format(first + row)}: {text!r} is no number.{comma} Leave the cell empty, or "
            "write NA, where there is none."
        )
    below = np.flatnonzero(numbers < 0)
    if positive and len(below):
        row = int(below[0])
        raise InputError(
            f"{place.format(first + row)}: {texts.iloc[row]} is below 0, and TPM and counts are "
            "not. Where the numbers are logarithms already, set samples.numbers.scale to none."
        )
    return numbers
