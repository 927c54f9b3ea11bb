"""What the settings of every augmentation have in common: what it changes, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cistron.base.settings import Kind


class AugmentSettings(Kind):
    """Settings of an augmentation; `letters` is the alphabet whose letters it changes, if any."""

    letters: ClassVar[str] = ""

    @property
    def paths(self) -> list[Path]:
        """Every file that is read."""
        return []

    @property
    def changes_epochs(self) -> bool:
        """Whether training samples are changed anew in each epoch."""
        return True

    @property
    def turns_strands(self) -> bool:
        """Whether it reads each sample on one strand, drawn at random."""
        return False

    @property
    def brings_sequences(self) -> bool:
        """Whether it puts sequences, read from files, in the place of samples."""
        return False

    @property
    def cuts_genomes(self) -> bool:
        """Whether it cuts genomes as the samples were cut."""
        return False

    @property
    def needs_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Group columns of the samples that it reads, by the key that names them."""
        return {}
