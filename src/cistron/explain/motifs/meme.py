"""Files of motifs in the minimal MEME format: read with a word about every mistake, written.

The format: https://meme-suite.org/meme/doc/meme-format.html
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.motif import Motif
from cistron.base.outputs import write_text

Lines = Iterator[tuple[int, str]]

_MATRIX = re.compile(r"letter-probability\s+matrix", re.IGNORECASE)
_ROUNDING = 0.02  # how far the probabilities of a position may be from summing to one


def read_meme(path: str | Path) -> list[Motif]:
    """Read the DNA motifs of a MEME-format file, plain or gzip.

    Of a MOTIF line the first word is the identifier and the rest the other name. Log-odds
    matrices, backgrounds and strands are passed over. Rows of probabilities that miss a sum of one
    by rounding are scaled to it.

    Parameters
    ----------
    path : path

    Raises
    ------
    InputError
        If the file is none, has motifs of RNA or protein, or a matrix is broken: with the line.
    """
    path = Path(path)
    lines = _lines(path)
    found: list[Motif] = []
    names: set[str] = set()
    title: list[str] | None = None
    versioned = False
    for number, line in lines:
        word = line.split(maxsplit=1)[0].upper().rstrip("=:")
        where = f"{path}, line {number}"
        if line.upper().startswith("MEME VERSION"):
            versioned = True
        elif word == "ALPHABET":
            _require_dna(line, where)
        elif word == "MOTIF":
            title = line.split()[1:]
            if not title:
                raise InputError(f"{where}: MOTIF has no name. Write: MOTIF identifier other-name.")
            if title[0] in names:
                raise InputError(f"{where}: a second motif is called {title[0]}. Rename one.")
        elif _MATRIX.match(line):
            if title is None:
                raise InputError(f"{where}: a matrix without a MOTIF line before it.")
            names.add(title[0])
            found.append(_motif(title, line, lines, where, path))
            title = None
    if not found:
        least = "" if versioned else ' It does not begin with "MEME version 4".'
        raise InputError(
            f"{path} has no motif in MEME format (MOTIF … letter-probability matrix …).{least}"
        )
    return found


def write_meme(motifs: Iterable[Motif], path: str | Path) -> None:
    """Write motifs as a MEME-format file (version 4, both strands, equal background)."""
    text = ["MEME version 4", "", "ALPHABET= ACGT", "", "strands: + -", ""]
    text += ["Background letter frequencies", "A 0.25 C 0.25 G 0.25 T 0.25", ""]
    for motif in motifs:
        width = len(motif.probabilities)
        text.append(" ".join(["MOTIF", *motif.name.split(), *motif.factor.split()]))
        text.append(
            f"letter-probability matrix: alength= 4 w= {width} nsites= {motif.sites or 20} E= 0"
        )
        text += ["  ".join(f"{p:.6f}" for p in row) for row in motif.probabilities]
        text.append("")
    write_text(Path(path), "\n".join(text))


def _lines(path: Path) -> Lines:
    """Yield the lines that say something, with their numbers from 1."""
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    try:
        text = (gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed).decode()
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{path} is neither text nor whole gzip.") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def _require_dna(line: str, where: str) -> None:
    """Refuse alphabets that are not DNA's; a definition in words may call itself DNA-like."""
    letters = line.split("=", 1)[1].strip() if "=" in line else ""
    if letters:
        if letters.upper() != "ACGT":
            kind = {"ACGU": "RNA", "ACDEFGHIKLMNPQRSTVWY": "protein"}.get(letters.upper(), letters)
            raise InputError(f"{where}: motifs of {kind}, not of DNA (ALPHABET= ACGT).")
    elif "RNA-LIKE" in line.upper() or "PROTEIN-LIKE" in line.upper() or '"RNA"' in line.upper():
        raise InputError(f"{where}: motifs of another alphabet than DNA (ALPHABET= ACGT).")


def _motif(title: Sequence[str], line: str, lines: Lines, where: str, path: Path) -> Motif:
    letters, width = _said(line, "alength", where), _said(line, "w", where)
    sites = _said(line, "nsites", where) or 0
    name = title[0]
    if letters not in (None, 4):
        raise InputError(f"{where}: motif {name} has {letters:g} letters, and DNA has 4.")
    if width is None or width < 1 or width != int(width):
        raise InputError(f"{where}: motif {name} says no width. Write w= and a whole number.")
    rows: list[NDArray[np.float64]] = []
    for _ in range(int(width)):
        number, row = next(lines, (0, ""))
        if not number:
            raise InputError(
                f"{path} ends within motif {name}: {len(rows)} of {width:g} positions."
            )
        rows.append(_row(row, f"{path}, line {number}", name, f"{len(rows)} of {width:g}"))
    return Motif(name, " ".join(title[1:]), "", np.array(rows), int(sites))


def _said(line: str, key: str, where: str) -> float | None:
    match = re.search(rf"(?<!\w){key}\s*=\s*(\S+)", line)
    if match is None:
        return None
    try:
        return float(match[1])
    except ValueError:
        raise InputError(f"{where}: {key}= {match[1]} is no number.") from None


def _row(text: str, where: str, name: str, so_far: str) -> NDArray[np.float64]:
    try:
        row = np.array(text.replace(",", " ").split(), dtype=np.float64)
    except ValueError:
        raise InputError(
            f"{where}: motif {name} has {so_far} positions before {text[:40]!r}."
        ) from None
    if row.shape != (4,):
        raise InputError(f"{where}: motif {name} has {len(row)} numbers in a row instead of 4.")
    if not (np.isfinite(row).all() and (row >= 0).all() and abs(row.sum() - 1) <= _ROUNDING):
        raise InputError(
            f"{where}: the row of motif {name} is not four probabilities that sum to one "
            f"({row.sum():g})."
        )
    return row / row.sum()
