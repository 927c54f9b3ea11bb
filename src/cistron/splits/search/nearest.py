"""The training sequence most similar to each tested one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cistron.samples.letters import identical
from cistron.samples.samples import Samples, Sequences
from cistron.splits.search.hits import Hits
from cistron.splits.search.search import EngineName, Search, find_similar
from cistron.splits.split import TEST, TRAIN, UNUSED, Progress, Split, silent

COVERED = 0.5  # of the tested sequence, for a hit to count as a relative
BOTH_COVERED = 0.8  # of both sequences, for a hit to count as similar
MOST_HITS = 1000  # per tested sequence, as the homology split searches its parts: kept results
FEW_HITS = 50  # enough for the nearest: aligning a giant protein with hundreds takes minutes

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NearestHomolog:
    """For each tested sample the most similar training sample: arrays of shape (tested,).

    Parameters
    ----------
    tested : ndarray of int64
        Rows of the tested samples among all.
    row : ndarray of int64
        Row of the hit with the highest bits; -1 where there is none.
    identity, coverage, bits : ndarray of float
        Of that hit: identical letters as a share of the alignment (0 to 1), share of the tested
        sequence in it (0 to 1), score; 0 where there is none.
    closest : ndarray of float
        The highest identity of any hit that covers half of the tested sequence; nan where there
        is none.
    similar : ndarray of bool
        Whether a training sequence reaches `guards_from` over 80 % of both sequences.
    engine : dict
        What searched: `name`, `version` and, of MMseqs2, `sensitivity`.
    guards_from : float
        Identity from which the search finds nearly every relative.
    """

    tested: Rows
    row: Rows
    identity: Floats
    coverage: Floats
    bits: Floats
    closest: Floats
    similar: NDArray[np.bool_]
    engine: dict[str, str | float | None]
    guards_from: float


def nearest_training(
    samples: Samples,
    split: Split,
    *,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> NearestHomolog:
    """Find the training sample most similar to each sample of the test part.

    Parameters
    ----------
    samples : Samples
    split : Split
    engine : {"auto", "mmseqs", "kmers"}
    threads : int, optional
        All cores by default.
    progress : callable, optional
        Is told what is being done, in sentences.
    """
    test, train = split.rows(TEST), split.rows(TRAIN)
    most = MOST_HITS if "joined_pairs" in split.details else FEW_HITS
    search = Search(max_hits=most, engine=engine, threads=threads).settled(len(samples))
    sequences = samples.sequences
    hits = find_similar(sequences.take(test), sequences.take(train), search, progress)
    return _summarised(hits.renamed(np.arange(len(test)), train), test, sequences, search)


def nearest_in_other_folds(
    samples: Samples,
    split: Split,
    *,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = silent,
) -> NearestHomolog:
    """Find the most similar sample of another fold for each sample that is in one.

    Parameters
    ----------
    samples, split, engine, threads, progress
        As in `nearest_training`.
    """
    tested = np.flatnonzero(split.fold >= 0)
    fold, sequences = split.fold[tested].astype(np.int64), samples.sequences.take(tested)
    search = Search(engine=engine, threads=threads).settled(len(samples))
    hits = find_similar(sequences, None, search, progress)
    hits = Hits.join([hits, *_copies_elsewhere(sequences, fold, hits)])
    hits = hits[fold[hits.query] != fold[hits.target]]
    if split.apart is not None:
        apart = split.apart[tested]
        hits = hits[apart[hits.query] != apart[hits.target]]
    scored = np.isin(tested, split.tested)
    hits = hits[scored[hits.query]].renamed(np.cumsum(scored) - 1, tested)
    return _summarised(hits, tested[scored], sequences, search)


def _copies_elsewhere(sequences: Sequences, fold: Rows, hits: Hits) -> list[Hits]:
    """Return what a search that reports the first of identical sequences leaves out.

    A copy of the target, or of the query, can be in another fold than the first: of every
    sequence, one copy in a second fold is enough to say so.
    """
    number = identical(sequences)
    first = np.unique(number, return_index=True)[1]
    second = np.full(len(first), UNUSED)
    elsewhere = np.flatnonzero(fold != fold[first[number]])
    second[number[elsewhere]] = elsewhere
    copy_row = second[number[hits.target]]
    copied = replace(hits[copy_row >= 0], target=copy_row[copy_row >= 0])
    row = np.flatnonzero(second[number] >= 0)
    bits = 2 * sequences.lengths[row].astype(np.float64)
    same = [Hits.of_pairs(row, place[number[row]], bits) for place in (first, second)]
    return [copied, *same]


def _summarised(hits: Hits, tested: Rows, sequences: Sequences, search: Search) -> NearestHomolog:
    """Return the best of each query's hits; targets are rows among all samples already."""
    guards_from = search.guards_from(sequences)
    similar = np.zeros(len(tested), dtype=bool)
    similar[hits.query[hits.at_least(guards_from, BOTH_COVERED)]] = True
    query, first = np.unique(hits.query, return_index=True)
    row = np.full(len(tested), -1, dtype=np.int64)
    row[query] = hits.target[first]
    identity, coverage, bits = np.zeros((3, len(tested)))
    identity[query] = hits.identity[first]
    coverage[query] = hits.query_coverage[first]
    bits[query] = hits.bits[first]
    closest = np.full(len(tested), np.nan)
    covering = hits[hits.query_coverage >= COVERED]
    np.fmax.at(closest, covering.query, covering.identity)
    return NearestHomolog(
        tested=tested,
        row=row,
        identity=identity,
        coverage=coverage,
        bits=bits,
        closest=closest,
        similar=similar,
        engine=search.describe(sequences),
        guards_from=guards_from,
    )
