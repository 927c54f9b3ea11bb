"""Local alignment with affine gaps near a known diagonal, many pairs at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.samples.samples import Sequences

BAND = 128  # diagonals
CELLS = 1 << 24  # band cells kept for the way back at a time
AROUND = 32  # letters before and after a seed that its ungapped score counts
STRETCHES = 1 << 16  # seeds scored at a time
STOP, DIAGONAL, UP, LEFT = range(4)
UP_GOES_ON, LEFT_GOES_ON = 4, 8
NEVER = -100  # padding: an alignment never crosses it with profit

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LetterScores:
    """What two aligned letters score: identical, of one group, or any others."""

    same: int
    alike: int
    other: int


@dataclass(frozen=True)
class SeedScores(LetterScores):
    """Scores of a stretch without gaps around a seed, and what it must reach to be aligned."""

    least: int


@dataclass(frozen=True)
class Scores(LetterScores):
    """Scores of an alignment.

    Parameters
    ----------
    same, alike, other : int
    gap_open, gap_extend : int
        Costs of a gap's first and of each further letter.
    scale, k : float
        Karlin and Altschul's parameters (1990, doi:10.1073/pnas.87.6.2264): a score S is
        (scale · S - ln k) / ln 2 bits.
    """

    gap_open: int
    gap_extend: int
    scale: float
    k: float


@dataclass(frozen=True, eq=False)
class Alignments:
    """One local alignment per pair: arrays of shape (pairs,); zeros where nothing aligns."""

    identity: Floats
    query_coverage: Floats
    target_coverage: Floats
    bits: Floats


@dataclass(frozen=True, eq=False)
class Seeds:
    """Words that a query shares with a target: arrays of shape (seeds,).

    Parameters
    ----------
    query, target : ndarray of int64
        Rows.
    place : ndarray of int64
        Where the word starts in the query.
    diagonal : ndarray of int64
        Place in the target less place in the query.
    """

    query: Rows
    target: Rows
    place: Rows
    diagonal: Rows

    def __getitem__(self, which: Array) -> Seeds:
        return Seeds(self.query[which], self.target[which], self.place[which], self.diagonal[which])


def ungapped(
    queries: Sequences, targets: Sequences, seeds: Seeds, scores: LetterScores, group: Rows
) -> Rows:
    """Return the best score without gaps near each seed, on its diagonal; shape (seeds,)."""
    table, padding = _table(scores, group), len(queries.alphabet.letters)
    best = np.zeros(len(seeds.query), dtype=np.int64)
    window = np.arange(-AROUND, AROUND + 6)
    for first in range(0, len(best), STRETCHES):
        part = slice(first, first + STRETCHES)
        start = seeds.place[part, None] + window
        asked = _stretch(queries, seeds.query[part], start, padding)
        met = _stretch(targets, seeds.target[part], start + seeds.diagonal[part, None], padding)
        total = np.cumsum(table.take(asked * np.int64(len(table)) + met), axis=1, dtype=np.int16)
        lowest = np.minimum(np.minimum.accumulate(total, axis=1), 0)
        best[part] = np.maximum(total[:, 1:] - lowest[:, :-1], 0).max(axis=1)
    return best


def align(
    queries: Sequences, targets: Sequences, seeds: Seeds, scores: Scores, group: Rows
) -> Alignments:
    """Return the best local alignment of each pair within 64 diagonals of its seed.

    Smith, Waterman and Gotoh's recursion (1982, doi:10.1016/0022-2836(82)90398-9), row by row of
    the query for a batch of pairs at once.

    Parameters
    ----------
    queries, targets : Sequences
    seeds : Seeds
        One per pair.
    scores : Scores
    group : ndarray of int, shape (letters,)
        Group of each letter; -1 for a letter that is in none and matches nothing.
    """
    lengths = queries.lengths[seeds.query]
    columns_of = np.zeros((len(lengths), 5))
    order = np.argsort(lengths, kind="stable")
    table = _table(scores, group)
    while len(order):
        # From the longest: how many fit is decided by the first.
        count = max(CELLS // (BAND * max(int(lengths[order[-1]]), 1)), 1)
        batch, order = order[-count:], order[:-count]
        letters = _letters(queries, targets, seeds[batch])
        trace, ends = _fill(*letters, scores, table)
        columns_of[batch] = _trace_back(trace, ends, *letters, group)
    matches, columns, query_span, target_span, score = columns_of.T
    return Alignments(
        identity=matches / np.maximum(columns, 1),
        query_coverage=query_span / np.maximum(lengths, 1),
        target_coverage=target_span / np.maximum(targets.lengths[seeds.target], 1),
        bits=(scores.scale * score - np.log(scores.k)) / np.log(2),
    )


def _table(scores: LetterScores, group: Rows) -> NDArray[np.int16]:
    """Return the score of every two letters; the last row and column are padding."""
    table = np.full((len(group) + 1, len(group) + 1), NEVER, dtype=np.int16)
    table[:-1, :-1] = scores.other
    known = group >= 0
    table[:-1, :-1][(group[:, None] == group) & known] = scores.alike
    np.fill_diagonal(table[:-1, :-1], np.where(known, scores.same, scores.other))
    return table


def _letters(queries: Sequences, targets: Sequences, seeds: Seeds) -> tuple[Rows, Rows]:
    """Return the queries, shape (longest, pairs), and the stretches of target they may meet.

    Row `i + b` of a stretch meets letter `i` of the query on diagonal `b` of the band.
    """
    padding = len(queries.alphabet.letters)
    asked, _ = queries.padded(seeds.query, fill=padding)
    start = (seeds.diagonal - BAND // 2)[:, None] + np.arange(asked.shape[1] + BAND)
    met = _stretch(targets, seeds.target, start, padding)
    return np.ascontiguousarray(asked.T, np.int64), np.ascontiguousarray(met.T, np.int64)


def _stretch(sequences: Sequences, rows: Rows, places: Rows, padding: int) -> NDArray[np.uint8]:
    """Return the letters at some places of some rows, shape (rows, places); padding outside."""
    inside = (places >= 0) & (places < sequences.lengths[rows][:, None])
    letters = np.full(places.shape, padding, dtype=np.uint8)
    letters[inside] = sequences.values[(places + sequences.offsets[rows][:, None])[inside]]
    return letters


def _fill(
    asked: Rows, met: Rows, scores: Scores, table: NDArray[np.int16]
) -> tuple[NDArray[np.uint8], Rows]:
    """Return where each cell came from, (rows, BAND, pairs), and row, diagonal, score of the best.

    Cell `[i, b, p]` has the best alignment that ends with letter `i` of query `p` on diagonal `b`.
    """
    rows, pairs = asked.shape
    # Half the bytes are twice the speed; the longest queries score too much for 16 bits.
    number = np.int16 if (rows + BAND) * scores.same < 30_000 else np.int32
    table = table.astype(number)
    trace = np.empty((rows, BAND, pairs), dtype=np.uint8)
    ends = np.zeros((3, pairs), dtype=np.int64)
    ramp = (scores.gap_extend * np.arange(BAND, dtype=number))[:, None]
    best = np.zeros((BAND, pairs), dtype=number)
    up, left = np.full_like(best, NEVER), np.full_like(best, NEVER)
    for i in range(rows):
        diagonal = best + table.take(met[i : i + BAND] + len(table) * asked[i])
        opened, extended = best[1:] - scores.gap_open, up[1:] - scores.gap_extend
        np.maximum(opened, extended, out=up[:-1])
        one_letter = np.maximum(np.maximum(diagonal, up), 0)
        # A gap along the query's row opens at the best cell before, less what each step costs.
        reach = np.maximum.accumulate(one_letter + ramp, axis=0)
        left[1:] = reach[:-1] - ramp[:-1] - scores.gap_open
        best = np.maximum(one_letter, left)
        straight = (best == diagonal).view(np.uint8)
        came = (LEFT - (best == up).view(np.uint8)) * (1 - straight) + straight
        came *= (best > 0).view(np.uint8)
        came[:-1] += UP_GOES_ON * (extended > opened).view(np.uint8)
        came[1:] += LEFT_GOES_ON * (left[1:] > one_letter[:-1] - scores.gap_open).view(np.uint8)
        trace[i] = came
        highest = best.max(axis=0)
        better = np.flatnonzero(highest > ends[2])
        ends[0, better], ends[2, better] = i, highest[better]
        ends[1, better] = best[:, better].argmax(axis=0)
    return trace, ends


def _trace_back(
    trace: NDArray[np.uint8],
    ends: Rows,
    asked: Rows,
    met: Rows,
    group: Rows,
) -> Floats:
    """Follow each best alignment to its start.

    Returns
    -------
    ndarray, shape (pairs, 5)
        Identical letters, columns, letters of query and of target from first to last, score.
    """
    counted = np.zeros((asked.shape[1], 5))
    counted[:, 4] = ends[2]
    known = np.append(group >= 0, False)
    pair = np.flatnonzero(ends[2] > 0)
    i, b = ends[0, pair], ends[1, pair]
    last_query, last_target = ends[0], ends[0] + ends[1]
    mode = np.zeros(len(pair), dtype=np.int64)
    while len(pair):
        cell = trace[i, b, pair]
        step = np.where(mode > 0, mode, cell & 3)
        going = step != STOP
        pair, i, b, cell, step = pair[going], i[going], b[going], cell[going], step[going]
        across = step == DIAGONAL
        letter = asked[i, pair]
        counted[pair, 0] += across & (letter == met[i + b, pair]) & known[letter]
        counted[pair, 1] += 1
        matched = pair[across]
        counted[matched, 2] = last_query[matched] - i[across] + 1
        counted[matched, 3] = last_target[matched] - (i + b)[across] + 1
        goes_on = np.where(step == UP, cell & UP_GOES_ON, cell & LEFT_GOES_ON) > 0
        mode = np.where(goes_on & ~across, step, 0)
        i = i - (step != LEFT)
        b = b + (step == UP) - (step == LEFT)
        inside = i >= 0
        pair, i, b, mode = pair[inside], i[inside], b[inside], mode[inside]
    return counted
