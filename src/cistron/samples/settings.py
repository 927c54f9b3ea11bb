"""What the settings of every source of samples say of the samples, before any is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from cistron.base.errors import InputError, nearest
from cistron.base.settings import Kind
from cistron.samples.samples import UNLABELLED, Samples
from cistron.targets.target import Target

SEQUENCES = frozenset({"protein", "dna"})
"""Contents that are sequences of letters."""


class SamplesSettings(Kind):
    """Settings of a source of samples.

    `contents` lists what samples of this source may be: "protein" or "dna" (sequences of these),
    "profiles" (of proteins), "genes" (cells, as counts of genes). Encoders, splits and baselines
    say which of these they read.
    """

    contents: ClassVar[frozenset[str]]
    windows_of_genomes: ClassVar[bool] = False  # so that orthologs can be cut like them

    @property
    def content(self) -> str:
        """What these samples are, in the word of their payload."""
        (content,) = self.contents
        return content

    @property
    def gives(self) -> frozenset[str]:
        """All that these samples can be read as."""
        return frozenset({self.content})

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the group columns that the samples will have."""
        return ()

    @property
    def holds_counts(self) -> bool:
        """Whether the numbers of a matrix are promised to be counts."""
        return False

    @property
    def asks(self) -> Target:
        """What is asked of each sample; its classes are not known before the files are read."""
        return UNLABELLED

    def read(self) -> Samples:
        """Read the samples.

        Raises
        ------
        InputError
        """
        raise NotImplementedError


def require_columns(
    needed: Mapping[str, Sequence[str]], groups: Collection[str], where: str = ""
) -> None:
    """Refuse group columns that the samples do not have.

    Parameters
    ----------
    needed : dict
        Key that names columns → the columns.
    groups : collection of str
        Group columns of the samples.
    where : str
        What the message begins with: the experiment file.

    Raises
    ------
    InputError
    """
    for key, columns in needed.items():
        for column in columns:
            if column not in groups:
                raise InputError(
                    f"{where}{key}: {column!r} is not declared under samples.groups (there are: "
                    f"{', '.join(groups) or 'none'}).{nearest(column, groups)}"
                )
