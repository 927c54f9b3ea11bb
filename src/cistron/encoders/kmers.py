"""Shares of all words of k letters, for one k or several."""

from __future__ import annotations

from itertools import product
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from cistron.encoders import Gives
from cistron.encoders.scaled import ScaledFeatures
from cistron.errors import InputError
from cistron.samples import Samples, Sequences
from cistron.samples.alphabet import Alphabet
from cistron.samples.composition import kmer_counts
from cistron.settings import Settings

MOST_FEATURES = 30_000
WordLength = Annotated[int, Field(ge=1, le=7)]


class KmersSettings(Settings):
    """Settings of the `kmers` encoder."""

    gives: ClassVar[Gives] = "vector"

    kind: Literal["kmers"] = "kmers"
    k: WordLength | tuple[WordLength, ...] = Field(
        2, description="letters a word (protein up to 3, DNA up to 7), or several: [1, 2, 3, 4, 5]"
    )
    both_strands: bool = Field(
        False, description="DNA: count a word and its reverse complement as one sum"
    )

    @field_validator("k")
    @classmethod
    def _each_once(cls, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if not isinstance(value, int) and (not value or len(set(value)) < len(value)):
            raise ValueError("give one length of words, or several different ones: [1, 2, 3]")
        return value

    @property
    def lengths(self) -> tuple[int, ...]:
        """Every length of words."""
        return (self.k,) if isinstance(self.k, int) else self.k

    def fit(self, samples: Samples) -> ScaledFeatures:
        """Estimate the scaling on training samples."""
        letters = samples.payload.alphabet.standard
        words = sum(letters**k for k in self.lengths)
        if words > MOST_FEATURES:
            raise InputError(
                f"encoder.k: {', '.join(map(str, self.lengths))} gives {words:,} words; "
                f"at most {MOST_FEATURES:,} are used. Set k to 3 or less for proteins, 7 for DNA."
            )
        return ScaledFeatures.fit(self, samples)

    def restore(self, document: dict[str, Any], arrays: dict[str, NDArray]) -> ScaledFeatures:
        """Rebuild the encoder from its state."""
        return ScaledFeatures.restore(self, document, arrays)

    def features(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the share of each word among all words of its length, shape (n, words).

        Words with an ambiguous letter are not counted.
        """
        return np.hstack([self._shares(sequences, k) for k in self.lengths])

    def _shares(self, sequences: Sequences, k: int) -> NDArray[np.float32]:
        counts = kmer_counts(sequences, k)
        if self.both_strands and sequences.alphabet.name == "dna":
            counts = counts + counts[:, _reverse_complements(k)]
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def feature_names(self, alphabet: Alphabet) -> list[str]:
        """Return the words, in alphabetical order of the codes, one length after another."""
        letters = alphabet.letters[: alphabet.standard]
        return ["".join(word) for k in self.lengths for word in product(letters, repeat=k)]


def _reverse_complements(k: int) -> NDArray[np.int64]:
    """Return, for the number of each DNA word of k letters, that of its reverse complement."""
    digits = np.indices((4,) * k).reshape(k, -1)
    return ((3 - digits) * (4 ** np.arange(k))[:, None]).sum(axis=0)
