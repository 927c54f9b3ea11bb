"""Several candidates, compared on inner folds and blended: the choice is left to the data."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from cistron.models.families import ModelSettings, Reads


class AutoSettings(ModelSettings):
    """Settings of `auto`: candidates of encoder and model, and how long they may take."""

    family: ClassVar[Literal["auto"]] = "auto"
    reads: ClassVar[Reads] = "candidates"
    offered: ClassVar[bool] = False

    kind: Literal["auto"] = "auto"
    candidates: tuple[str, ...] = Field(
        (),
        description="names of the candidates (docs/auto.md); empty: those that are usual for the "
        "samples",
    )
    folds: int = Field(
        3, ge=2, le=10, description="inner folds of the training part that compare the candidates"
    )
    minutes: float | None = Field(
        None,
        gt=0,
        description="time in minutes after which no other candidate is begun; the first one is "
        "always fitted; null: no limit",
    )

    @field_validator("candidates")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("give each candidate once")
        return value
