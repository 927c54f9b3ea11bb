"""One strand of each training sequence, drawn anew in each epoch."""

from __future__ import annotations

from typing import ClassVar, Literal

from cistron.training.augment.settings import AugmentSettings


class RandomStrandSettings(AugmentSettings):
    """Settings of `random_strand`.

    A network that reads both strands reads one of them in training, each as often as the other,
    and both in prediction. A step takes half the time.
    """

    kind: Literal["random_strand"] = "random_strand"
    letters: ClassVar[str] = "dna"

    @property
    def turns_strands(self) -> bool:
        """Whether it reads each sample on one strand: always."""
        return True
