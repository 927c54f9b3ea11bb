"""Find similar sequences through shared k-mers, where MMseqs2 is absent.

Words of six letters of a twelve-letter alphabet (proteins), or of twelve bases on both strands
(DNA), that two sequences share point to a diagonal; where the letters around score well, a banded
local alignment gives identity and coverage. Below half identity too few words are shared to find
every pair.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cistron.samples.alphabet import DNA, Alphabet
from cistron.samples.samples import Sequences
from cistron.splits.search.banded import Scores, Seeds, SeedScores, align, ungapped
from cistron.splits.search.hits import Hits, Rows, significant
from cistron.splits.search.strands import reverse_complements

VERSION = 2
GUARDS_FROM = 0.5
WORDS = 4_000_000  # shared words looked at at a time
COMMON = 2_000  # a word with more places among the targets says nothing
RAREST, LEAST_RARE = 20, 50_000  # of a sequence of common words: so many, of fewer places
DIAGONALS = 16  # diagonals that count as one
SHORT = 200  # letters below which one shared word is enough to look closer

# The groups of residues that MMseqs2's linear clustering takes for one (Steinegger & Söding 2018,
# doi:10.1038/s41467-018-04964-5); an ambiguous letter goes with one that it may be.
GROUPS = ("AST", "CU", "DNB", "EQZ", "FY", "G", "H", "IVJ", "KRO", "LM", "P", "W")

# A seed is judged more strictly than an alignment, which must bridge poor stretches.
PROTEIN_SEEDS = SeedScores(same=5, alike=1, other=-2, least=45)
PROTEIN_SCORES = Scores(same=5, alike=2, other=-1, gap_open=10, gap_extend=1, scale=0.29, k=0.1)
DNA_SEEDS = SeedScores(same=5, alike=-4, other=-4, least=70)
DNA_SCORES = Scores(same=5, alike=-4, other=-4, gap_open=16, gap_extend=4, scale=0.19, k=0.2)


def search(queries: Sequences, targets: Sequences | None, *, max_hits: int) -> Hits:
    """Return significant local alignments of every query with the targets.

    Parameters
    ----------
    queries : Sequences
    targets : Sequences or None
        The queries themselves where None; each one's alignment with itself is left out.
    max_hits : int
        Targets aligned with each query at most, those with the best stretch without gaps first.
    """
    hits = [_one_strand(queries, targets, max_hits)]
    if queries.alphabet is DNA:
        others = queries if targets is None else targets
        hits.append(_one_strand(reverse_complements(queries), others, max_hits))
    joined = Hits.join(hits)
    return joined[joined.query != joined.target] if targets is None else joined


def word_alphabet(alphabet: Alphabet) -> tuple[Rows, int, int]:
    """Return each letter's digit (-1: in no word), the number of digits, and the word length."""
    digits = np.full(len(alphabet.letters), -1, dtype=np.int64)
    if alphabet is DNA:
        digits[: alphabet.standard] = np.arange(alphabet.standard)
        return digits, alphabet.standard, 12
    for digit, group in enumerate(GROUPS):
        digits[[alphabet.letters.index(letter) for letter in group]] = digit
    return digits, len(GROUPS), 6


def _words(sequences: Sequences) -> tuple[Rows, Rows, Rows]:
    """Return code, row and place of every word, in the order of the sequences."""
    digits, base, length = word_alphabet(sequences.alphabet)
    digit = digits[sequences.values]
    count = max(len(digit) - length + 1, 0)
    code, known = np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool)
    for shift in range(length):
        letter = digit[shift : shift + count]
        code = code * base + letter
        known &= letter >= 0
    row = np.repeat(np.arange(len(sequences)), sequences.lengths)
    start = np.flatnonzero(known & (row[:count] == row[len(row) - count :]))
    return code[start], row[start], start - sequences.offsets[row[start]]


def _one_strand(queries: Sequences, targets: Sequences | None, max_hits: int) -> Hits:
    """Search as the queries stand; all against all, each pair is looked at once."""
    others = queries if targets is None else targets
    dna = queries.alphabet is DNA
    seed_scores, scores = (DNA_SEEDS, DNA_SCORES) if dna else (PROTEIN_SEEDS, PROTEIN_SCORES)
    group = word_alphabet(queries.alphabet)[0]
    hits = [Hits.none()]
    for shared in _shared(_words(queries), _words(others), once=targets is None):
        seeds = _promising(shared, queries.lengths, others.lengths)
        stretch = ungapped(queries, others, seeds, seed_scores, group)
        good = np.flatnonzero(stretch >= seed_scores.least)
        seeds, stretch = seeds[good], stretch[good]
        seeds = _best(seeds, stretch * _overlap(seeds, queries, others), max_hits)
        if targets is None:
            seeds = _from_the_shorter(seeds, queries.lengths)
        aligned = align(queries, others, seeds, scores, group)
        spans = aligned.identity, aligned.query_coverage, aligned.target_coverage
        hit = Hits(seeds.query, seeds.target, *spans, aligned.bits)
        letters = queries.lengths[seeds.query] * float(others.lengths.sum())
        evalue = letters * 2.0 ** -np.minimum(aligned.bits, 1000)
        hits.append(hit[significant(evalue, *spans)])
    if targets is None:
        hits += [hit.turned() for hit in hits]
    return Hits.join(hits)


