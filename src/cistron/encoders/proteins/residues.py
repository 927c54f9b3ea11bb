"""Proteins position by position: residues as codes, cropped to the informative end."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import Gives, InputShape
from cistron.encoders.crop import CROPS, CroppedCodes
from cistron.encoders.proteins.blosum62 import BLOSUM62
from cistron.encoders.settings import EncoderSettings
from cistron.samples.alphabet import PROTEIN
from cistron.samples.samples import Samples


class ResiduesSettings(EncoderSettings):
    """Settings of the `residues` encoder.

    An ambiguous residue (B, Z, J) is shared equally among what it may be, X is all zeros, U and
    O count as C and K; as BLOSUM62 rows, X is all zeros too. `ends` keeps the first and the last
    half of `max_length`, because sorting signals sit at both termini.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"protein"})
    gives: ClassVar[Gives] = "positions"
    letters: ClassVar[str] = "protein"

    kind: Literal["residues"] = "residues"
    max_length: int = Field(
        1000, ge=1, description="most residues of a protein; longer ones are cropped"
    )
    crop: CROPS = Field("ends", description="part of a longer protein that is kept")
    as_: Literal["one_hot", "blosum62", "embedding"] = Field(
        "one_hot",
        alias="as",
        description="what the network is given of a residue: one-hot codes, BLOSUM62 rows, or a "
        "learned embedding",
    )
    width: int = Field(32, ge=1, description="channels of the learned embedding")

    @property
    def most_positions(self) -> int:
        """What longer sequences are cropped to."""
        return self.max_length

    def fit(self, samples: Samples) -> CroppedCodes[ResiduesSettings]:  # noqa: ARG002 (nothing is estimated)
        """Return the encoder; it learns nothing from the samples."""
        return CroppedCodes(self, self.shape())

    def restore(self, document: Document, arrays: Arrays) -> CroppedCodes[ResiduesSettings]:  # noqa: ARG002
        """Rebuild the encoder from its state."""
        return CroppedCodes(self, self.shape())

    def shape(self) -> InputShape:
        """Codes, and the fixed channels of each (none for a learned embedding)."""
        letters = len(PROTEIN.letters)
        if self.as_ == "embedding":
            return InputShape("codes", self.width, letters=letters)
        table = (
            PROTEIN.shares
            if self.as_ == "one_hot"
            else PROTEIN.shares @ BLOSUM62.astype(np.float32)
        )
        return InputShape("codes", table.shape[1], table=table, letters=letters)
