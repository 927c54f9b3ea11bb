"""What the settings of every split have in common, and what they need of the samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from cistron.base.settings import Kind
from cistron.samples.samples import Samples
from cistron.splits.split import Progress, Split, silent


class SplitSettings(Kind):
    """Settings of a split; `reads` lists the contents of samples it is for, None all of them."""

    reads: ClassVar[frozenset[str] | None] = None

    if TYPE_CHECKING:  # each split has the key itself, and so chooses its place among the keys
        seed: int

    @property
    def needs_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Group columns of the samples that it reads, by the key that names them."""
        return {}

    def require_possible(self) -> None:
        """Refuse keys that cannot go together.

        Raises
        ------
        InputError
        """

    def split(self, samples: Samples, progress: Progress = silent) -> Split:
        """Return the part and the fold of every sample.

        Raises
        ------
        InputError
        """
        raise NotImplementedError
