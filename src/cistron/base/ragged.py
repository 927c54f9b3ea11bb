"""Rows of different lengths held in one flat array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array, Arrays


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

    POSITIONS: ClassVar[tuple[str, ...]] = ("values",)
    """Names of the arrays that run along the positions; a subclass may have more than one."""

    values: Array
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> Array:
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
        # Views joined once: an index array would take 24 times the memory of uint8 values.
        spans = list(zip(starts.tolist(), (starts + lengths).tolist(), strict=True))

        def cut(array: Array) -> Array:
            return np.concatenate([array[:0], *(array[start:end] for start, end in spans)])

        return self._of(lengths, {name: cut(getattr(self, name)) for name in self.POSITIONS})

    def span(self, start: int, stop: int) -> Self:
        """Return the consecutive rows from `start` up to and without `stop`; nothing is copied."""
        inside = slice(self.offsets[start], self.offsets[stop])
        arrays = {name: getattr(self, name)[inside] for name in self.POSITIONS}
        return self._of(self.lengths[start:stop], arrays)

    def where(self, kept: NDArray[np.bool_]) -> Self:
        """Return the rows that are kept; memory is one byte a position beside them."""
        inside = np.repeat(kept, self.lengths)
        arrays = {name: getattr(self, name)[inside] for name in self.POSITIONS}
        return self._of(self.lengths[kept], arrays)

    def padded(
        self, rows: NDArray[np.int64], fill: int | float = 0
    ) -> tuple[Array, NDArray[np.int64]]:
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
        """Return the rows of all parts, one after another, as the kind it is called on."""
        lengths = np.concatenate([part.lengths for part in parts])
        names = cls.POSITIONS
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        kind = {field.name: getattr(parts[0], field.name) for field in fields(cls)}
        return cls(**kind)._of(lengths, joined)

    def _of(self, lengths: NDArray[np.int64], arrays: Arrays) -> Self:
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return replace(self, offsets=offsets, **arrays)
