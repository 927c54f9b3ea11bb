"""What motifs are looked for in: sequences, hypothetical contributions, and classes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cistron.explain.motifs.scan import UNKNOWN
from cistron.samples.genome.stretches import Stretch


@dataclass(frozen=True, eq=False)
class Places:
    """Where sequences lie in a genome.

    Parameters
    ----------
    chromosome : ndarray of object, shape (n,)
        None where it is not known.
    forward : ndarray of bool, shape (n,)
        Whether the sequence reads the forward strand.
    zero : ndarray of int64, shape (n, stretches)
        The place between two bases that the columns of each stretch are counted from; -1 where it
        is not known.
    """

    chromosome: NDArray[np.object_]
    forward: NDArray[np.bool_]
    zero: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Explained:
    """Explained DNA sequences as rectangles.

    Parameters
    ----------
    ids : ndarray of object, shape (n,)
    codes : ndarray of uint8, shape (n, length)
        0 to 3 of A, C, G, T; 4 where the base is not known or the sequence has ended.
    hypothetical : ndarray of float32, shape (n, length, 4)
        Hypothetical contributions, zero where the base is not known.
    predicted : ndarray of object, shape (n,)
        Predicted class; empty strings where a number is predicted.
    truth : ndarray of object, shape (n,), optional
        Labelled class, where there are labels.
    explained : str
        The class whose logit is explained; "predicted": of each sequence its own.
    stretches : tuple of Stretch
        How columns are counted; all of them from the first one where nothing is known.
    places : Places, optional
        Where they lie, of each stretch of `counted`.
    varied : bool
        Whether the sequences have different lengths.
    facts : dict
        What the explanation says of itself: method, references, checks, run.
    """

    ids: NDArray[np.object_]
    codes: NDArray[np.uint8]
    hypothetical: NDArray[np.float32]
    predicted: NDArray[np.object_]
    truth: NDArray[np.object_] | None = None
    explained: str = ""
    stretches: tuple[Stretch, ...] = ()
    places: Places | None = None
    varied: bool = False
    facts: dict[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def length(self) -> int:
        """Columns of the longest sequence."""
        return self.codes.shape[1]

    @property
    def one_hot(self) -> NDArray[np.float32]:
        """The sequences, shape (n, length, 4); zeros where the base is not known."""
        return np.eye(UNKNOWN + 1, 4, dtype=np.float32)[self.codes]

    @property
    def contributions(self) -> NDArray[np.float32]:
        """What the base that is there contributes, shape (n, length)."""
        known = np.minimum(self.codes, UNKNOWN - 1)[..., None]
        own = np.take_along_axis(self.hypothetical, known, axis=2)[..., 0]
        return np.where(self.codes == UNKNOWN, 0, own)

    @property
    def counted(self) -> tuple[Stretch, ...]:
        """The stretches, or one of all columns."""
        return self.stretches or (Stretch("start", 0, self.length, 0),)
