"""What classifier.json holds, checked key by key before anything is made of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator

from cistron.base.document import Document
from cistron.base.domains import DOMAINS
from cistron.samples.cells.cell_reading import CellReading
from cistron.targets.kinds import restore_target
from cistron.targets.one_class import OneClass
from cistron.targets.target import Target

Checksum = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class CalibrationPart(_Part):
    """How probabilities were calibrated, and from which on a cell is called."""

    kind: Literal["temperature", "none"]
    temperature: float = Field(ge=1e-6, le=1e6)
    thresholds: Literal["f1", "mcc", "none"] = "f1"
    least_confidence: float = Field(0.0, ge=0, le=1)


class EncoderPart(_Part):
    """Settings of the encoder, and what it learned beside its arrays."""

    settings: Document
    learned: Document


class MemberPart(_Part):
    """A member of an ensemble; always a folder of its own within the ensemble's."""

    folder: str = Field(pattern=r"^members/\d{1,6}$")
    sha256: Checksum
    weight: float | None = Field(None, gt=0, le=1)


class _Common(_Part):
    format: StrictInt = Field(ge=1)
    cistron: str
    alphabet: str
    classes: tuple[StrictStr, ...]
    calibration: CalibrationPart
    provenance: Document
    sha256: Checksum
    heads: tuple[Document, ...] | None = Field(None, min_length=1, max_length=2)

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if self.alphabet not in DOMAINS:
            raise ValueError(f"alphabet: {self.alphabet!r} is not one of {', '.join(DOMAINS)}")
        if self.answers()[0].classes != self.classes:
            raise ValueError("classes: the classes are not those of the first head")
        return self

    def answers(self) -> tuple[Target, ...]:
        """Return what is answered; where only classes are described, one of them.

        Raises
        ------
        ValueError
            If a number is out of its range, or classes have the same name.
        """
        if self.heads is not None:
            return tuple(restore_target(head) for head in self.heads)
        plain = {"classes": self.classes, "temperature": self.calibration.temperature}
        return (OneClass.restore(plain),)


class ClassifierDescription(_Common):
    """classifier.json of one classifier."""

    encoder: EncoderPart
    model: Document
    training: Document
    novelty: Document
    files: dict[str, Checksum]
    reading: CellReading | None = None


class EnsembleDescription(_Common):
    """classifier.json of an ensemble."""

    members: tuple[MemberPart, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _weighed(self) -> Self:
        if len({member.weight is None for member in self.members}) > 1:
            raise ValueError("members: either all members have a weight, or none has")
        return self
