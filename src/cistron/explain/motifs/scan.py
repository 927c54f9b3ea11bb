"""Where a motif stands: every sequence scanned on both strands, with exact p-values.

The score of a place is the log-odds of the motif against the composition of the sequences. Its
p-value is exact for bases drawn independently with that composition, by dynamic programming over
scores in whole numbers.

Grant CE, Bailey TL, Noble WS (2011). FIMO: scanning for occurrences of a given motif.
Bioinformatics 27:1017-1018. doi:10.1093/bioinformatics/btr064
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array

BINS = 1000
"""Steps between the lowest and the highest score of a motif."""
UNKNOWN = 4
"""Code of a base that is not known; nothing that covers one is a hit."""


@dataclass(frozen=True, eq=False)
class Hits:
    """Places of a motif, sorted by sequence and column.

    Parameters
    ----------
    row : ndarray of int64, shape (hits,)
        Which sequence.
    start, end : ndarray of int64, shape (hits,)
        0-based half-open columns.
    reverse : ndarray of bool, shape (hits,)
        Whether the motif is read on the other strand.
    score : ndarray of float64, shape (hits,)
        Log-odds in bits.
    p : ndarray of float64, shape (hits,)
        Chance of such a score at one place of one strand.
    """

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    reverse: NDArray[np.bool_]
    score: NDArray[np.float64]
    p: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, eq=False)
class Scores:
    """A motif as log-odds in whole numbers, and what they mean.

    Parameters
    ----------
    table : ndarray of int32, shape (width, 5)
        Score of A, C, G, T and an unknown base, which is too low for any hit.
    tail : ndarray of float64, shape (largest score + 2,)
        Chance of a score of at least so much.
    step, lowest : float
        A whole score is (log-odds in bits - lowest) / step.
    """

    table: NDArray[np.int32]
    tail: NDArray[np.float64]
    step: float
    lowest: float


def composition(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the shares of A, C, G and T on both strands together, shape (4,).

    Parameters
    ----------
    codes : ndarray of uint8, shape (n, length)
        0 to 3 of A, C, G, T; `UNKNOWN` elsewhere.
    """
    counts = np.bincount(codes.ravel(), minlength=UNKNOWN + 1)[:4] + 1.0
    both = counts + counts[::-1]
    return both / both.sum()


def score_motif(
    probabilities: NDArray[np.float64], background: NDArray[np.float64], sites: int = 0
) -> Scores:
    """Return the log-odds of a motif.

    Parameters
    ----------
    probabilities : ndarray, shape (width, 4)
    background : ndarray, shape (4,)
    sites : int
        How many sites the motif was made from: one more, of the background, is added. Of a motif
        that does not say, 20 are assumed.
    """
    known = sites or 20
    smooth = (probabilities * known + background) / (known + 1)
    odds = np.log2(smooth / background)
    width = len(odds)
    lowest = float(odds.min())
    step = (float(odds.max()) - lowest) / BINS or 1.0
    whole = np.rint((odds - lowest) / step).astype(np.int32)
    chances = np.zeros(int(whole.max(axis=1).sum()) + 2)
    chances[0] = 1.0
    for column in whole:
        parts = [
            share * np.concatenate([np.zeros(score), chances[: len(chances) - score]])
            for score, share in zip(column.tolist(), background, strict=True)
        ]
        chances = np.sum(parts, axis=0)
    tail = np.minimum(np.cumsum(chances[::-1])[::-1], 1.0)
    never = np.full((width, 1), -(BINS + 1) * width, dtype=np.int32)
    return Scores(np.hstack([whole, never]), tail, step, width * lowest)


def scan(
    codes: NDArray[np.uint8],
    probabilities: NDArray[np.float64],
    background: NDArray[np.float64],
    *,
    sites: int = 0,
    p: float = 1e-4,
) -> Hits:
    """Return the places of a motif on both strands.

    Of places that overlap in one sequence, on whichever strand, the one with the highest score is
    kept; of equal ones the first, and of a palindrome the forward one.

    Parameters
    ----------
    codes : ndarray of uint8, shape (n, length)
        0 to 3 of A, C, G, T; `UNKNOWN` elsewhere.
    probabilities : ndarray, shape (width, 4)
    background : ndarray, shape (4,)
    sites : int
        See `score_motif`.
    p : float
        Largest p-value of a place. Of a motif so short or so vague that no place could have it,
        the words with the highest score are hits.

    Returns
    -------
    Hits
    """
    motif = score_motif(probabilities, background, sites)
    width = len(motif.table)
    rare = int(np.searchsorted(-motif.tail, -p))  # the first score that is rare enough
    threshold = min(rare, len(motif.tail) - 2)
    turned = np.hstack([motif.table[::-1, 3::-1], motif.table[:, 4:]])
    forward, backward = (_sums(codes, table) for table in (motif.table, turned))
    rows, starts = zip(
        *(np.nonzero(sums >= threshold) for sums in (forward, backward)), strict=True
    )
    row, start = np.concatenate(rows), np.concatenate(starts)
    reverse = np.repeat([False, True], [len(rows[0]), len(rows[1])])
    score = np.concatenate([forward[rows[0], starts[0]], backward[rows[1], starts[1]]])
    kept = _apart(row, start, score, width)
    row, start, score = row[kept], start[kept], score[kept]
    return Hits(
        row.astype(np.int64),
        start.astype(np.int64),
        start.astype(np.int64) + width,
        reverse[kept],
        score * motif.step + motif.lowest,
        motif.tail[score],
    )


def _sums(codes: NDArray[np.uint8], table: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the score of every place, shape (n, length - width + 1)."""
    places = max(codes.shape[1] - len(table) + 1, 0)
    total = np.zeros((len(codes), places), dtype=np.int32)
    for column, scores in enumerate(table):
        total += scores[codes[:, column : column + places]]
    return total


def _apart(row: Array, start: Array, score: Array, width: int) -> NDArray[np.int64]:
    """Return which hits are kept so that none overlap, in order of sequence and column."""
    kept: dict[int, list[tuple[int, int]]] = {}
    # lexsort is stable: the forward strand, which comes first, wins over its own reverse.
    for i in np.lexsort([start, -score, row]).tolist():
        own = kept.setdefault(int(row[i]), [])
        if all(abs(int(start[i]) - other) >= width for other, _ in own):
            own.append((int(start[i]), i))
    return np.array([i for own in kept.values() for _, i in sorted(own)], dtype=np.int64)