def _shared(
    asked: tuple[Rows, Rows, Rows], words: tuple[Rows, Rows, Rows], once: bool
) -> Iterator[Seeds]:
    """Yield shared words, all those of one query together.

    Parameters
    ----------
    asked, words : three ndarrays each
        Code, row and place of the words of the queries and of the targets.
    once : bool
        Queries and targets are the same: each pair once.
    """
    code, row, place = asked
    order = np.argsort(words[0], kind="stable")
    known, target_row, target_place = (column[order] for column in words)
    begin = np.searchsorted(known, code)
    count = np.searchsorted(known, code, side="right") - begin
    count[(count > COMMON) & ~_rarest(row, count)] = 0
    total = np.cumsum(count)
    first = 0
    while first < len(code):
        most = (total[first - 1] if first else 0) + WORDS
        last = min(max(int(np.searchsorted(total, most, "right")), first), len(row) - 1)
        part = slice(first, int(np.searchsorted(row, row[last], "right")))
        first, n = part.stop, count[part]
        which = np.arange(n.sum()) + np.repeat(begin[part] - (np.cumsum(n) - n), n)
        query, start = np.repeat(row[part], n), np.repeat(place[part], n)
        seeds = Seeds(query, target_row[which], start, target_place[which] - start)
        yield seeds[seeds.query < seeds.target] if once else seeds


def _rarest(row: Rows, count: Rows) -> NDArray[np.bool_]:
    """Return the rarest common words of the sequences that hold more common words than others.

    These are repeats: without common words, their relatives would never be found.
    """
    common = count > COMMON
    repetitive = np.bincount(row, common) > 0.5 * np.bincount(row)
    order = np.lexsort((count, ~common, row))
    rank = np.empty(len(row), dtype=np.int64)
    rank[order] = np.arange(len(row)) - np.searchsorted(row[order], row[order])
    return common & repetitive[row] & (rank < RAREST) & (count < LEAST_RARE)


def _promising(shared: Seeds, query_lengths: Rows, target_lengths: Rows) -> Seeds:
    """Return one word of each pair and neighbourhood of diagonals that has two, if not short."""
    if not len(shared.query):
        return shared
    near = shared.diagonal // DIAGONALS
    near -= near.min()
    key = (shared.query * len(target_lengths) + shared.target) * (near.max() + 1) + near
    order = np.argsort(key, kind="stable")
    _, first, count = np.unique(key[order], return_index=True, return_counts=True)
    seeds = shared[order[first + count // 2]]  # the middle one has neighbours on both sides
    shortest = np.minimum(query_lengths[seeds.query], target_lengths[seeds.target])
    return seeds[(count > 1) | (shortest < SHORT)]


def _from_the_shorter(seeds: Seeds, lengths: Rows) -> Seeds:
    """Return the same pairs, the shorter sequence as the query: it takes less to align."""
    turned = lengths[seeds.query] > lengths[seeds.target]
    return Seeds(
        np.where(turned, seeds.target, seeds.query),
        np.where(turned, seeds.query, seeds.target),
        np.where(turned, seeds.place + seeds.diagonal, seeds.place),
        np.where(turned, -seeds.diagonal, seeds.diagonal),
    )


def _overlap(seeds: Seeds, queries: Sequences, targets: Sequences) -> NDArray[np.float64]:
    """Return which share of the shorter sequence lies on a seed's diagonal.

    Repeats match on many diagonals: only near the longest of them both are covered.
    """
    query, target = queries.lengths[seeds.query], targets.lengths[seeds.target]
    letters = np.minimum(query, target - seeds.diagonal) - np.maximum(0, -seeds.diagonal)
    return letters / np.minimum(query, target)


def _best(seeds: Seeds, stretch: NDArray[np.float64], max_hits: int) -> Seeds:
    """Return the best seed of each pair, of each query's the best pairs."""
    order = np.lexsort((-stretch, seeds.target, seeds.query))
    query, target = seeds.query[order], seeds.target[order]
    repeats = (query[1:] == query[:-1]) & (target[1:] == target[:-1])
    order = np.delete(order, 1 + np.flatnonzero(repeats))
    order = order[np.lexsort((-stretch[order], seeds.query[order]))]
    query = seeds.query[order]
    rank = np.arange(len(order)) - np.searchsorted(query, query)
    return seeds[order[rank < max_hits]]
