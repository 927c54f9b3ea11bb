"""The `evaluation` section of an experiment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cistron.base.settings import Settings

OneClassMetric = Literal["mcc", "accuracy", "balanced_accuracy"]
NumberMetric = Literal["r2", "pearson", "spearman", "rmse", "mae"]
SetMetric = Literal["macro_f1", "micro_f1", "macro_mcc", "jaccard", "exact_match"]

Baseline = Literal["majority", "length", "gc", "composition", "kmers", "homolog", "depth", "genes"]
ONLY_DNA: tuple[Baseline, ...] = ("gc", "kmers")
USUAL: tuple[Baseline, ...] = ("majority", "length", "composition", "homolog")
USUAL_OF_DNA: tuple[Baseline, ...] = ("majority", "length", "gc", "composition", "kmers", "homolog")
USUAL_OF_CELLS: tuple[Baseline, ...] = ("majority", "depth", "genes")


class EvaluationSettings(Settings):
    """The `evaluation` section: how the run is judged."""

    bootstrap: int = Field(1000, ge=100, description="resamples for the 95 % intervals")
    baselines: tuple[Baseline, ...] = Field(
        USUAL,
        description="scored on the same samples; unless others are named, of DNA gc and kmers as "
        "well, of cells majority, depth (library size and genes found) and genes; of a number the "
        "mean stands for majority",
    )
    metric: Literal[OneClassMetric, SetMetric, NumberMetric] = Field(
        "mcc",
        description="the metric by which model and baselines are compared first; of several "
        "classes a sample it is macro_f1, of a number r2",
    )
    calibration: Literal["temperature", "none"] = "temperature"
    thresholds: Literal["f1", "mcc", "none"] = Field(
        "f1",
        description="of several classes a sample: what the threshold of each class maximises on "
        "the validation samples; none: 0.5 each",
    )
    homology_search: bool = Field(
        True, description="search test against training sequences for the audit and the baseline"
    )
    least_confidence: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="cells whose most probable class has less are `rejected`, as are those unlike "
        "the training cells",
    )
    repeats: int = Field(
        1,
        ge=1,
        description="`crossval` as often, each with the next seed of split and training; `fit` "
        "trains as often on one split, each with the next seed of training, and the run's "
        "classifier is all of them together (--seeds)",
    )
    projection: Literal["none", "pca", "tsne", "umap"] = Field(
        "none",
        description="`fit`, of cells `crossval` too, draws the encoded samples in two dimensions "
        "(umap: an extra); of cells pca unless another is named",
    )
