"""Shares of all words of k letters."""

from __future__ import annotations

from itertools import product
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.encoders import Gives
from cistron.encoders.scaled import ScaledFeatures
from cistron.errors import InputError
from cistron.samples import Samples, Sequences
from cistron.samples.alphabet import Alphabet
from cistron.samples.composition import kmer_counts
from cistron.settings import Settings

MOST_FEATURES = 20_000


class KmersSettings(Settings):
    """Settings of the `kmers` encoder."""

    gives: ClassVar[Gives] = "vector"

    kind: Literal["kmers"] = "kmers"
    k: int = Field(2, ge=1, le=7, description="letters a word (protein up to 3, DNA up to 7)")
    both_strands: bool = Field(
        False, description="DNA: count a word and its reverse complement as one sum"
    )

    def fit(self, samples: Samples) -> ScaledFeatures:
        """Estimate the scaling on training samples."""
        letters = samples.payload.alphabet.standard
        if letters**self.k > MOST_FEATURES:
            raise InputError(
                f"encoder.k: {self.k} gives {letters**self.k:,} words; "
                f"at most {MOST_FEATURES:,} are used. Set k to 3 or less for proteins, 7 for DNA."
            )
        return ScaledFeatures.fit(self, samples)

    def restore(self, document: dict[str, Any], arrays: dict[str, NDArray]) -> ScaledFeatures:
        """Rebuild the encoder from its state."""
        return ScaledFeatures.restore(self, document, arrays)

    def features(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the share of each word among all words without an ambiguous letter."""
        counts = kmer_counts(sequences, self.k)
        if self.both_strands and sequences.alphabet.name == "dna":
            counts = counts + counts[:, _reverse_complements(self.k)]
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def feature_names(self, alphabet: Alphabet) -> list[str]:
        """Return the words, in alphabetical order of the codes."""
        return ["".join(w) for w in product(alphabet.letters[: alphabet.standard], repeat=self.k)]


def _reverse_complements(k: int) -> NDArray[np.int64]:
    """Return, for the number of each DNA word of k letters, that of its reverse complement."""
    digits = np.indices((4,) * k).reshape(k, -1)
    return ((3 - digits) * (4 ** np.arange(k))[:, None]).sum(axis=0)
