"""Files of motifs in the minimal MEME format: read with a word about every mistake, and written.

The format: https://meme-suite.org/meme/doc/meme-format.html
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.motif import Motif
from cistron.base.outputs import write_text

Lines = Sequence[tuple[int, str]]
"""Number, from 1, and text of each line that says something."""

_MATRIX = re.compile(r"letter-probability\s+matrix", re.IGNORECASE)
_ROUNDING = 0.02  # how far the probabilities of a position may be from summing to one


def read_meme(path: str | Path, notes: list[str] | None = None) -> list[Motif]:
    """Read the DNA motifs of a MEME-format file, plain or gzip; see `parse_meme`."""
    return parse_meme(text_lines(Path(path)), Path(path), notes)


def parse_meme(lines: Lines, path: Path, notes: list[str] | None = None) -> list[Motif]:
    """Return the DNA motifs of the lines of a MEME-format file.

    Of a MOTIF line the first word is the identifier and the rest the other name. Log-odds
    matrices, backgrounds and strands are passed over. Rows of probabilities that miss a sum of one
    by rounding are scaled to it. A matrix without `w=` ends with its rows; a motif without a row is
    skipped.

    Parameters
    ----------
    lines : sequence of (int, str)
        See `text_lines`.
    path : Path
        What messages call the file.
    notes : list of str, optional
        Is told how many motifs are empty.

    Raises
    ------
    InputError
        If the file is none, has motifs of RNA or protein, or a matrix is broken: with the line.
    """
    motifs: list[Motif] = []
    titles: dict[str, bool] = {}  # identifier → whether it has a matrix
    title: list[str] | None = None
    place = 0
    while place < len(lines):
        number, line = lines[place]
        place += 1
        word = line.split(maxsplit=1)[0].upper().rstrip("=:")
        where = f"{path}, line {number}"
        if word == "ALPHABET":
            _require_dna(line, where)
        elif word == "MOTIF":
            title = line.split()[1:]
            if not title:
                raise InputError(f"{where}: MOTIF has no name. Write: MOTIF identifier other-name.")
            require_new(title[0], titles, where)
            titles[title[0]] = False
        elif _MATRIX.match(line):
            if title is None:
                raise InputError(f"{where}: a matrix without a MOTIF line before it.")
            rows, sites = _matrix(title[0], lines, place, where, path)
            place += len(rows)
            if len(rows) and rows.any():
                titles[title[0]] = True
                motifs.append(Motif(title[0], " ".join(title[1:]), "", rows, sites))
            title = None
    tell_empty([name for name, full in titles.items() if not full], path, notes)
    if not motifs:
        versioned = any(line.upper().startswith("MEME VERSION") for _, line in lines)
        least = "" if versioned else ' It does not begin with "MEME version 4".'
        raise InputError(
            f"{path} has no motif in MEME format (MOTIF … letter-probability matrix …), and none "
            f"of JASPAR, TRANSFAC or HOMER.{least}"
        )
    return motifs


def require_new(name: str, known: Iterable[str], where: str) -> None:
    """Refuse a second motif of one name.

    Raises
    ------
    InputError
    """
    if name in known:
        raise InputError(f"{where}: a second motif is called {name}. Rename one.")


def tell_empty(names: Sequence[str], path: Path, notes: list[str] | None) -> None:
    """Note which motifs of a file have no matrix, where somebody is told."""
    if names and notes is not None:
        more = ", …" if len(names) > 3 else ""
        notes.append(
            f"Motifs of {path} without a matrix, skipped: {len(names):,} "
            f"({', '.join(names[:3])}{more})."
        )


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


def text_lines(path: Path) -> Lines:
    """Return the lines that say something, without spaces around, and their numbers from 1.

    Raises
    ------
    InputError
        If there is no such file, or it is neither text nor gzip of text.
    """
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        text = (gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed).decode()
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{path} is neither text nor whole gzip.") from None
    return [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]


def _require_dna(line: str, where: str) -> None:
    """Refuse alphabets that are not DNA's; a definition in words may call itself DNA-like."""
    letters = line.split("=", 1)[1].strip() if "=" in line else ""
    if letters:
        if letters.upper() != "ACGT":
            kind = {"ACGU": "RNA", "ACDEFGHIKLMNPQRSTVWY": "protein"}.get(letters.upper(), letters)
            raise InputError(f"{where}: motifs of {kind}, not of DNA (ALPHABET= ACGT).")
    elif "RNA-LIKE" in line.upper() or "PROTEIN-LIKE" in line.upper() or '"RNA"' in line.upper():
        raise InputError(f"{where}: motifs of another alphabet than DNA (ALPHABET= ACGT).")


def _matrix(
    name: str, lines: Lines, place: int, where: str, path: Path
) -> tuple[NDArray[np.float64], int]:
    """Return the rows of a matrix that begins at a place, and from how many sites it is made."""
    head = lines[place - 1][1]
    letters, width = _said(head, "alength", where), _said(head, "w", where)
    sites = _said(head, "nsites", where) or 0
    if letters not in (None, 4):
        raise InputError(f"{where}: motif {name} has {letters:g} letters, and DNA has 4.")
    if width is not None and not (width >= 0 and width == int(width)):
        raise InputError(f"{where}: motif {name} says no width. Write w= and a whole number.")
    rows: list[NDArray[np.float64]] = []
    for number, row in lines[place : None if width is None else place + int(width)]:
        if width is None and not re.match(r"[-+.\d]", row):
            break
        so_far = f"{len(rows)} of {width:g}" if width is not None else str(len(rows))
        rows.append(_row(row, f"{path}, line {number}", name, so_far))
    if width is not None and len(rows) < width:
        raise InputError(f"{path} ends within motif {name}: {len(rows)} of {width:g} positions.")
    return np.array(rows).reshape(-1, 4), int(sites)


def _said(line: str, key: str, where: str) -> float | None:
    match = re.search(rf"(?<!\w){key}\s*=\s*(\S+)", line)
    if match is None:
        return None
    try:
        value = float(match[1])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {key}= {match[1]} is no number.")
    return value


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
