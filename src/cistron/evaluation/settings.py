"""The `evaluation` section of an experiment."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticKnownError

from cistron.base.settings import Settings
from cistron.targets.kinds import headlines


def _known(name: str) -> str:
    """Refuse what no kind of target has for a metric to compare by."""
    if name not in headlines():
        names = [repr(known) for known in headlines()]
        expected = f"{', '.join(names[:-1])} or {names[-1]}"
        raise PydanticKnownError("literal_error", {"expected": expected})
    return name


HeadlineMetric = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": headlines()})
]
"""The name of a metric that models can be compared by: targets list them."""

Baseline = Literal["majority", "length", "gc", "composition", "kmers", "homolog", "depth", "genes"]
ONLY_DNA: tuple[Baseline, ...] = ("gc", "kmers")
USUAL: tuple[Baseline, ...] = ("majority", "length", "composition", "homolog")
USUAL_OF_DNA: tuple[Baseline, ...] = ("majority", "length", "gc", "composition", "kmers", "homolog")
USUAL_OF_CELLS: tuple[Baseline, ...] = ("majority", "depth", "genes")


class EvaluationSettings(Settings):
    """The `evaluation` section: how the run is judged."""

    bootstrap: int = Field(
        1000, ge=100, description="resamples of the test samples for the 95 % intervals"
    )
    baselines: tuple[Baseline, ...] = Field(
        USUAL,
        description="simple predictors scored on the same samples; unless others are named, DNA "
        "also has gc and kmers, cells have majority, depth (library size and genes "
        "found) and genes, and for a number the mean stands for majority",
    )
    metric: HeadlineMetric = Field(
        "mcc",
        description="metric by which model and baselines are compared first; by default macro_f1 "
        "where a sample may have several classes, r2 for a number, else mcc",
    )
    calibration: Literal["temperature", "none"] = Field(
        "temperature",
        description="calibration of the probabilities on the validation samples; temperature: "
        "logits are divided by one number",
    )
    thresholds: Literal["f1", "mcc", "none"] = Field(
        "f1",
        description="metric that the threshold of each class maximises on the validation samples, "
        "where a sample may have several classes; none: 0.5 each",
    )
    homology_search: bool = Field(
        True,
        description="whether test sequences are searched against training sequences, for the "
        "audit and the baseline homolog",
    )
    least_confidence: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="least probability of a cell's most probable class; cells below it are "
        "`rejected`, as are those unlike the training cells",
    )
    repeats: int = Field(
        1,
        ge=1,
        description="repeats of `crossval`, each with the next seed of split and training; `fit` "
        "trains as many networks on one split, each with the next seed of training, "
        "and they answer together (--seeds)",
    )
    projection: Literal["none", "pca", "tsne", "umap"] = Field(
        "none",
        description="method by which `fit`, and for cells `crossval`, draws the encoded samples "
        "in two dimensions (umap: an extra); by default pca for cells",
    )
