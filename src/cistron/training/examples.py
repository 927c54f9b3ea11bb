"""What a network learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.encoded import Encoded
from cistron.targets.kinds import target_like
from cistron.targets.target import Target
from cistron.training.augment.augment import Augmentation


@dataclass(frozen=True, eq=False)
class Examples:
    """Encoded samples with what is to be learned of them.

    Parameters
    ----------
    x : Ragged or ndarray
        n encoded samples.
    targets : ndarray of int64, shape (n,), or of float32, shape (n, classes) or (n,)
        The class of each sample, or 1 for every class it has and 0 for the others; of shape (n,)
        the standardised number. Of several heads int64, shape (n, heads): -1 where not known.
    weights : ndarray of float32, of the shape of the targets
        Weight in the loss, class weights included; 0 where the class is not known.
    augmentation : Augmentation, optional
        What is done to them in training. The rows from `augmentation.samples` on are then no
        samples but substitutes.
    heads : tuple of Target, optional
        What is learned; of several, what each column of the targets is about. Without any the
        targets say what they are.
    """

    x: Encoded
    targets: Array
    weights: NDArray[np.float32]
    augmentation: Augmentation | None = None
    heads: tuple[Target, ...] = ()

    @property
    def asked(self) -> tuple[Target, ...]:
        """What is learned, said or not."""
        return self.heads or (target_like(self.targets),)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def first_targets(self) -> Array:
        """The targets of the first head."""
        return self.targets[:, 0] if len(self.asked) > 1 else self.targets
