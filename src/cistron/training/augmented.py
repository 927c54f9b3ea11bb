"""Examples with what is done to them in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cistron.base.encoded import Encoded
from cistron.base.ragged import Ragged
from cistron.encoders.encoder import Encoder
from cistron.samples.samples import make_samples
from cistron.training.augment.augment import Augmentation, of_kind
from cistron.training.augment.evoaug import EvoAug, EvoAugSettings
from cistron.training.augment.orthologs import Related
from cistron.training.augment.phyloaug import PhyloAugSettings
from cistron.training.augment.settings import AugmentSettings
from cistron.training.examples import Examples


def augmenter(
    augment: Sequence[AugmentSettings], related: Related | None, encoder: Encoder, bound: int | None
) -> Callable[[Examples], Examples]:
    """Return what adds the augmentation to examples of the training samples.

    Parameters
    ----------
    augment : sequence of AugmentSettings
    related : Related, optional
        Orthologs that may stand in for the training samples; those of a sample have its target
        and weight.
    encoder : Encoder
        Fitted.
    bound : int, optional
        Positions that the network reads at most.
    """
    evoaug, phyloaug = of_kind(augment, EvoAugSettings), of_kind(augment, PhyloAugSettings)
    changed = None if evoaug is None else EvoAug(evoaug, bound)
    probability = 0.0 if phyloaug is None else phyloaug.probability
    turned = any(settings.turns_strands for settings in augment)
    if related is None or not len(related) or not probability:
        if changed is None and not turned:
            return lambda examples: examples
        return lambda examples: replace(
            examples, augmentation=Augmentation(len(examples), changed, one_strand=turned)
        )
    offsets, owners = related.offsets, related.owners
    substitutes = encoder.encode(make_samples(related.sequences))

    def augmented(examples: Examples) -> Examples:
        n = len(examples)
        return replace(
            examples,
            x=_behind(examples.x, substitutes),
            targets=np.concatenate([examples.targets, examples.targets[owners]]),
            weights=np.concatenate([examples.weights, examples.weights[owners]]),
            augmentation=Augmentation(n, changed, offsets, probability, turned),
        )

    return augmented


def _behind(first: Encoded, second: Encoded) -> Encoded:
    if isinstance(first, Ragged) and isinstance(second, Ragged):
        return Ragged(
            np.concatenate([first.values, second.values]),
            np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]]),
        )
    return np.concatenate([np.asarray(first), np.asarray(second)])
