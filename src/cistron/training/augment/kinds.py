"""The augmentations, one line each; an augmentation is one file with its settings class."""

from typing import Annotated

from cistron.base.settings import OneOf
from cistron.training.augment.evoaug import EvoAugSettings
from cistron.training.augment.phyloaug import PhyloAugSettings
from cistron.training.augment.random_strand import RandomStrandSettings
from cistron.training.augment.settings import AugmentSettings

KINDS: list[type[AugmentSettings]] = [
    EvoAugSettings,
    PhyloAugSettings,
    RandomStrandSettings,
]

AnyAugment = Annotated[AugmentSettings, OneOf(KINDS)]
"""Settings of any augmentation."""
