"""Settings of an explanation."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from cistron.base.errors import InputError, nearest
from cistron.base.settings import Settings

Method = Literal[
    "deeplift",
    "integrated_gradients",
    "gradient_times_input",
    "saliency",
    "in_silico_mutagenesis",
    "occlusion",
]
ReferenceKind = Literal["auto", "dinucleotide", "shuffled", "zero", "mean"]

SUMMED = ("deeplift", "integrated_gradients")
"""Methods whose contributions add up to the difference from references."""

ON_LETTERS = ("in_silico_mutagenesis", "occlusion")
"""Methods that change letters and predict again, of any classifier."""


class ExplainSettings(Settings):
    """How predictions are explained.

    Contributions are to the logit of a class: of two exclusive classes the log-odds of the one
    against the other; of a number, the number itself.
    """

    method: Method = Field("deeplift", description="method by which contributions are computed")
    class_: str | None = Field(
        None,
        alias="class",
        description="class whose logit is explained; predicted: each sample's own; by default the "
        "second of two classes, else predicted",
    )
    references: ReferenceKind = Field(
        "auto",
        description="what a sample is compared with: shuffled keeping pairs of letters "
        "(dinucleotide) or letters (shuffled), empty (zero), or the mean of training; auto: "
        "dinucleotide for DNA, shuffled for proteins, mean for vectors",
    )
    number: int = Field(20, ge=1, description="shuffled references of each sample")
    steps: int = Field(32, ge=2, le=1000, description="points on the path of integrated_gradients")
    window: int = Field(10, ge=1, description="positions that occlusion hides at once")
    scan: Literal["substitutions", "alanine", "deletion"] = Field(
        "substitutions",
        description="change that in_silico_mutagenesis makes: every other letter, alanine, or the "
        "letter deleted",
    )
    tolerance: float = Field(1e-3, gt=0, description="largest completeness error of deeplift")
    fall_back: bool = Field(
        False,
        description="whether samples above the tolerance get integrated gradients in place of an "
        "error",
    )
    seed: int = Field(1, description="seed of the random numbers by which references are shuffled")


def parse_settings(**keys: Any) -> ExplainSettings:
    """Return settings, or one sentence on what is wrong with them.

    Raises
    ------
    InputError
        If a key is unknown or a value not allowed.
    """
    allowed = {"method": get_args(Method), "references": get_args(ReferenceKind)}
    allowed["scan"] = get_args(ExplainSettings.model_fields["scan"].annotation)
    for key, words in allowed.items():
        if key in keys and keys[key] not in words:
            raise InputError(
                f"{key}: there is no {keys[key]!r}.{nearest(str(keys[key]), words)} Choose one of "
                f"{', '.join(words)}."
            )
    try:
        return ExplainSettings(**keys)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
