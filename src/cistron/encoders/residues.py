"""Proteins position by position: residues as codes, cropped to the informative end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.encoders import InputShape
from cistron.encoders.blosum62 import BLOSUM62
from cistron.encoders.crop import CROPS, crop, crop_warnings
from cistron.ragged import Ragged
from cistron.samples import Samples
from cistron.samples.alphabet import PROTEIN
from cistron.settings import Settings


class ResiduesSettings(Settings):
    """Settings of the `residues` encoder."""

    kind: Literal["residues"] = "residues"
    max_length: int = Field(1000, ge=1, description="longer proteins are cropped to this")
    crop: CROPS = Field("ends", description="which part of a longer protein is kept")
    as_: Literal["one_hot", "blosum62", "embedding"] = Field(
        "one_hot", alias="as", description="what the network sees of a residue"
    )
    width: int = Field(32, ge=1, description="channels of a learned embedding")

    def fit(self, samples: Samples) -> Residues:  # noqa: ARG002 (nothing is estimated)
        """Return the encoder; it learns nothing from the samples."""
        return Residues(self)

    def restore(self, document: dict[str, Any], arrays: dict[str, NDArray]) -> Residues:  # noqa: ARG002
        """Rebuild the encoder from its state."""
        return Residues(self)


@dataclass(frozen=True)
class Residues:
    """Encoder of proteins as residue codes.

    An ambiguous residue (B, Z, J) is shared equally among what it may be, X is all zeros, U and
    O count as C and K; as BLOSUM62 rows, X is all zeros too. `ends` keeps the first and the last
    half of `max_length`, because sorting signals sit at both termini.
    """

    settings: ResiduesSettings

    @property
    def shape(self) -> InputShape:
        """Codes, and the fixed channels of each (none for a learned embedding)."""
        letters = len(PROTEIN.letters)
        if self.settings.as_ == "embedding":
            return InputShape("codes", self.settings.width, letters=letters)
        table = (
            PROTEIN.shares
            if self.settings.as_ == "one_hot"
            else PROTEIN.shares @ BLOSUM62.astype(np.float32)
        )
        return InputShape("codes", table.shape[1], table=table, letters=letters)

    @property
    def names(self) -> None:
        """Positions have no names."""
        return

    def encode(self, samples: Samples) -> Ragged:
        """Return one row of uint8 codes a protein, at most `max_length` long."""
        return crop(samples.payload, self.settings.max_length, self.settings.crop)

    def warnings(self, samples: Samples) -> list[str]:
        """Say which proteins were cropped."""
        return crop_warnings(samples.payload, self.settings.max_length)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Nothing is learned."""
        return {}, {}
