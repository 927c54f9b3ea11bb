"""What a window is made of: regions around anchors, spacers, and the published ones by name.

An anchor is a place between two bases: `tss` before the first transcribed base, `tts` behind the
last one, `start_codon` before its first base, `stop_codon` behind its last base. Upstream and
downstream count along the gene's strand, and every window reads 5' to 3' of the gene.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from cistron.base.settings import Settings

Anchor = Literal["tss", "tts", "start_codon", "stop_codon"]
FIVE_PRIME, THREE_PRIME = ("tss", "start_codon"), ("tts", "stop_codon")
CODONS = ("start_codon", "stop_codon")
LONGEST = 10_000_000  # bases of a region: more than any classifier reads


class Stretch(Settings):
    """Bases around an anchor."""

    anchor: Anchor = Field(
        description="place from which bases are counted: the ends of the gene or of its coding "
        "sequence"
    )
    upstream: int = Field(0, ge=0, le=LONGEST, description="bases before the anchor")
    downstream: int = Field(0, ge=0, le=LONGEST, description="bases behind the anchor")

    @model_validator(mode="after")
    def _has_bases(self) -> Self:
        if self.length == 0:
            raise ValueError("give `upstream` or `downstream`: the region has no base")
        return self

    @property
    def length(self) -> int:
        """Number of bases."""
        return self.upstream + self.downstream


class Region(Stretch):
    """A part of the window."""

    name: str = Field(min_length=1, description="what `mask` and `ablate` call it")


class Spacer(Settings):
    """Columns without a base."""

    spacer: int = Field(ge=1, le=LONGEST, description="columns of N, zeros when one-hot")


def _part(value: object) -> str:
    spacer = "spacer" in value if isinstance(value, dict) else isinstance(value, Spacer)
    return "[spacer]" if spacer else "[region]"


def _masked(value: object) -> str:
    return "[name]" if isinstance(value, str) else "[stretch]"


Part = Annotated[
    Annotated[Region, Tag("[region]")] | Annotated[Spacer, Tag("[spacer]")], Discriminator(_part)
]
Masked = Annotated[
    Annotated[str, Tag("[name]")] | Annotated[Stretch, Tag("[stretch]")], Discriminator(_masked)
]
Preset = Literal["lcre", "deepcre", "deepdife"]

_PROMOTER_AND_TERMINATOR: tuple[Region | Spacer, ...] = (
    Region(name="promoter", anchor="tss", upstream=1000),
    Region(name="gene_body_5", anchor="tss", downstream=500),
    Spacer(spacer=20),
    Region(name="gene_body_3", anchor="tts", upstream=500),
    Region(name="terminator", anchor="tts", downstream=1000),
)
PRESETS: dict[str, tuple[Region | Spacer, ...]] = {
    "lcre": _PROMOTER_AND_TERMINATOR,
    "deepcre": _PROMOTER_AND_TERMINATOR,
    "deepdife": (
        Region(name="promoter", anchor="tss", upstream=500),
        Region(name="gene_body_5", anchor="tss", downstream=100),
    ),
}
# deepCRE and LCRE zero these columns of every window: start and stop codon of a gene that is
# annotated from the one to the other. In a short gene that is read twice, the copy stays.
_CODON_COLUMNS = ((1000, 1003), (2017, 2020))
PRESET_COLUMNS: dict[str, tuple[tuple[int, int], ...]] = {
    "lcre": _CODON_COLUMNS,
    "deepcre": _CODON_COLUMNS,
}
# What runs of before hid, whose experiment files say `mask: null`.
FORMER_MASKS: dict[str, tuple[str | Stretch, ...]] = {
    "deepcre": (Stretch(anchor="tss", downstream=3), Stretch(anchor="tts", upstream=3))
}
