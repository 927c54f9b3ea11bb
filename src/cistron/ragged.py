"""Rows of different lengths held in one flat array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of different lengths, end to end in one array.

    Row `i` is `values[offsets[i]:offsets[i + 1]]`.

    Parameters
    ----------
    values : ndarray, shape (total,) or (total, channels)
        The rows, concatenated.
    offsets : ndarray of int64, shape (rows + 1,)
        Where each row starts; the last entry is `total`.
    """

    values: NDArray
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Length of every row, shape (rows,)."""
        return np.diff(self.offsets)

    def take(self, rows: NDArray[np.int64] | Sequence[int]) -> Self:
        """Return the given rows, in the given order, as a new array of the same kind."""
        rows = np.asarray(rows, dtype=np.int64)
        starts, lengths = self.offsets[rows], self.lengths[rows]
        return self.slices(starts, lengths)

    def slices(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Self:
        """Return the stretches `values[start:start + length]` as rows of a new array."""
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        # Views joined once: an index array would take 24 times the memory of uint8 values.
        pieces = [
            self.values[start:end]
            for start, end in zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
        ]
        values = np.concatenate([self.values[:0], *pieces])
        return replace(self, values=values, offsets=offsets)

    def padded(
        self, rows: NDArray[np.int64], fill: int | float = 0
    ) -> tuple[NDArray, NDArray[np.int64]]:
        """Return rows as a rectangle and their lengths.

        Returns
        -------
        rectangle : ndarray, shape (rows, longest[, channels])
            Each row from its left; `fill` to its right.
        lengths : ndarray of int64, shape (rows,)
        """
        lengths = self.lengths[rows]
        longest = int(lengths.max(initial=0))
        shape = (len(rows), longest, *self.values.shape[1:])
        rectangle = np.full(shape, fill, dtype=self.values.dtype)
        inside = np.arange(longest) < lengths[:, None]
        rectangle[inside] = self.take(rows).values
        return rectangle, lengths

    @classmethod
    def stack(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of all parts, one after another."""
        first = parts[0]
        lengths = np.concatenate([part.lengths for part in parts])
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return replace(
            first, values=np.concatenate([part.values for part in parts]), offsets=offsets
        )
