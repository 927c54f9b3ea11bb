"""The `training` section of an experiment."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from cistron.base.device import DEVICES
from cistron.base.settings import Settings


class StageSettings(Settings):
    """How a network is trained from fresh optimiser to early stopping."""

    epochs: int = Field(40, ge=1, description="most passes over the training samples")
    batch_size: int = Field(64, ge=1, description="samples a step")
    max_tokens: int = Field(
        131_072, ge=1, description="most positions a batch may fill, padding included"
    )
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0, description="of AdamW; not on biases and norms")
    schedule: Literal["constant", "cosine", "plateau"] = Field(
        "cosine", description="cosine: to zero over `epochs`; plateau: halved when it stalls"
    )
    halve_after: int | None = Field(
        None,
        ge=1,
        description="of plateau: epochs without a better one; null: half of `patience`",
    )
    decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="the rate, whatever its schedule, is that much of it in every epoch",
    )
    decay_after: int = Field(0, ge=0, description="but for the first epochs, so many")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of all steps to rise from zero")
    clip: float | None = Field(1.0, gt=0, description="largest norm of the gradient")
    patience: int = Field(
        6, ge=1, description="epochs without a better validation part before training stops"
    )
    monitor: Literal["loss", "accuracy", "balanced_accuracy", "mcc"] = Field(
        "loss", description="what is to become better there, and picks the epoch that is kept"
    )
    loss: Literal["huber", "mse"] = Field(
        "huber", description="of a number: huber lets single samples count less than mse does"
    )
    class_weights: Literal["balanced", "none"] | dict[str, float] = Field(
        "balanced", description="weight of each class in the loss"
    )
    sampling: Literal["natural", "balanced"] = Field(
        "natural", description="balanced: every epoch draws as many samples of each class"
    )
    augment: bool = Field(True, description="whether samples are changed as `augment` says")

    @field_validator("class_weights", mode="before")
    @classmethod
    def _none_means_none(cls, value: object) -> object:
        return "none" if value is None else value


class TrainingSettings(StageSettings):
    """How a network is trained; classical models use `class_weights` and `seed` alone."""

    language_model: Literal["frozen", "lora", "full"] = Field(
        "frozen",
        description="of the encoder protein_lm: its weights stay, get adapters, or are all trained",
    )
    language_model_learning_rate: float = Field(1e-4, gt=0, description="of what is trained of it")
    lora_rank: int = Field(8, ge=1, description="of the adapters")
    lora_alpha: int = Field(16, ge=1, description="adapters count lora_alpha / lora_rank times")
    seed: int = Field(1, ge=0)
    device: str = Field("auto", pattern=f"^{DEVICES}$", description="auto, cpu, cuda or mps")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 on a CUDA device that has it, else fp32"
    )
    stages: tuple[StageSettings, ...] = Field(
        (),
        description="trained one after the other, each from the best weights of the one before, "
        "with the keys in which it differs (not the language model's, seed, device, precision)",
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
