"""Samples → arrays: fitted on training samples only, carried inside the classifier.

An encoder is one file here, with its settings class (see `cistron.encoders.settings`) and the
fitted encoder itself, and one line in `kinds.py`.
"""

from __future__ import annotations

from typing import Protocol

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import Encoded, InputShape
from cistron.base.settings import Settings
from cistron.samples.samples import Samples


class Encoder(Protocol):
    """A fitted encoder."""

    @property
    def settings(self) -> Settings:
        """The settings it was fitted with."""

    @property
    def shape(self) -> InputShape:
        """What it hands to a model."""

    @property
    def names(self) -> list[str] | None:
        """Name of every feature of a vector; None for encoders of positions."""

    def encode(self, samples: Samples) -> Encoded:
        """Encode samples, whether or not they were seen in fitting."""

    def warnings(self, samples: Samples) -> list[str]:
        """For each sample, what was lost in encoding ("cropped to 1,000 of 35,000"), or ""."""

    def state(self) -> tuple[Document, Arrays]:
        """Return what was learned, as JSON types and as arrays."""
