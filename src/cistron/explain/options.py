"""What is asked of an explanation: what each method reads of its settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cistron.base.settings import Settings

ReferenceKind = Literal["auto", "dinucleotide", "shuffled", "zero", "mean"]
ScanKind = Literal["substitutions", "alanine", "deletion"]


class Options(Settings):
    """Settings of an explanation, whose method is any word: see `ExplainSettings`."""

    method: str = Field("deeplift", description="how contributions are computed")
    class_: str | None = Field(
        None,
        alias="class",
        description="class whose logit is explained; predicted: of each sample its own; by default "
        "the second of two classes, else predicted",
    )
    references: ReferenceKind = Field(
        "auto",
        description="what a sample is compared with: shuffled keeping pairs of letters "
        "(dinucleotide) or letters (shuffled), empty (zero), or the mean of training; auto: "
        "dinucleotide for DNA, shuffled for proteins, mean for vectors",
    )
    background: str | None = Field(
        None,
        description="FASTA file whose sequences are the references, in place of shuffled letters; "
        "each is cut to the length of the sample",
    )
    number: int = Field(
        20, ge=1, description="shuffled references of a sample, or sequences of the background"
    )
    steps: int = Field(32, ge=2, le=1000, description="integrated_gradients: points on the path")
    window: int = Field(10, ge=1, description="occlusion: positions hidden at once")
    scan: ScanKind = Field(
        "substitutions",
        description="in_silico_mutagenesis: every other letter, alanine, or the letter deleted",
    )
    tolerance: float = Field(1e-3, gt=0, description="largest completeness error of deeplift")
    fall_back: bool = Field(
        False, description="integrated gradients for samples above the tolerance, not an error"
    )
    seed: int = Field(1, description="seed of the shuffled references and of the checks")
