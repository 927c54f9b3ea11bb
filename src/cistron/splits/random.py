"""Samples dealt at random, classes balanced: safe only where samples are unrelated."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cistron.samples.identical import identical
from cistron.samples.samples import Samples
from cistron.splits.deal import SplitShares, deal
from cistron.splits.split import Progress, Split, silent


class RandomSplit(SplitShares):
    """Settings of the `random` split."""

    kind: Literal["random"] = "random"

    def split(self, samples: Samples, progress: Progress = silent) -> Split:  # noqa: ARG002
        """Deal samples at random, identical sequences (or cells) together."""
        units = identical(samples.payload)
        together = len(units) - len(np.unique(units))
        what = samples.payload.domain.nouns
        reason = (
            f"Samples were dealt at random, classes balanced; identical {what} stay together. "
            "Nothing keeps related samples apart."
        )
        return deal(samples, units, self, reason, {"identical_kept_together": together})


def random_split(samples: Samples, test: float = 0.2, **settings: float) -> Split:
    """Split samples at random, stratified by class (see `RandomSplit` for the settings)."""
    return RandomSplit(test=test, **settings).split(samples)
