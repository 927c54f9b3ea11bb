"""Similar sequences held out together: no homolog of a test sequence is in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from cistron.errors import InputError
from cistron.samples import Samples, Sequences
from cistron.splits import TEST, TRAIN, VALIDATION, Split
from cistron.splits.components import components
from cistron.splits.deal import deal
from cistron.splits.group import grouped_units
from cistron.splits.random import SplitShares
from cistron.splits.search import EngineName, Progress, Search, clusters, find_similar, silent
from cistron.splits.strands import same_molecule

ROUNDS = 3
CHECKED_HITS = 1000  # per query when parts are searched against each other

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


class HomologySplit(SplitShares):
    """Settings of the `homology` split."""

    kind: Literal["homology"] = "homology"
    identity: float = Field(0.3, gt=0, le=1, description="identity from which pairs stay together")
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
    engine: EngineName = Field("auto", description="auto: MMseqs2 where found, else k-mers")
    sensitivity: float | None = Field(
        None,
        ge=1,
        le=7.5,
        description="of MMseqs2; by default 7.5 at 30 % identity, 5.7 above 20,000 sequences",
    )

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
        units, pairs = self._units(samples, groups, search, progress)
        joined = 0
        for number in range(1, ROUNDS + 1):
            self._require_divisible(units, len(samples))
            dealt = deal(samples, units, self, "")
            left = self._across(samples.payload, dealt, search, progress)
            if not len(left[0]) or number == ROUNDS:
                break
            units, joined = components([units], len(samples), left), joined + len(left[0])
        found = {
            "pairs": pairs,
            "rounds": number,
            "joined_pairs": joined,
            "remaining_pairs": len(left[0]),
        }
        details = self._details(search, samples.payload) | found
        reason = self._reason(details)
        return replace(dealt, reason=reason, details={**dealt.details, **details})

    def _units(
        self,
        samples: Samples,
        groups: NDArray[np.int64],
        search: Search,
        progress: Progress,
    ) -> tuple[NDArray[np.int64], int]:
        """Return what may not be divided, and the number of similar pairs."""
        sequences = samples.payload
        partitions, pairs = [same_molecule(sequences), groups], None
        if self.method == "components":
            hits = find_similar(sequences, None, search, progress)
            similar = hits[hits.at_least(self.identity, self.coverage)]
            pairs = similar.query, similar.target
            # Where all pairs were aligned, or by the same search, clusters add nothing.
            search = replace(search, sensitivity=None)
        else:
            sensitivity = search.settled_sensitivity(len(sequences))
            search = replace(search, sensitivity=sensitivity)
        partitions.append(clusters(sequences, self.identity, self.coverage, search, progress))
        units = components(partitions, len(samples), pairs)
        return units, 0 if pairs is None else _count(pairs)
