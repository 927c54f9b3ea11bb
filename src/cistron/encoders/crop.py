"""Keep the informative part of a sequence that is longer than a model reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from cistron.base.encoded import InputShape, State
from cistron.base.ragged import Ragged
from cistron.samples.samples import Samples, Sequences

CROPS = Literal["start", "end", "ends", "center"]


class Cropping(Protocol):
    """Settings of an encoder that reads so many positions of a sequence."""

    @property
    def max_length(self) -> int:
        """Most positions."""

    @property
    def crop(self) -> CROPS:
        """Which part of a longer sequence is kept."""


Cropped = TypeVar("Cropped", bound=Cropping)


@dataclass(frozen=True, eq=False)
class CroppedCodes(Generic[Cropped]):
    """A fitted encoder of sequences as letter codes, cropped; it learned nothing.

    Parameters
    ----------
    settings : Settings
        With `max_length` and `crop`.
    shape : InputShape
        What a network is to make of the codes.
    """

    settings: Cropped
    shape: InputShape

    @property
    def names(self) -> None:
        """Positions have no names."""
        return

    def encode(self, samples: Samples) -> Ragged:
        """Return one row of uint8 codes a sequence, at most `max_length` long."""
        return crop(samples.sequences, self.settings.max_length, self.settings.crop)

    def warnings(self, samples: Samples) -> list[str]:
        """Say which sequences were cropped."""
        return crop_warnings(samples.sequences, self.settings.max_length)

    def state(self) -> State:
        """Nothing is learned."""
        return {}, {}


def crop(sequences: Ragged, max_length: int, keep: CROPS) -> Ragged:
    """Return the sequences with at most `max_length` positions each.

    Parameters
    ----------
    sequences : Ragged
        Letter codes, or channels at each position.
    max_length : int
    keep : {"start", "end", "ends", "center"}
        `ends` joins the first ceil(max_length / 2) positions to the last floor(max_length / 2).
    """
    whole = Ragged(sequences.values, sequences.offsets)  # without what else a payload carries
    lengths, starts = sequences.lengths, sequences.offsets[:-1]
    if lengths.max(initial=0) <= max_length:
        return whole
    excess = np.maximum(lengths - max_length, 0)
    if keep == "ends":
        tail = np.where(excess > 0, max_length // 2, 0)
        head = np.where(excess > 0, max_length - max_length // 2, lengths)
        pieces = whole.slices(
            np.stack([starts, starts + lengths - tail], axis=1).ravel(),
            np.stack([head, tail], axis=1).ravel(),
        )
        return Ragged(pieces.values, pieces.offsets[::2])
    before = {"start": 0 * excess, "end": excess, "center": excess // 2}[keep]
    return whole.slices(starts + before, lengths - excess)


def crop_warnings(sequences: Sequences, max_length: int) -> list[str]:
    """Return, for each sequence, "cropped to … of …", or an empty string."""
    lengths: NDArray[np.int64] = sequences.lengths
    return [f"cropped to {max_length} of {n}" if n > max_length else "" for n in lengths.tolist()]
