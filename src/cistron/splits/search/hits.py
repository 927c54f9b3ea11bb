"""Pairs of similar sequences, as a search reports them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Hits:
    """Similar pairs, one entry each; those of one query stand together, the highest bits first.

    Parameters
    ----------
    query, target : ndarray of int64, shape (hits,)
        Row numbers among the queries and among the targets.
    identity : ndarray of float, shape (hits,)
        Identical letters as a share of the alignment's columns, 0 to 1.
    query_coverage, target_coverage : ndarray of float, shape (hits,)
        Share of each sequence from its first to its last aligned letter, 0 to 1.
    bits : ndarray of float, shape (hits,)
        Score of the alignment in bits.
    """

    query: Rows
    target: Rows
    identity: Floats
    query_coverage: Floats
    target_coverage: Floats
    bits: Floats

    def __len__(self) -> int:
        return len(self.query)

    def __getitem__(self, which: slice | Array) -> Self:
        return type(self)(*(getattr(self, f.name)[which] for f in fields(self)))

    def at_least(self, identity: float, coverage: float) -> NDArray[np.bool_]:
        """Return which hits reach an identity, and a coverage of both sequences; shape (hits,)."""
        covered = np.minimum(self.query_coverage, self.target_coverage) >= coverage
        return (self.identity >= identity) & covered

    def renamed(self, queries: Rows, targets: Rows) -> Self:
        """Return the same hits with rows `queries[query]` and `targets[target]`."""
        return replace(self, query=queries[self.query], target=targets[self.target])

    def turned(self) -> Self:
        """Return the same pairs with query and target exchanged."""
        return replace(
            self,
            query=self.target,
            target=self.query,
            query_coverage=self.target_coverage,
            target_coverage=self.query_coverage,
        )

    def tidy(self) -> Self:
        """Return the hits in order, and of each pair the best alone."""
        order = np.lexsort((-self.bits, self.target, self.query))
        best = order[_starts_run(self.query[order], self.target[order])]
        best = best[np.lexsort((self.target[best], -self.bits[best], self.query[best]))]
        return self[best]

    @classmethod
    def of_pairs(cls, query: Rows, target: Rows, bits: Floats) -> Self:
        """Return hits between sequences that are the same."""
        ones = np.ones(len(query))
        return cls(query.astype(np.int64), target.astype(np.int64), ones, ones, ones, bits)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the hits of all parts, tidy."""
        return cls.stacked(parts).tidy()

    @classmethod
    def stacked(cls, parts: Sequence[Self]) -> Self:
        """Return the hits of all parts as they stand, one part after the other."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    @classmethod
    def none(cls) -> Self:
        """Return no hits."""
        rows = np.empty(0, dtype=np.int64)
        return cls.of_pairs(rows, rows, np.empty(0))


def significant(
    evalue: Floats, identity: Floats, query_coverage: Floats, target_coverage: Floats
) -> NDArray[np.bool_]:
    """Return which alignments are not expected by chance, shape (hits,).

    An alignment of short sequences cannot reach a low E-value, however alike they are; it counts
    when it is at least 70 % identical over 80 % of both.
    """
    alike = (identity >= 0.7) & (query_coverage >= 0.8) & (target_coverage >= 0.8)
    return (evalue <= 1e-3) | alike


def _starts_run(*columns: Rows) -> NDArray[np.bool_]:
    starts = np.ones(len(columns[0]), dtype=bool)
    starts[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return starts
