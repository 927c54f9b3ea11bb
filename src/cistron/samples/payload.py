"""What samples are samples of: one row of content a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from cistron.base.domains import Domain


class Payload(Protocol):
    """Rows of content: `Sequences` (`Profiles` among them), or `Counts` of cells."""

    @property
    def content(self) -> str:
        """What a row is: "protein", "dna" or "genes"."""

    @property
    def domain(self) -> Domain:
        """What kind of sample a row is."""

    def __len__(self) -> int: ...

    def take(self, rows: NDArray[np.int64] | Sequence[int]) -> Self:
        """Return the given rows, in the given order."""
