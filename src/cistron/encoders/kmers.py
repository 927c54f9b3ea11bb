"""Shares of all words of k letters, for one k or several."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import Gives
from cistron.base.errors import InputError
from cistron.encoders.scaled import ScaledFeatures
from cistron.encoders.settings import EncoderSettings
from cistron.samples.alphabet import Alphabet
from cistron.samples.samples import Samples, Sequences
from cistron.samples.sequences.composition import kmer_counts, reverse_complements

MOST_FEATURES = 30_000
WordLength = Annotated[int, Field(ge=1, le=7)]


class KmersSettings(EncoderSettings):
    """Settings of the `kmers` encoder."""

    reads: ClassVar[frozenset[str]] = frozenset({"protein", "dna"})
    gives: ClassVar[Gives] = "vector"

    kind: Literal["kmers"] = "kmers"
    k: WordLength | tuple[WordLength, ...] = Field(
        2,
        description="letters of a word (protein up to 3, DNA up to 7), or several: [1, 2, 3, 4, 5]",
    )
    cuts: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (),
        description="positions at which every sequence is cut; words are counted in each piece on "
        "its own: [1010] for a promoter of 1000, 20 N and a terminator",
    )
    both_strands: bool = Field(
        False, description="whether a word of DNA and its reverse complement are counted as one"
    )

    @field_validator("k")
    @classmethod
    def _each_once(cls, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if not isinstance(value, int) and (not value or len(set(value)) < len(value)):
            raise ValueError("give one length of words, or several different ones: [1, 2, 3]")
        return value

    @field_validator("cuts")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(before >= after for before, after in pairwise(value)):
            raise ValueError("give positions from left to right, each once")
        return value

    @property
    def pieces(self) -> list[tuple[int, int | None]]:
        """First position of every piece and the one behind its last; None: to the end."""
        return list(zip((0, *self.cuts), (*self.cuts, None), strict=True))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Every length of words."""
        return (self.k,) if isinstance(self.k, int) else self.k

    def fit(self, samples: Samples) -> ScaledFeatures[KmersSettings]:
        """Estimate the scaling on training samples."""
        letters = samples.sequences.alphabet.standard
        words = sum(letters**k for k in self.lengths) * len(self.pieces)
        if words > MOST_FEATURES:
            raise InputError(
                f"encoder.k: {', '.join(map(str, self.lengths))} gives {words:,} words; "
                f"at most {MOST_FEATURES:,} are used. Set k to 3 or less for proteins, 7 for DNA."
            )
        return ScaledFeatures.fit(self, samples)

    def restore(self, document: Document, arrays: Arrays) -> ScaledFeatures[KmersSettings]:
        """Rebuild the encoder from its state."""
        return ScaledFeatures.restore(self, document, arrays)

    def features(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the share of each word among all words of its length in its piece.

        Words with an ambiguous letter are not counted.

        Returns
        -------
        ndarray, shape (n, pieces * words)
        """
        cut = [_piece(sequences, *span) for span in self.pieces] if self.cuts else [sequences]
        return np.hstack([self._shares(piece, k) for piece in cut for k in self.lengths])

    def _shares(self, sequences: Sequences, k: int) -> NDArray[np.float32]:
        counts = kmer_counts(sequences, k)
        if self.both_strands and sequences.alphabet.name == "dna":
            counts = counts + counts[:, reverse_complements(k)]
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def feature_names(self, alphabet: Alphabet) -> list[str]:
        """Return the words, in alphabetical order of the codes, one length after another.

        Of sequences that are cut, with the positions of the piece, counted from 1.
        """
        letters = alphabet.letters[: alphabet.standard]
        words = ["".join(word) for k in self.lengths for word in product(letters, repeat=k)]
        if not self.cuts:
            return words
        spans = [f"{begin + 1}-{end or ''}" for begin, end in self.pieces]
        return [f"{word} {span}" for span in spans for word in words]


def _piece(sequences: Sequences, begin: int, end: int | None) -> Sequences:
    """Return positions `begin` to before `end` of every sequence, as far as it has them."""
    lengths = sequences.lengths
    first = np.minimum(lengths, begin)
    last = lengths if end is None else np.minimum(lengths, end)
    return sequences.slices(sequences.offsets[:-1] + first, last - first)
