"""What the settings of every encoder have in common: what it reads, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import Gives
from cistron.base.settings import Kind
from cistron.encoders.encoder import Encoder
from cistron.samples.samples import Samples


class EncoderSettings(Kind):
    """Settings of an encoder.

    `reads` lists the contents of samples (see `SamplesSettings`), any of which will do. `letters`
    is the alphabet whose letters a network is given one by one; empty where it is given others.
    An encoder `on_device` computes for long: its `fit` also takes `device` and `reporter`, and the
    fitted encoder has `on(device, reporter)`.
    """

    reads: ClassVar[frozenset[str]]
    letters: ClassVar[str] = ""
    on_device: ClassVar[bool] = False
    language_model: ClassVar[bool] = False  # holds one, which training can change

    @property
    def gives(self) -> Gives:
        """Whether a sample becomes positions or one vector."""
        raise NotImplementedError

    @property
    def most_positions(self) -> int | None:
        """Most positions of a sample; None without a bound, 0 of vectors."""
        return 0

    @property
    def matrix(self) -> str | None:
        """What it takes the numbers of a matrix for ("counts", …); None of sequences."""
        return None

    @property
    def needs_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Group columns of the samples that it reads, by the key that names them."""
        return {}

    @property
    def untrainable(self) -> str:
        """Why its language model cannot be trained, and what to change; else empty."""
        return ""

    def require_possible(self) -> None:
        """Refuse keys that cannot go together.

        Raises
        ------
        InputError
        """

    def fit(self, samples: Samples) -> Encoder:
        """Learn from training samples.

        Raises
        ------
        InputError
        """
        raise NotImplementedError

    def restore(self, document: Document, arrays: Arrays) -> Encoder:
        """Rebuild the encoder from its state."""
        raise NotImplementedError
