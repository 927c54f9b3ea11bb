"""Samples dealt at random, classes balanced: safe only where samples are unrelated."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from cistron.base.errors import InputError
from cistron.samples.identical import identical
from cistron.samples.samples import Samples
from cistron.splits.deal import deal
from cistron.splits.only_test import OnlyTest
from cistron.splits.settings import SplitSettings
from cistron.splits.split import Progress, Split, silent


class SplitShares(SplitSettings):
    """The keys that every split which deals samples has."""

    test: float = Field(
        0.2, ge=0, lt=1, description="share of the samples that `fit` holds out for its score"
    )
    validation: float = Field(
        0.1, gt=0, lt=1, description="share of the samples that stops training and calibrates"
    )
    folds: int = Field(5, ge=2, description="folds that `crossval` tests in turn")
    seed: int = Field(1, ge=0, description="seed of the random numbers by which samples are dealt")
    only_test: OnlyTest = None

    def require_possible(self) -> None:
        """Refuse shares that leave nothing to train on.

        Raises
        ------
        InputError
        """
        if self.test + self.validation >= 1:
            raise InputError(
                "split.test and split.validation add up to 1 or more and leave nothing to train on."
            )


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
