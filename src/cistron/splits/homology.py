"""Similar sequences held out together: no homolog of a test sequence is in training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.samples.samples import Samples, Sequences
from cistron.splits.components import components
from cistron.splits.deal import deal
from cistron.splits.group import grouped_units
from cistron.splits.only_test import scored_sentence
from cistron.splits.random import SplitShares
from cistron.splits.search.search import (
    LARGE,
    EngineName,
    Search,
    clusters,
    find_similar,
)
from cistron.splits.search.strands import same_molecule
from cistron.splits.split import TEST, TRAIN, VALIDATION, Progress, Split, silent

ROUNDS = 3
CHECKED_HITS = 1000  # per query when parts are searched against each other

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


class HomologySplit(SplitShares):
    """Settings of the `homology` split."""

    reads: ClassVar[frozenset[str] | None] = frozenset({"protein", "dna"})

    kind: Literal["homology"] = "homology"
    identity: float = Field(
        0.3,
        gt=0,
        le=1,
        description="share of identical letters from which two sequences stay together",
    )
    coverage: float = Field(
        0.8, gt=0, le=1, description="share of both sequences that the alignment must span"
    )
    keep_together: tuple[str, ...] = Field(
        (), description="group columns; samples that share any value stay together as well"
    )
    method: Literal["components", "clusters"] = Field(
        "components",
        description="components: all similar pairs, and pairs of pairs, stay together; clusters: "
        "only the members of one cluster, so that similar sequences of two clusters may part",
    )
    engine: EngineName = Field(
        "auto",
        description="program that searches; auto: MMseqs2 where it is installed, else k-mers",
    )
    sensitivity: float | None = Field(
        None,
        ge=1,
        le=7.5,
        description="sensitivity of MMseqs2; by default 7.5 at 30 % identity, 5.7 above 20,000 "
        "sequences",
    )

    @property
    def needs_columns(self) -> dict[str, tuple[str, ...]]:
        """The columns whose values stay together as well."""
        return {"split.keep_together": self.keep_together}

    @field_validator("keep_together", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def split(self, samples: Samples, progress: Progress = silent) -> Split:
        """Find similar pairs, deal the components they make, and check the parts by a search.

        Components are joined by pairs that meet identity and coverage in an all-against-all
        search, by cascaded clusters, by identical sequences (of DNA, reverse complements too) and
        by the columns of `keep_together`. Test and validation are then searched against training
        with more hits allowed; pairs found there are joined and the parts dealt again, up to
        three times.

        Raises
        ------
        InputError
            If the samples are no sequences, a column is unknown, one component is larger than the
            test part, or there are fewer components than folds.
        """
        if not isinstance(samples.payload, Sequences):
            raise InputError(
                "split: a homology split needs sequences. Use random, group or predefined."
            )
        groups = grouped_units(samples, self.keep_together)
        search = Search(self.identity, engine=self.engine, sensitivity=self.sensitivity)
        search = search.settled(len(samples))
        units, pairs = self._units(samples, groups, search, progress)
        joined = 0
        for number in range(1, ROUNDS + 1):
            self._require_divisible(units, len(samples))
            dealt = deal(samples, units, self, "")
            left = self._across(samples.sequences, dealt, search, progress)
            if not len(left[0]) or number == ROUNDS:
                break
            units, joined = components([units], len(samples), left), joined + len(left[0])
        details: Document = {
            "method": self.method,
            "identity": self.identity,
            "coverage": self.coverage,
            "engine": search.describe(samples.sequences),
            "pairs": pairs,
            "rounds": number,
            "joined_pairs": joined,
            "remaining_pairs": len(left[0]),
        }
        if self.identity < search.guards_from(samples.sequences):
            details["warning"] = search.warning(samples.sequences)
        reason = self._reason(details) + scored_sentence(dealt)
        return replace(dealt, reason=reason, details={**dealt.details, **details})

    def _units(
        self,
        samples: Samples,
        groups: NDArray[np.int64],
        search: Search,
        progress: Progress,
    ) -> tuple[NDArray[np.int64], int]:
        """Return what may not be divided, and the number of similar pairs."""
        sequences, pairs = samples.sequences, None
        partitions = [same_molecule(sequences), groups]
        if self.method == "components":
            # MMseqs2 judges by the lengths what a pair can cover: gaps may let it cover more. Of
            # 5,493 pairs at coverage 0.8 in 10,000 proteins, three quarters of that coverage lost
            # 44 and separated 2. Small sets are searched whole, as the audit of folds asks.
            covering = 0.75 * self.coverage if len(sequences) > LARGE else 0.0
            hits = find_similar(sequences, None, replace(search, covering=covering), progress)
            hits = hits[hits.at_least(self.identity, self.coverage)]
            pairs = hits.query, hits.target
            # Beside the pairs, clusters matter in families larger than the search's limit of hits:
            # what MMseqs2 thinks sensitive enough for clusters will do.
            search = replace(search, sensitivity=self.sensitivity)
        if self.method == "clusters" or search.may_miss_pairs(sequences):
            partitions.append(clusters(sequences, self.identity, self.coverage, search, progress))
        units = components(partitions, len(samples), pairs)
        return units, 0 if pairs is None else _count(pairs)

    def _across(
        self, sequences: Sequences, split: Split, search: Search, progress: Progress
    ) -> Pairs:
        """Return the similar pairs of test or validation with training samples."""
        deeper, train = replace(search, max_hits=CHECKED_HITS), split.rows(TRAIN)
        pairs = []
        for part in (TEST, VALIDATION):
            rows = split.rows(part)
            hits = find_similar(sequences.take(rows), sequences.take(train), deeper, progress)
            hits = hits[hits.at_least(self.identity, self.coverage)]
            pairs.append((rows[hits.query], train[hits.target]))
        first, second = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
        return first, second

    def _require_divisible(self, units: NDArray[np.int64], n: int) -> None:
        """Refuse units that cannot be dealt into the wanted parts."""
        sizes = np.bincount(units)
        sizes = sizes[sizes > 0]
        share = self.test or 1 / self.folds
        mend = (
            "Ask for a higher split.identity or split.coverage, use method: clusters, or a group "
            "split by a column that says what belongs together."
        )
        if self.keep_together:
            mend = f"Leave out split.keep_together ({', '.join(self.keep_together)}). {mend}"
        if sizes.max(initial=0) > share * n:
            part = "the test part" if self.test else "a fold"
            raise InputError(
                f"split: {sizes.max():,} of {n:,} samples are linked to each other at "
                f"{self.identity:.0%} identity and {self.coverage:.0%} coverage, more than {part} "
                f"may hold ({share:.0%}), so that they cannot be kept together. {mend}"
            )
        if len(sizes) < self.folds:
            raise InputError(
                f"split: the samples make only {len(sizes)} sets of similar sequences, too few "
                f"for {self.folds} folds. Lower split.folds. {mend}"
            )

    def _reason(self, details: Document) -> str:
        """Say what the split guards against, and from where on it does not."""
        alike = f"{self.identity:.0%} identity over {self.coverage:.0%} of both"
        linked = {
            "components": f"linked, directly or through others, by {alike}",
            "clusters": f"in one cluster of {alike}",
        }[self.method]
        if self.keep_together:
            linked += f", or that share a {' or '.join(self.keep_together)},"
        rounds = f"{details['rounds']} round{'s' if details['rounds'] > 1 else ''}"
        sentences = [
            f"Sequences {linked} were never separated ({details['engine']['name']}; {rounds} of "
            "searching test and validation against training)."
        ]
        if details["remaining_pairs"]:
            sentences.append(
                f"{details['remaining_pairs']:,} pairs as similar remain between training and "
                "test or validation."
            )
        if self.method == "clusters":
            sentences.append(
                "Folds are divided by cluster alone: members of two clusters can be alike."
            )
        if "warning" in details:
            sentences.append(details["warning"])
        return " ".join(sentences)


def homology_split(
    samples: Samples, identity: float = 0.3, coverage: float = 0.8, **settings: Any
) -> Split:
    """Split samples by similarity of their sequences (see `HomologySplit` for the settings).

    Parameters
    ----------
    samples : Samples
    identity : float
        Share of identical letters from which two sequences stay together, 0 to 1.
    coverage : float
        Share of both sequences that the alignment must span, 0 to 1.
    **settings
        As in `HomologySplit`.
    """
    return HomologySplit(identity=identity, coverage=coverage, **settings).split(samples)


def _count(pairs: Pairs) -> int:
    """Return the number of different pairs, whichever of the two comes first."""
    ends = np.sort(np.stack(pairs), axis=0)
    return len(np.unique(ends, axis=1).T)
