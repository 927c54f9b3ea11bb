"""Named descriptors of proteins: composition, pairs, physicochemical classes, termini.

Rule for letters that are not one of the 20: selenocysteine (U) counts as cysteine and pyrrolysine
(O) as lysine; B, Z, J and X are unknown, and a residue, pair or word with an unknown one is counted
neither in the number nor in the total. Unknown residues keep their places and count in the length.
A protein too short for a descriptor has 0 there. `dde_senseqnet` and `gtpc_senseqnet` count as
their publication does: U and O are unknown, and unknown residues count in the total.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from cistron.base.arrays import Arrays
from cistron.base.document import Document
from cistron.base.encoded import Gives
from cistron.base.errors import InputError
from cistron.encoders.proteins.descriptor_sets import SETS, DescriptorSet
from cistron.encoders.proteins.residue_block import Block, blocks
from cistron.encoders.scaled import ScaledFeatures
from cistron.encoders.settings import EncoderSettings
from cistron.samples.alphabet import Alphabet
from cistron.samples.samples import Samples, Sequences

SetName = Literal[
    "composition",
    "dipeptide",
    "cksaap",
    "dde",
    "gtpc",
    "dde_senseqnet",
    "gtpc_senseqnet",
    "ctd",
    "quasi_sequence_order",
    "pse_aac",
    "covariance",
    "length",
    "termini",
]
Region = Literal["whole", "first20", "first50", "last20", "thirds"]

REGION_NAMES: dict[Region, tuple[str, ...]] = {
    "whole": ("",),
    "first20": ("first 20: ",),
    "first50": ("first 50: ",),
    "last20": ("last 20: ",),
    "thirds": ("first third: ", "middle third: ", "last third: "),
}
"""What the names of a region's features begin with."""


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} is listed twice; name it once.")
    return names


class DescriptorsSettings(EncoderSettings):
    """Settings of the `descriptors` encoder."""

    reads: ClassVar[frozenset[str]] = frozenset({"protein"})
    gives: ClassVar[Gives] = "vector"

    kind: Literal["descriptors"] = "descriptors"
    sets: Annotated[tuple[SetName, ...], AfterValidator(_distinct)] = Field(
        ("composition", "dipeptide", "ctd", "length", "termini"),
        min_length=1,
        description="sets of descriptors, in the order of the columns",
    )
    regions: Annotated[tuple[Region, ...], AfterValidator(_distinct)] = Field(
        ("whole",),
        min_length=1,
        description="parts of the protein that each set describes; length and termini, which "
        "only a whole protein has, are described once",
    )

    def fit(self, samples: Samples) -> ScaledFeatures[DescriptorsSettings]:
        """Estimate the scaling on training samples."""
        return ScaledFeatures.fit(self, samples)

    def restore(self, document: Document, arrays: Arrays) -> ScaledFeatures[DescriptorsSettings]:
        """Rebuild the encoder from its state."""
        return ScaledFeatures.restore(self, document, arrays)

    def features(self, sequences: Sequences) -> NDArray[np.float32]:
        """Return the descriptors, shape (n, features).

        Raises
        ------
        InputError
            The sequences are not proteins.
        """
        if sequences.alphabet.name != "protein":
            raise InputError(
                f"encoder.kind: descriptors describe proteins, and these sequences are "
                f"{sequences.alphabet.name.upper()}. Use kmers or one_hot, or translate them."
            )
        plan = self._plan()
        width = sum(len(chosen.names) for chosen, _, _ in plan)
        values = np.empty((len(sequences), width), dtype=np.float32)
        for rows, block in blocks(sequences):
            parts = {region: _parts(block, region) for region in self.regions}
            column = 0
            for chosen, region, number in plan:
                part = parts[region][number] if chosen.by_region else block
                values[rows, column : column + len(chosen.names)] = chosen.values(part)
                column += len(chosen.names)
        return values

    def feature_names(self, alphabet: Alphabet) -> list[str]:  # noqa: ARG002 (proteins only)
        """Return the name of every descriptor, the region's first."""
        return [
            (REGION_NAMES[region][number] if chosen.by_region else "") + name
            for chosen, region, number in self._plan()
            for name in chosen.names
        ]

    def _plan(self) -> list[tuple[DescriptorSet, Region, int]]:
        """Return set, region and number of the part within the region, in column order."""
        plan = []
        for name in self.sets:
            regions = self.regions if SETS[name].by_region else self.regions[:1]
            for region in regions:
                parts = len(REGION_NAMES[region]) if SETS[name].by_region else 1
                plan += [(SETS[name], region, number) for number in range(parts)]
        return plan


def _parts(block: Block, region: Region) -> list[Block]:
    """Return the parts of each protein that a region names; all there is of shorter proteins."""
    lengths, none = block.lengths, np.zeros_like(block.lengths)
    if region == "first20":
        return [block.part(none, np.minimum(lengths, 20))]
    if region == "first50":
        return [block.part(none, np.minimum(lengths, 50))]
    if region == "last20":
        return [block.part(np.maximum(lengths - 20, 0), lengths)]
    if region == "thirds":
        bounds = [none, lengths // 3, lengths * 2 // 3, lengths]
        return [block.part(bounds[k], bounds[k + 1]) for k in range(3)]
    return [block]
