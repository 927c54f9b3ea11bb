"""A run of proteins whose residues and pairs of residues are counted together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cistron.samples.alphabet import PROTEIN
from cistron.samples.samples import Sequences

MOST_RESIDUES = 1 << 17  # in a block: what is computed of them stays in the processor's cache
MOST_PROTEINS = 1 << 9  # in a block: so do 400 counters for each
UNKNOWN = PROTEIN.standard


def _plain_codes() -> NDArray[np.uint8]:
    """Return the code each letter counts as: U as C, O as K, B, Z, J and X as UNKNOWN."""
    table = np.full(len(PROTEIN.letters), UNKNOWN, dtype=np.uint8)
    table[:UNKNOWN] = np.arange(UNKNOWN)
    for letter in "UO":
        table[PROTEIN.letters.index(letter)] = PROTEIN.letters.index(PROTEIN.meanings[letter])
    return table


@dataclass(frozen=True, eq=False)
class Block:
    """Proteins, or the same region of each, as residue codes end to end.

    Parameters
    ----------
    codes : ndarray of uint8, shape (residues,)
        0 to 19 in PROTEIN's order; 20 where the residue is not known.
    lengths : ndarray of int64, shape (n,)
        Residues of each protein, unknown ones included.
    rare : ndarray of bool, shape (residues,)
        True where a U or O counts as its C or K.
    """

    codes: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    rare: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each protein starts in `codes`, shape (n,)."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Protein of each residue, shape (residues,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Place of each residue in its protein, from 1, shape (residues,)."""
        return np.arange(1, len(self.codes) + 1) - self.starts[self.rows]

    def part(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> Block:
        """Return the residues from `first` (counted from 0) up to, not with, `last` of each."""
        lengths = last - first
        moved = self.starts + first - (np.cumsum(lengths) - lengths)
        places = np.arange(lengths.sum()) + np.repeat(moved, lengths)
        return Block(self.codes[places], lengths, self.rare[places])

    def plain(self) -> Block:
        """Return the block with U and O unknown, as programs that know 20 letters read them."""
        return Block(np.where(self.rare, UNKNOWN, self.codes), self.lengths, self.rare)

    def residue(self, place: int) -> NDArray[np.uint8]:
        """Return each protein's residue at a place (0 the first, -1 the last), shape (n,).

        UNKNOWN where the protein is too short.
        """
        inside = self.lengths > place if place >= 0 else self.lengths >= -place
        letters = np.full(len(self), UNKNOWN, dtype=np.uint8)
        at = self.starts + place + (self.lengths if place < 0 else 0)
        letters[inside] = self.codes[at[inside]]
        return letters

    def words(
        self, shifts: tuple[int, ...], table: NDArray[np.uint8] | None = None
    ) -> NDArray[np.float64]:
        """Return how often each word occurs, the words with an unknown residue not counted.

        Parameters
        ----------
        shifts : tuple of int
            Places of the word's letters from its first, ascending from 0: (0, 1) are neighbours.
        table : ndarray of uint8, shape (21,), optional
            Class of each residue, the unknown one's last; without it each is its own.

        Returns
        -------
        ndarray, shape (n, classes ** letters)
            The first letter changing slowest.
        """
        letters = self.codes if table is None else table[self.codes]
        size = UNKNOWN if table is None else int(table[-1])
        words = size ** len(shifts)
        places = max(len(letters) - shifts[-1], 0)
        whole = self.rows[:places] == self.rows[len(letters) - places :]
        index = self.rows[:places]
        for shift in shifts:
            letter = letters[shift : shift + places]
            whole &= letter < size
            index = index * size + letter
        counts = np.bincount(index[whole], minlength=len(self) * words)
        return counts.reshape(len(self), words).astype(np.float64)


def shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row over its sum; zeros where there is nothing."""
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def blocks(sequences: Sequences) -> Iterator[tuple[slice, Block]]:
    """Yield runs of rows and their residues."""
    plain, offsets, first = _plain_codes(), sequences.offsets, 0
    while first < len(sequences):
        last = int(np.searchsorted(offsets, offsets[first] + MOST_RESIDUES, side="right")) - 1
        last = min(max(last, first + 1), first + MOST_PROTEINS, len(sequences))
        given = sequences.values[offsets[first] : offsets[last]]
        codes = plain[given]
        rare = (given >= UNKNOWN) & (codes < UNKNOWN)
        yield slice(first, last), Block(codes, np.diff(offsets[first : last + 1]), rare)
        first = last
