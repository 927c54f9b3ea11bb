"""What an encoder makes of samples, and what a model is to expect of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Arrays
from cistron.base.cell_vectors import CellVectors
from cistron.base.document import Document
from cistron.base.ragged import Ragged

if TYPE_CHECKING:
    from torch import nn

Gives = Literal["positions", "vector"]
"""What an encoder's settings say that it makes of a sample (`gives`): what a model reads."""


Encoded = Ragged | CellVectors | NDArray[np.float32]
"""What an encoder makes of n samples: `Ragged` rows of positions (uint8 codes, or float32
channels); a float32 matrix of shape (n, features); or `CellVectors`, such a matrix of which only
the rows of a batch are ever dense."""

State = tuple[Document, Arrays]
"""What a fitted encoder learned: JSON types and arrays, by name."""


@dataclass(frozen=True, eq=False)
class InputShape:
    """What a model is to expect of an encoder's output.

    Parameters
    ----------
    kind : {"codes", "channels", "vector"}
        Ragged codes that become channels on the device; ragged float channels; or one vector a
        sample.
    width : int
        Channels at each position, or features of the vector.
    table : ndarray of float32, shape (letters, width), optional
        For codes: the fixed channels of each letter. Without it the channels are learned.
    letters : int
        For codes: how many there are.
    complement : ndarray of uint8, shape (letters,), optional
        For codes of DNA read on both strands: the complement of each code.
    strands_as_rows : bool
        With a complement: in training each strand is a sample of its own; else, and in
        prediction, the logits of the two are averaged.
    embedding : callable, optional
        For codes: makes the torch module that turns them into channels and is trained, in place
        of a learned embedding. It is given codes, and `letters` at padding.
    pooled : bool
        Whether that module makes one vector of each sample.
    """

    kind: Literal["codes", "channels", "vector"]
    width: int
    table: NDArray[np.float32] | None = None
    letters: int = 0
    complement: NDArray[np.uint8] | None = None
    strands_as_rows: bool = False
    embedding: Callable[[], nn.Module] | None = None
    pooled: bool = False

    @property
    def gives(self) -> Gives:
        """What a model reads of it."""
        return "vector" if self.kind == "vector" or self.pooled else "positions"
