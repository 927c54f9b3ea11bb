"""Proteins position by position: how probable each residue is there, from an alignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import Gives, InputShape
from cistron.base.errors import InputError
from cistron.base.ragged import Ragged
from cistron.encoders.crop import CROPS, Cropped, CroppedCodes, crop
from cistron.encoders.settings import EncoderSettings
from cistron.samples.alphabet import PROTEIN
from cistron.samples.samples import Profiles, Samples


@dataclass(frozen=True, eq=False)
class CroppedProfiles(CroppedCodes[Cropped]):
    """A fitted encoder of profiles, cropped; it learned nothing."""

    def encode(self, samples: Samples) -> Ragged:
        """Return one row of float32 channels a protein, at most `max_length` long.

        Raises
        ------
        InputError
            If the samples are sequences without profiles.
        """
        whole = profiles_of(samples)
        return crop(whole, self.settings.max_length, self.settings.crop)


class ProfileSettings(EncoderSettings):
    """Settings of the `profile` encoder.

    The network sees 20 probabilities at each position, in the order ARNDCQEGHILKMFPSTWYV.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"profiles"})
    gives: ClassVar[Gives] = "positions"

    kind: Literal["profile"] = "profile"
    max_length: int = Field(
        1000, ge=1, description="most residues of a protein; longer ones are cropped"
    )
    crop: CROPS = Field("ends", description="part of a longer protein that is kept")

    @property
    def most_positions(self) -> int:
        """What longer sequences are cropped to."""
        return self.max_length

    def fit(self, samples: Samples) -> CroppedProfiles[ProfileSettings]:
        """Return the encoder; it learns nothing from the samples, which must have profiles."""
        profiles_of(samples)
        return CroppedProfiles(self, InputShape("channels", PROTEIN.standard))

    def restore(self, document: Document, arrays: Arrays) -> CroppedProfiles[ProfileSettings]:  # noqa: ARG002
        """Rebuild the encoder from its state."""
        return CroppedProfiles(self, InputShape("channels", PROTEIN.standard))


def profiles_of(samples: Samples) -> Ragged:
    """Return the profile of each protein, rows of shape (length, 20).

    Raises
    ------
    InputError
        If the samples are sequences without profiles.
    """
    if not isinstance(samples.payload, Profiles):
        raise InputError(
            "encoder.kind: 'profile' reads profiles, and these samples are sequences. Give a "
            "numpy archive (.npz) or PSI-BLAST's ASCII matrices (samples.kind: profiles), or "
            "choose the encoder 'residues'."
        )
    return Ragged(samples.payload.profile, samples.payload.offsets)
