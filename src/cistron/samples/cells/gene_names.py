"""Genes meet: which column of new data is which gene of the training data, found by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.samples.cells.rearranged import move_columns
from cistron.samples.frames import column_names, read_frame

LITTLE = 0.9  # share of genes found, below which the note gives examples
_ENSEMBL = re.compile(r"ENS[A-Z]{0,6}G\d{9,12}(?:\.\d+)?(?:_PAR_Y)?")
_VERSION = re.compile(r"(ENS[A-Z]{0,6}G\d{9,12})\.\d+")


@dataclass(frozen=True, eq=False)
class Aligned:
    """Where the genes of training are in other data.

    Parameters
    ----------
    index : ndarray of int64, shape (genes of training,)
        Column of the other data; -1 where the gene is missing.
    found : dict of str to int
        Genes found, by the rule that found them.
    ambiguous : int
        Genes left out because several columns could be it, or one column several of them.
    missing : tuple of str
        Names of the genes that were not found.
    unused : tuple of str
        Names of the other data that are no gene of training.
    """

    index: NDArray[np.int64]
    found: dict[str, int]
    ambiguous: int
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the training genes that were found."""
        return float((self.index >= 0).mean()) if len(self.index) else 1.0

    @property
    def note(self) -> str:
        """What was found, as sentences."""
        there = int((self.index >= 0).sum())
        rules = ", ".join(f"{count:,} by {rule}" for rule, count in self.found.items() if count)
        text = f"{there:,} of {len(self.index):,} genes of training are in the data"
        text += f" ({rules})." if rules else "."
        if self.ambiguous:
            text += f" Left out because their names are ambiguous: {self.ambiguous:,}."
        if self.share < LITTLE:
            text += f" {self.examples}"
        return text

    @property
    def examples(self) -> str:
        """Three names of each side that found no partner."""
        theirs = ", ".join(self.unused[:3]) or "none"
        return (
            f"Genes of training that were not found: {', '.join(self.missing[:3])}; names in the "
            f"data that are none of them: {theirs}."
        )

    def select(self, values: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return the genes of training, shape (cells, genes); missing ones are zero."""
        columns = np.full(values.shape[1], -1, dtype=np.int64)
        there = np.flatnonzero(self.index >= 0)
        columns[self.index[there]] = there
        return move_columns(values, columns, len(self.index))


def align_genes(
    counts: Counts,
    genes: Sequence[str] | NDArray[np.object_],
    *,
    names: Mapping[str, Sequence[str]] | None = None,
    aliases: Mapping[str, str] | None = None,
    least: float = 0.5,
    what: str = "the data",
) -> Aligned:
    """Find the genes of training in other data, by name and never by position.

    The rules are tried in this order, each on what the ones before have left: the same name;
    another stored name of either side (symbol, Ensembl id); Ensembl ids without their version;
    letters of either case; the alias table. Only pairs are matched: a name that several genes of
    one side have is ambiguous, and its genes are counted and left out.

    Parameters
    ----------
    counts : Counts
        The other data.
    genes : sequence of str, shape (genes,)
        Names of the genes of training; unique.
    names : dict of str to sequence of str, shape (genes,), optional
        Further names of the genes of training, as in `Counts.names`.
    aliases : dict of str to str, optional
        Other name → name (see `read_aliases`).
    least : float
        Smallest share of the training genes that must be found.
    what : str
        What messages call the data.

    Returns
    -------
    Aligned

    Raises
    ------
    InputError
        If less than `least` of the genes are found.
    """
    ours = _names_of(np.asarray(genes, dtype=object), (names or {}).values())
    theirs = _names_of(counts.genes, counts.names.values())
    index = np.full(len(ours), -1, dtype=np.int64)
    free, open_ = set(range(len(theirs))), set(range(len(ours)))
    by_rule: dict[str, int] = {}
    ambiguous: set[int] = set()
    for rule, first_only, key in _rules(aliases or {}):
        pairs, unclear = _pairs(
            {row: _keys(ours[row], first_only, key) for row in open_},
            {row: _keys(theirs[row], first_only, key) for row in free},
        )
        for row, column in pairs:
            index[row] = column
        by_rule[rule] = len(pairs)
        ambiguous |= unclear
        open_ -= {row for row, _ in pairs} | unclear
        free -= {column for _, column in pairs}
    missing = tuple(str(ours[row][0]) for row in np.flatnonzero(index < 0))
    unused = tuple(str(theirs[column][0]) for column in sorted(free))
    aligned = Aligned(index, by_rule, len(ambiguous), missing, unused)
    if aligned.share < least:
        raise InputError(
            f"Only {aligned.share:.1%} of the {len(index):,} genes of training are in {what}, "
            f"and {least:.0%} are needed. {aligned.examples} Perhaps it is another organism, or "
            "other kinds of names: give an alias table (two columns: other name, name)."
        )
    return aligned


def read_aliases(path: str | Path) -> dict[str, str]:
    """Read an alias table: another name in the first column, the name in the second.

    Parameters
    ----------
    path : path
        CSV, TSV or parquet with a header, plain or gzip. A name of several meanings is left out.

    Raises
    ------
    InputError
        If it cannot be read, or has less than two columns.
    """
    columns = column_names(path)
    if len(columns) < 2:
        raise InputError(f"{path}: an alias table has two columns: other name, name.")
    frame = read_frame(path, columns[:2]).dropna().drop_duplicates()
    clear = frame[~frame[columns[0]].duplicated(keep=False)]
    return dict(zip(clear[columns[0]], clear[columns[1]], strict=True))


def is_ensembl(names: Iterable[str]) -> bool:
    """Tell whether most names that are not empty are Ensembl ids of genes."""
    given = [name for name in names if name]
    return bool(given) and sum(bool(_ENSEMBL.fullmatch(name)) for name in given) > len(given) / 2


def without_version(name: str) -> str:
    """Return an Ensembl id without its version, any other name as it is."""
    return _VERSION.sub(r"\1", name)


def _rules(aliases: Mapping[str, str]) -> Iterable[tuple[str, bool, Callable[[str], str]]]:
    """Yield what a rule is called, whether it is of first names alone, and its key of a name."""
    yield "name", True, str
    yield "another stored name", False, str
    yield "Ensembl id without version", False, without_version
    yield "letters of either case", False, lambda name: without_version(name).casefold()
    if aliases:
        folded = {
            without_version(a).casefold(): without_version(b).casefold() for a, b in aliases.items()
        }

        def canonical(name: str) -> str:
            plain = without_version(name).casefold()
            return folded.get(plain, plain)

        yield "alias", False, canonical


def _names_of(
    genes: NDArray[np.object_], further: Iterable[Iterable[str]]
) -> list[tuple[str, ...]]:
    return list(zip(genes.tolist(), *(list(names) for names in further), strict=True))


def _keys(names: tuple[str, ...], first_only: bool, key: Callable[[str], str]) -> set[str]:
    return {key(name) for name in (names[:1] if first_only else names) if name}


def _pairs(
    ours: dict[int, set[str]], theirs: dict[int, set[str]]
) -> tuple[list[tuple[int, int]], set[int]]:
    """Return rows that have each other as only partner, and ours that have several."""
    holders: dict[str, list[int]] = {}
    for column, keys in theirs.items():
        for key in keys:
            holders.setdefault(key, []).append(column)
    partners = {
        row: {column for key in keys for column in holders.get(key, ())}
        for row, keys in ours.items()
    }
    wanted = Counter(column for columns in partners.values() for column in columns)
    pairs: list[tuple[int, int]] = []
    unclear: set[int] = set()
    for row, columns in partners.items():
        if len(columns) == 1 and all(wanted[column] == 1 for column in columns):
            pairs.append((row, next(iter(columns))))
        elif columns:
            unclear.add(row)
    return pairs, unclear
