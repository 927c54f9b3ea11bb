"""The splits, one line each; a split is one file with its settings class."""

from typing import Annotated

from cistron.base.settings import OneOf
from cistron.splits.chromosome import ChromosomeSplit
from cistron.splits.group import GroupSplit
from cistron.splits.homology import HomologySplit
from cistron.splits.predefined import PredefinedSplit
from cistron.splits.random import RandomSplit
from cistron.splits.settings import SplitSettings

KINDS: list[type[SplitSettings]] = [
    RandomSplit,
    GroupSplit,
    ChromosomeSplit,
    HomologySplit,
    PredefinedSplit,
]

AnySplit = Annotated[SplitSettings, OneOf(KINDS)]
"""Settings of any split."""
