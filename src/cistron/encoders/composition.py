"""Letter composition and length: the plainest description of a sequence."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import Gives
from cistron.encoders.scaled import ScaledFeatures
from cistron.encoders.settings import EncoderSettings
from cistron.samples.alphabet import Alphabet
from cistron.samples.samples import Samples, Sequences
from cistron.samples.sequences.composition import composition


class CompositionSettings(EncoderSettings):
    """Settings of the `composition` encoder."""

    reads: ClassVar[frozenset[str]] = frozenset({"protein", "dna"})
    gives: ClassVar[Gives] = "vector"

    kind: Literal["composition"] = "composition"
    length: bool = Field(
        True, description="whether log10 of the length (letters) is a feature as well"
    )

    def fit(self, samples: Samples) -> ScaledFeatures[CompositionSettings]:
        """Estimate the scaling on training samples."""
        return ScaledFeatures.fit(self, samples)

    def restore(self, document: Document, arrays: Arrays) -> ScaledFeatures[CompositionSettings]:
        """Rebuild the encoder from its state."""
        return ScaledFeatures.restore(self, document, arrays)

    def features(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the share of every standard letter, and log10 of the length."""
        columns = [composition(sequences)]
        if self.length:
            columns.append(np.log10(np.maximum(sequences.lengths, 1))[:, None])
        return np.concatenate(columns, axis=1).astype(np.float32)

    def feature_names(self, alphabet: Alphabet) -> list[str]:
        """Return the letters, and "log10 length"."""
        return list(alphabet.letters[: alphabet.standard]) + ["log10 length"] * self.length
