"""Which gene has which orthologs: tables of two columns, or as OrthoFinder writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cistron.base.errors import InputError
from cistron.base.files import open_input
from cistron.samples.genome.gene_ids import match_overlap

SHOWN = 5  # names listed in a message


@dataclass(frozen=True)
class Pairs:
    """Genes and their orthologs, as tables name them together.

    Parameters
    ----------
    tables : str
        What messages call the tables.
    used : tuple of (str, str)
        Gene, as the samples call it, and ortholog, as the tables do; each pair once.
    notes : tuple of str
        What of the tables is not used, one sentence each.
    """

    tables: str
    used: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    @property
    def orthologs(self) -> list[str]:
        """Every ortholog once."""
        return list(dict.fromkeys(ortholog for _, ortholog in self.used))


def read_pairs(tables: Iterable[Path], genes: Sequence[str] | None = None) -> Pairs:
    """Read ortholog tables.

    A line holds a gene and an ortholog, separated by a tab. A cell may hold several ids, divided
    by a comma and a space: then every gene of the line has every ortholog of it. Lines without an
    ortholog are counted. Where the first line begins with `Orthogroup`, as OrthoFinder writes it,
    it is a header, and gene and ortholog are the last two columns.

    Parameters
    ----------
    tables : iterable of Path
    genes : sequence of str, optional
        The genes whose orthologs are wanted, each once; all of the tables where not given. Ids of
        the two are compared as `cistron.samples.genome.gene_ids.match_overlap` does.

    Raises
    ------
    InputError
        If a table cannot be read or is none, or holds none of the genes.
    """
    tables = list(tables)
    names, alone = ", ".join(map(str, tables)), 0
    pairs: dict[tuple[str, str], None] = {}
    for path in tables:
        found, without = _read(path)
        pairs.update(dict.fromkeys(found))
        alone += without
    notes = [f"Lines of the ortholog tables without an ortholog: {alone:,}."] if alone else []
    if genes is None:
        return Pairs(names, tuple(pairs), tuple(notes))
    called = list(dict.fromkeys(name for name, _ in pairs))
    rows, said = match_overlap(genes, called, names)
    gene_of = {called[row]: gene for gene, row in zip(genes, rows, strict=True) if row >= 0}
    if not gene_of:
        raise InputError(
            f"{names}: no gene of the ortholog table is a sample. It holds {listed(called, 3)}; "
            f"the samples are called {listed(genes, 3)}. If their gene is a part of the header, "
            "declare it under samples.groups and name that group as phyloaug.gene."
        )
    unknown = [name for name in called if name not in gene_of]
    if unknown:
        notes.insert(
            0,
            f"Genes of the ortholog tables that are no sample: {len(unknown):,} "
            f"({listed(unknown)}).",
        )
    used = tuple((gene_of[name], ortholog) for name, ortholog in pairs if name in gene_of)
    return Pairs(names, used, (*said, *notes))


def _read(path: Path) -> tuple[list[tuple[str, str]], int]:
    """Return gene and ortholog of every pair, and how many lines name no ortholog."""
    with open_input(path) as source:
        text = source.stream.read().decode(errors="replace").removeprefix("\ufeff")
        name = source.name
    lines = [
        (number, line, [field.strip() for field in line.split("\t")])
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    ]
    columns = 2
    if lines and lines[0][2][0] == "Orthogroup":
        columns = max(len(lines[0][2]), 3)
        lines = lines[1:]
    pairs: list[tuple[str, str]] = []
    empty = []
    for entry in lines:
        fields = entry[2]
        if len(fields) != columns or not fields[-2]:
            raise InputError(_no_pair(name, entry, columns))
        genes, orthologs = (_ids(field) for field in fields[-2:])
        pairs += [(gene, ortholog) for gene in genes for ortholog in orthologs]
        if not orthologs:
            empty.append(entry)
    if empty and not pairs:
        raise InputError(_no_pair(name, empty[0], columns))
    return pairs, len(empty)


def _no_pair(name: str, entry: tuple[int, str, list[str]], columns: int) -> str:
    number, line, fields = entry
    filled = sum(map(bool, fields))
    return (
        f"{name}, line {number}: an ortholog table has two columns, gene and ortholog, separated "
        f"by a tab{' (and others before them, as in its header)' if columns > 2 else ''}, and this "
        f"line has {filled} ({line[:60]!r})."
    )


def _ids(cell: str) -> list[str]:
    return [text.strip() for text in cell.split(", ") if text.strip()]


def listed(names: Sequence[str], shown: int = SHOWN) -> str:
    """Return the first names, as a message shows them."""
    more = ", …" if len(names) > shown else ""
    return ", ".join(repr(name) for name in names[:shown]) + more
