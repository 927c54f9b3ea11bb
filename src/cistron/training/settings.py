"""The `training` section of an experiment."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from cistron.base.device import DEVICES
from cistron.base.settings import InputPath, Settings

ClassWeight = Annotated[float, Field(ge=0, le=1e6)]


class StageSettings(Settings):
    """How a network is trained from fresh optimiser to early stopping."""

    epochs: int = Field(40, ge=1, description="most passes over the training samples")
    batch_size: int = Field(64, ge=1, description="samples of a step")
    steps: int | None = Field(
        None,
        ge=1,
        description="most steps of the optimiser: where `epochs` have more, there are fewer "
        "epochs, and the schedule spans those; null: no limit",
    )
    max_tokens: int = Field(
        131_072, ge=1, description="most positions of a batch, padding included"
    )
    learning_rate: float = Field(
        1e-3, gt=0, le=1e12, description="largest step size of the optimiser AdamW"
    )
    weight_decay: float = Field(
        0.01,
        ge=0,
        description="weight decay of AdamW: share of a weight, times the learning rate, that each "
        "step takes off; biases and norms have none",
    )
    schedule: Literal["constant", "cosine", "one_cycle", "plateau"] = Field(
        "cosine",
        description="course of the learning rate: constant; cosine: down to zero over `epochs`; "
        "one_cycle: up from a 25th along a cosine while `warmup` lasts, then down along another; "
        "plateau: lowered when the validation part gets no better",
    )
    halve_after: int | None = Field(
        None,
        ge=1,
        description="epochs without a better one after which plateau lowers the rate; null: half "
        "of `patience`",
    )
    plateau_factor: float = Field(
        0.5, gt=0, lt=1, description="factor by which plateau lowers the learning rate"
    )
    plateau_floor: float = Field(
        0.0, ge=0, description="learning rate below which plateau does not lower it"
    )
    plateau_least: float = Field(
        0.0,
        ge=0,
        description="gain of `monitor` on the best epoch so far from which on an epoch is a better "
        "one for plateau (Keras: more than 1e-4); stopping counts any gain",
    )
    decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="factor on the learning rate from each epoch to the next, whatever the "
        "schedule",
    )
    decay_after: int = Field(0, ge=0, description="first epochs to which `decay` does not apply")
    warmup: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="share of all steps in which the learning rate rises from zero",
    )
    clip: float | None = Field(
        1.0, gt=0, description="largest norm of the gradient; null: no limit"
    )
    patience: int = Field(
        6, ge=1, description="epochs without a better validation part after which training stops"
    )
    monitor: Literal["loss", "metric", "accuracy", "balanced_accuracy", "mcc"] = Field(
        "loss",
        description="number of the validation part that decides which epoch is kept and when "
        "training stops; metric: MCC; macro F1 of several classes a sample; R² of numbers",
    )
    smooth: int = Field(
        1, ge=1, description="epochs over which `monitor` is averaged before epochs are compared"
    )
    ties: Literal["loss", "first"] = Field(
        "loss",
        description="which of several epochs with the same `monitor` is the best: the one with "
        "the lowest validation loss, or the first",
    )
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of itself that the moving average of the weights keeps in each step; "
        "the average is what is validated and kept; null: the weights themselves are",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of each training label that is spread evenly over all classes; numbers "
        "have none",
    )
    restarts: int = Field(
        2,
        ge=0,
        le=5,
        description="how many times training begins again, each time at a third of the learning "
        "rate, where the network has learned nothing of its training samples or has diverged",
    )
    keep: Literal["best", "last"] = Field(
        "best",
        description="weights that are kept: those of the best epoch; or of the last one, and "
        "training does not stop early",
    )
    loss: Literal["huber", "mse"] = Field(
        "huber",
        description="loss of samples with a number; huber gives outliers less weight than mse, "
        "the mean squared error",
    )
    class_weights: Literal["balanced", "none"] | dict[str, ClassWeight] = Field(
        "balanced",
        description="weight of each class in the loss; balanced: inverse to its number of "
        "samples; or a number from 0 to 1,000,000 a class, not 0 for all",
    )
    sampling: Literal["natural", "balanced"] = Field(
        "natural",
        description="how an epoch draws samples; natural: each once; balanced: as many of each "
        "class",
    )
    augment: bool = Field(
        True, description="whether the training samples are changed as the section `augment` says"
    )
    frozen: tuple[str, ...] = Field(
        (),
        description="layers and weights of the network that stay as they are, by names or patterns "
        "such as body.motifs and body.blocks.*; statistics of batch norms in them stay too",
    )

    @field_validator("class_weights", mode="before")
    @classmethod
    def _none_means_none(cls, value: object) -> object:
        return "none" if value is None else value

    @field_validator("class_weights")
    @classmethod
    def _some_class_counts(cls, value: object) -> object:
        if isinstance(value, dict) and not any(value.values()):
            raise ValueError("the weight of at least one class should be greater than 0")
        return value


class TrainingSettings(StageSettings):
    """How a network is trained; classical models use `class_weights` and `seed` alone."""

    start_from: InputPath | None = Field(
        None,
        description="run, or folder of a classifier, whose weights the network starts from; those "
        "that it does not have in the same shape are new; null: all are new",
    )
    language_model: Literal["frozen", "lora", "full"] = Field(
        "frozen",
        description="what is trained of the language model of protein_lm: nothing (frozen), small "
        "adapters (lora), or all weights (full)",
    )
    language_model_learning_rate: float = Field(
        1e-4, gt=0, le=1e12, description="largest step size for the language model's weights"
    )
    lora_rank: int = Field(8, ge=1, description="rank of the adapters' matrices")
    lora_alpha: int = Field(
        16, ge=1, description="scale of the adapters, which count lora_alpha / lora_rank times"
    )
    seed: int = Field(
        1,
        ge=0,
        description="seed of the random numbers of training: initial weights, order of samples, "
        "dropout",
    )
    device: str = Field(
        "auto",
        pattern=f"^{DEVICES}$",
        description="processor that trains: auto, cpu, cuda or mps; auto: a GPU where there is one",
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description="numbers the network computes in; auto: bf16 on a CUDA device that has it, "
        "else fp32",
    )
    stages: tuple[StageSettings, ...] = Field(
        (),
        description="stages of training, one after the other, each from the best weights of the "
        "one before; a stage holds the keys in which it differs (not the language "
        "model's, seed, device, precision)",
    )

    @field_validator("stages")
    @classmethod
    def _complete(
        cls, stages: tuple[StageSettings, ...], info: ValidationInfo
    ) -> tuple[StageSettings, ...]:
        """Give each stage the keys it does not have from the section itself."""
        common = {key: info.data[key] for key in StageSettings.model_fields if key in info.data}
        return tuple(
            stage.model_copy(update={k: v for k, v in common.items() if k not in given})
            for stage, given in ((stage, stage.model_fields_set) for stage in stages)
        )

    def by_stage(self) -> list[Self]:
        """Return the settings of each stage; these settings themselves where there are none.

        From the second on a stage has a seed of its own, so that no two draw the same numbers.
        """
        if not self.stages:
            return [self]
        common = {**self.document(), "stages": ()}
        return [
            type(self)(**{**common, **stage.document(), "seed": _seed(self.seed, number)})
            for number, stage in enumerate(self.stages)
        ]


def _seed(seed: int, stage: int) -> int:
    return seed if stage == 0 else int(np.random.SeedSequence((seed, stage)).generate_state(1)[0])
