"""Where contributions stand: at which letter and position, or of which feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from cistron.base.encoded import Encoded
from cistron.base.ragged import Ragged
from cistron.classifier.predictor import Predictor
from cistron.encoders.crop import CROPS, crop
from cistron.samples.samples import Samples


class Cropping(Protocol):
    """Settings of an encoder that keeps a part of longer sequences."""

    crop: CROPS


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the contributions of n samples stand, end to end.

    Parameters
    ----------
    offsets : ndarray of int64, shape (n + 1,)
        Those of sample i are `offsets[i]:offsets[i + 1]`.
    codes : ndarray of uint8, shape (total,), or None
        Letter at each position; None of features.
    positions : ndarray of int64, shape (total,), or None
        0-based place of each position in its sample; None of features.
    features : tuple of str
        Names of the features of a vector; empty of positions, or where they have none.
    """

    offsets: NDArray[np.int64]
    codes: NDArray[np.uint8] | None = None
    positions: NDArray[np.int64] | None = None
    features: tuple[str, ...] = ()


def offsets_of(encoded: Encoded) -> NDArray[np.int64]:
    """Return where the positions, or features, of each sample start, shape (n + 1,)."""
    if isinstance(encoded, Ragged):
        return encoded.offsets
    return rows_of(len(encoded), encoded.shape[1])


def rows_of(samples: int, width: int) -> NDArray[np.int64]:
    """Return the offsets of vectors of equal width, shape (samples + 1,)."""
    return np.arange(samples + 1, dtype=np.int64) * width


def layout_of(classifier: Predictor, samples: Samples, encoded: Encoded) -> Layout:
    """Return the letter and the place of each position that was read, or the features' names."""
    offsets = offsets_of(encoded)
    if not isinstance(encoded, Ragged):
        return Layout(offsets, features=tuple(classifier.encoder_.names or ()))
    sequences = samples.sequences
    starts, lengths = sequences.offsets[:-1], sequences.lengths
    whole = Ragged(np.arange(sequences.offsets[-1]), sequences.offsets)
    if (lengths != encoded.lengths).any():
        settings = cast("Cropping", classifier.encoder_.settings)
        whole = crop(whole, int(encoded.lengths.max()), settings.crop)
    at = np.asarray(whole.values)
    letters = np.asarray(sequences.values)[at]
    return Layout(offsets, letters, at - np.repeat(starts, whole.lengths))
