"""The experiment: everything that defines a run, validated before anything is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cistron.base.document import Document
from cistron.base.domains import DOMAINS
from cistron.base.settings import Settings
from cistron.encoders.kinds import AnyEncoder
from cistron.evaluation.domains import JUDGED
from cistron.evaluation.settings import EvaluationSettings
from cistron.models.kinds import AnyModel
from cistron.samples.kinds import AnySamples
from cistron.samples.settings import SamplesSettings
from cistron.splits.kinds import AnySplit
from cistron.training.augment.kinds import AnyAugment
from cistron.training.settings import TrainingSettings


def _kinds(value: object) -> object:
    if not isinstance(value, list | tuple):
        return value
    return [{"kind": element} if isinstance(element, str) else element for element in value]


USUAL_ENCODERS: Document = {
    "protein": {"kind": "residues", "as": "blosum62", "max_length": 1000, "crop": "ends"},
    "dna": {"kind": "one_hot", "both_strands": True},
    "genes": {"kind": "expression"},
}
"""Content of samples → the encoder where `model: {kind: auto}` leaves it out."""

Augmentations = Annotated[tuple[AnyAugment, ...], BeforeValidator(_kinds)]
"""A list of kinds, each by its name or with its keys."""


class Experiment(Settings):
    """Everything that defines a run."""

    name: str = Field(min_length=1, description="name of the experiment, in reports and tables")
    samples: AnySamples = Field(description="where the examples and their labels come from")
    split: AnySplit = Field(description="which samples are held out for validation and test")
    encoder: AnyEncoder = Field(description="how a sample becomes numbers")
    augment: Augmentations = Field(
        (), description="how training samples are changed anew in each epoch"
    )
    model: AnyModel = Field(description="what learns")
    training: TrainingSettings = Field(TrainingSettings(), description="how a network is trained")
    evaluation: EvaluationSettings = Field(
        EvaluationSettings(), validate_default=True, description="how the run is judged"
    )

    @model_validator(mode="before")
    @classmethod
    def _usual_encoder(cls, document: object, info: ValidationInfo) -> object:
        """Put in the usual encoder where candidates bring their own."""
        if not isinstance(document, Mapping) or "encoder" in document:
            return document
        model = document.get("model")
        if not isinstance(model, Mapping) or model.get("kind") != "auto":
            return document
        try:
            reads = TypeAdapter(AnySamples).validate_python(
                document.get("samples"), context=info.context
            )
        except ValidationError:  # refused itself
            return {**document, "encoder": USUAL_ENCODERS["dna"]}
        return {**document, "encoder": USUAL_ENCODERS[reads.content]}

    @field_validator("evaluation")
    @classmethod
    def _usual(cls, evaluation: EvaluationSettings, info: ValidationInfo) -> EvaluationSettings:
        """Put in what is usual for these samples where nothing was chosen."""
        samples = info.data.get("samples")
        if samples is None:  # refused itself
            return evaluation
        usual = usual_of(samples)
        chosen = evaluation.model_fields_set
        return evaluation.model_copy(update={k: v for k, v in usual.items() if k not in chosen})

    def files(self) -> list[Path]:
        """Return the files that the experiment names."""
        return list(_paths(self.model_dump()))

    def to_yaml(self) -> str:
        """Return the experiment as YAML with every default written out, and absolute paths."""
        return yaml.safe_dump(self.document(absolute=True), sort_keys=False, allow_unicode=True)


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        for element in value.values():
            yield from _paths(element)
    elif isinstance(value, list | tuple):
        for element in value:
            yield from _paths(element)


def usual_of(samples: SamplesSettings) -> Document:
    """Return the keys of evaluation that are usual for some samples, other than the defaults.

    The metric of samples of several classes, or of a number; the baselines of DNA and of cells, of
    which no homologs are searched.
    """
    domain = DOMAINS[samples.content]
    judged = JUDGED[domain.name]
    return {
        "metric": samples.asks.usual_metric,
        "baselines": judged.baselines,
        "homology_search": domain.homologs,
        "projection": judged.projection,
    }
