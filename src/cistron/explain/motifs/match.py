"""Patterns compared with known motifs: TOMTOM's p-values, and q-values over the database.

Gupta S, Stamatoyannopoulos JA, Bailey TL, Noble WS (2007). Quantifying similarity between motifs.
Genome Biology 8:R24. doi:10.1186/gb-2007-8-2-r24
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.motif import Motif, reverse_complement
from cistron.base.progress import SILENT, Reporter
from cistron.base.threads import threads_kept
from cistron.explain.motifs.discover import INSTALL, compiling

FEWEST = 25
"""Motifs of a database at least: p-values come from the columns of all of them."""
ALIKE = 0.5
"""Cosine of a match at least, of what both matrices say beyond equal bases.

Columns where one does not reach count as zero. Without it, vague patterns match the flat ends of
long motifs, and motifs as vague as themselves, at tiny p-values.
"""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The best alignment of every query with every target, on either strand.

    Parameters
    ----------
    p : ndarray of float64, shape (queries, targets)
        Chance that a random motif is as similar.
    offset : ndarray of int64, shape (queries, targets)
        Column of the query on which the first column of the target lies, the target turned where
        `reverse` says so.
    overlap : ndarray of int64, shape (queries, targets)
        Columns that lie on each other.
    reverse : ndarray of bool, shape (queries, targets)
        Whether the target is read on the other strand.
    """

    p: NDArray[np.float64]
    offset: NDArray[np.int64]
    overlap: NDArray[np.int64]
    reverse: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Match:
    """A known motif that a pattern is like.

    Parameters
    ----------
    motif : Motif
    p, q : float
        p-value of the comparison, and its q-value among all comparisons of the pattern.
    offset : int
        Column of the pattern's core on which the motif begins; negative where it begins before.
    reverse : bool
        Whether the motif is read on the other strand.
    """

    motif: Motif
    p: float
    q: float
    offset: int
    reverse: bool


def compare(
    queries: Sequence[NDArray[np.float64]],
    targets: Sequence[NDArray[np.float64]],
    *,
    reporter: Reporter = SILENT,
) -> Comparison:
    """Compare matrices of probabilities by TOMTOM, with the Euclidean distance of columns.

    Parameters
    ----------
    queries, targets : sequence of ndarray, shape (width, 4)
    reporter : Reporter, optional
        Told when numba compiles for the first time.

    Raises
    ------
    InputError
        If there are fewer targets than `FEWEST`, or memelite is not installed.
    """
    require_enough(len(targets))
    shape = (len(queries), len(targets))
    if not queries:
        nothing = np.empty(shape, dtype=np.int64)
        return Comparison(nothing.astype(float), nothing, nothing, nothing.astype(bool))
    try:
        from memelite import tomtom
    except ImportError:
        raise InputError(f"Comparing motifs needs memelite: {INSTALL}") from None
    with compiling(reporter, "memelite"), threads_kept():
        p, _, offset, overlap, strand = tomtom(
            [np.ascontiguousarray(q.T, dtype=np.float64) for q in queries],
            [np.ascontiguousarray(t.T, dtype=np.float64) for t in targets],
        )
    # A p-value is a difference of sums, which rounding may bring below zero.
    p = np.clip(p, np.finfo(float).tiny, 1.0)
    # memelite counts where the query begins on the target.
    return Comparison(p, -offset.astype(np.int64), overlap.astype(np.int64), strand.astype(bool))


def require_enough(motifs: int) -> None:
    """Refuse a database that is too small.

    Raises
    ------
    InputError
        If it has fewer motifs than `FEWEST`.
    """
    if motifs < FEWEST:
        raise InputError(
            f"The database has {motifs} motifs. Give {FEWEST} at least: a p-value compares with "
            "the columns of all of them. Add another with a second --database, such as "
            "jaspar:plants."
        )


def q_values(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the q-values of p-values by Benjamini and Hochberg, along the last axis.

    Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate. J R Stat Soc B
    57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x

    Parameters
    ----------
    p : ndarray, shape (…, comparisons)
    """
    count = p.shape[-1]
    order = np.argsort(p, axis=-1, kind="stable")
    scaled = np.take_along_axis(p, order, axis=-1) * count / np.arange(1, count + 1)
    smallest = np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    q = np.empty_like(p)
    np.put_along_axis(q, order, np.minimum(smallest, 1.0), axis=-1)
    return q


def match(
    queries: Sequence[NDArray[np.float64]],
    database: Sequence[Motif],
    threshold: float = 0.05,
    *,
    reporter: Reporter = SILENT,
) -> list[list[Match]]:
    """Return the known motifs that each query is like, the most similar first.

    The q-values are those of one query over the whole database. A match must also
    have a cosine of at least `ALIKE`.

    Parameters
    ----------
    queries : sequence of ndarray, shape (width, 4)
    database : sequence of Motif
    threshold : float
        Largest q-value.
    reporter : Reporter, optional

    Returns
    -------
    list of list of Match
        One list a query; an empty one where nothing matches.
    """
    found = compare(queries, [motif.probabilities for motif in database], reporter=reporter)
    q = q_values(found.p)
    lists: list[list[Match]] = []
    for row, query in enumerate(queries):
        order = np.lexsort([-found.overlap[row], found.p[row]])
        own = [_match(found, q, row, i, database[i]) for i in order if q[row, i] <= threshold]
        lists.append([made for made in own if _alike(query, made)])
    return lists


def _match(
    comparison: Comparison, q: NDArray[np.float64], row: int, column: int, motif: Motif
) -> Match:
    place = (row, column)
    reverse = bool(comparison.reverse[place])
    return Match(
        motif, float(comparison.p[place]), float(q[place]), int(comparison.offset[place]), reverse
    )


def _alike(query: NDArray[np.float64], made: Match) -> bool:
    target = made.motif.probabilities
    target = reverse_complement(target) if made.reverse else target
    return cosine(query, target, made.offset) >= ALIKE


def cosine(query: NDArray[np.float64], target: NDArray[np.float64], offset: int) -> float:
    """Return the cosine of two matrices, each less 1/4, the target beginning at a column.

    Parameters
    ----------
    query, target : ndarray, shape (width, 4)
    offset : int
        Column of the query on which the target begins.
    """
    ours, theirs = query - 0.25, target - 0.25
    first, last = max(offset, 0), min(offset + len(theirs), len(ours))
    shared = (ours[first:last] * theirs[first - offset : last - offset]).sum()
    return float(shared / max(np.linalg.norm(ours) * np.linalg.norm(theirs), 1e-12))


def title(matches: Sequence[Match]) -> str:
    """Return what a pattern with these matches is called.

    The family, where the best match has one that another match shares; else the best match; "no
    match" where there is none.
    """
    if not matches:
        return "no match"
    shared = Counter(match.motif.family for match in matches)
    family = matches[0].motif.family
    return family if family and shared[family] > 1 else matches[0].motif.label
