"""Databases of known motifs: JASPAR as pyjaspar ships it, and files of motifs."""

from __future__ import annotations

import importlib.util
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path

import numpy as np

from cistron.base.errors import InputError, nearest
from cistron.base.motif import BASES, Motif
from cistron.explain.motifs.motif_files import read_motifs

# The newest version of each CORE matrix of a taxon, with what is known of its protein, in one pass.
_LATEST = """
WITH latest AS (
  SELECT m.ID AS id, m.BASE_ID || '.' || MAX(m.VERSION) AS name, m.NAME AS factor
  FROM MATRIX m
  WHERE m.COLLECTION = 'CORE' AND m.ID IN (
    SELECT ID FROM MATRIX_ANNOTATION WHERE TAG = 'tax_group' AND (VAL = :taxon OR :taxon = 'all'))
  GROUP BY m.BASE_ID
), known AS (
  SELECT ID AS id,
    GROUP_CONCAT(CASE TAG WHEN 'class' THEN VAL END, '::') AS class,
    GROUP_CONCAT(CASE TAG WHEN 'family' THEN VAL END, '::') AS family
  FROM MATRIX_ANNOTATION WHERE TAG IN ('class', 'family') GROUP BY ID
)
SELECT latest.name, latest.factor, known.class, known.family, d.row, d.col, d.val
FROM latest JOIN MATRIX_DATA d ON d.ID = latest.id LEFT JOIN known ON known.id = latest.id
ORDER BY latest.name, d.col
"""


def read_database(source: str | Path, notes: list[str] | None = None) -> list[Motif]:
    """Return the motifs of a database.

    Parameters
    ----------
    source : str or path
        "jaspar:plants" (or another taxon, or "all"): the newest version of each CORE motif in the
        newest JASPAR release that the installed pyjaspar ships. Else a file in the format of MEME,
        JASPAR, TRANSFAC or HOMER.
    notes : list of str, optional
        Is told how many motifs of a file are skipped.

    Raises
    ------
    InputError
        If there is no such file or taxon, the file is broken, or pyjaspar is not installed.
    """
    text = str(source)
    if text.lower() == "jaspar" or text.lower().startswith("jaspar:"):
        return _read_jaspar(text.partition(":")[2].lower())
    return read_motifs(source, notes)


def read_databases(sources: Sequence[str | Path], notes: list[str] | None = None) -> list[Motif]:
    """Return the motifs of several databases, one after another; see `read_database`."""
    return [motif for source in sources for motif in read_database(source, notes)]


def jaspar_file() -> Path:
    """Return the newest JASPAR SQLite file of the installed pyjaspar.

    Raises
    ------
    InputError
        If pyjaspar is not installed.
    """
    # Only located: importing pyjaspar would import Biopython too.
    found = importlib.util.find_spec("pyjaspar")
    folder = Path(found.origin).parent / "data" if found and found.origin else None
    files = sorted(folder.glob("JASPAR????.sqlite")) if folder else []
    if not files:
        raise InputError(
            "JASPAR comes with pyjaspar, which is not installed: pip install 'cistron[motifs]'. "
            "Or give a file of motifs (MEME, JASPAR, TRANSFAC, HOMER) as --database."
        )
    return files[-1]


def _read_jaspar(taxon: str) -> list[Motif]:
    path = jaspar_file()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(_LATEST, {"taxon": taxon}).fetchall()
        if not rows:
            query = "SELECT DISTINCT VAL FROM MATRIX_ANNOTATION WHERE TAG = 'tax_group'"
            taxa = sorted(value for (value,) in connection.execute(query))
            said = f"JASPAR has no taxon {taxon!r}." if taxon else "JASPAR needs a taxon."
            raise InputError(
                f"{said} There are: {', '.join(taxa)}; and all, of all of them. Write "
                f"jaspar:plants.{nearest(taxon, taxa)}"
            )
    return list(_motifs(rows))


def _motifs(rows: Sequence[tuple[str, ...]]) -> Iterator[Motif]:
    for (name, factor, class_, family), cells in groupby(rows, key=lambda row: row[:4]):
        entries = [(int(col) - 1, BASES.index(row), val) for *_, row, col, val in cells]
        counts = np.zeros((max(col for col, _, _ in entries) + 1, 4))
        for col, base, val in entries:
            counts[col, base] = val
        counts[counts.sum(axis=1) == 0] = 1.0
        sums = counts.sum(axis=1, keepdims=True)
        label = _family(class_ or "", family or "")
        yield Motif(name, factor, label, counts / sums, round(float(sums.max())))


def _family(class_: str, family: str) -> str:
    """Return "bZIP: Group A" of a class "Basic leucine zipper factors (bZIP)" and its family."""
    classes = dict.fromkeys(_short(name) for name in class_.split("::") if name)
    families = dict.fromkeys(name for name in family.split("::") if name)
    return ": ".join(dict.fromkeys(filter(None, ("::".join(classes), "::".join(families)))))


def _short(class_: str) -> str:
    inside = re.search(r"\(([^()]+)\)\s*$", class_)
    return inside[1] if inside else class_
