"""DNA position by position: one-hot bases, on one strand or both."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import Gives, InputShape
from cistron.encoders.crop import CROPS, CroppedCodes
from cistron.encoders.settings import EncoderSettings
from cistron.samples.alphabet import DNA
from cistron.samples.samples import Samples


class OneHotSettings(EncoderSettings):
    """Settings of the `one_hot` encoder.

    Encoder of DNA as base codes; N is all zeros, other ambiguous bases are shared equally.

    `both_strands: average` (or `true`) makes any network strand-invariant: its logits are the mean
    over the sequence and its reverse complement, in training too. `rows` trains on the two as two
    samples and averages the logits in prediction. Use `false` for windows with a reading
    direction, such as a promoter and terminator written 5' to 3'.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"dna"})
    gives: ClassVar[Gives] = "positions"
    letters: ClassVar[str] = "dna"

    kind: Literal["one_hot"] = "one_hot"
    max_length: int = Field(
        5000, ge=1, description="most bases of a sequence; longer ones are cropped"
    )
    crop: CROPS = Field("center", description="part of a longer sequence that is kept")
    both_strands: Literal[True, False, "average", "rows"] = Field(
        True,
        description="strands that are read; true or average: the mean of the logits of the "
        "sequence and its reverse complement; rows: the two are two samples in "
        "training; false: one strand",
    )

    @property
    def most_positions(self) -> int:
        """What longer sequences are cropped to."""
        return self.max_length

    def fit(self, samples: Samples) -> CroppedCodes[OneHotSettings]:  # noqa: ARG002 (nothing is estimated)
        """Return the encoder; it learns nothing from the samples."""
        return CroppedCodes(self, self.shape())

    def restore(self, document: Document, arrays: Arrays) -> CroppedCodes[OneHotSettings]:  # noqa: ARG002
        """Rebuild the encoder from its state."""
        return CroppedCodes(self, self.shape())

    def shape(self) -> InputShape:
        """Codes of bases in the order A, C, G, T."""
        complement = DNA.complement if self.both_strands else None
        rows = self.both_strands == "rows"
        return InputShape(
            "codes", 4, DNA.shares, len(DNA.letters), complement, strands_as_rows=rows
        )
