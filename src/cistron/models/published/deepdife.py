"""DeepDifE: promoters → differential expression under stress (github.com/VIB-PSB/DeepDifE)."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from cistron.models.families import Dropout
from cistron.models.fixed_length import FixedLengthSettings
from cistron.models.keras.keras_layers import Convolution, MaxPool, dense, to_length
from cistron.models.penalty import penalise

POOL = STRIDE = 6  # positions that the pooling, and each further convolution, merge into one


class DeepDifESettings(FixedLengthSettings):
    """Settings of `deepdife`.

    Sequences shorter than `length` are read as if N followed them.
    """

    kind: Literal["deepdife"] = "deepdife"
    length: int = Field(620, ge=1, description="positions it reads; no sequence may be longer")
    filters: int = Field(64, ge=1, description="channels of the first two convolutions")
    kernel_size: int = Field(12, ge=1, description="positions the first convolution spans")
    convolutions: int = Field(
        3,
        ge=1,
        le=6,
        description="convolutions; each from the third on has half the filters of the one before",
    )
    dropout: Dropout = 0.25
    penalty: float = Field(
        0.0,
        ge=0,
        description="L2 penalty on the kernels of all layers but the last, which is added to the "
        "loss; published: 1e-6",
    )

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        shortest = self.kernel_size + POOL - 1
        if self.length < shortest:
            raise ValueError(
                f"length must be {shortest} or more, so that a position is left behind the first "
                f"convolution of {self.kernel_size} and the pooling of {POOL}"
            )
        if self.filters >> max(self.convolutions - 2, 0) < 1:
            raise ValueError(
                "filters are halved by each convolution from the third on, and none would be left"
            )
        return self

    @property
    def single_logit(self) -> bool:
        """One sigmoid output, as published."""
        return True

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return DeepDifE(self, channels, outputs)


class DeepDifE(nn.Module):
    """Convolution → max-pool → strided convolutions → 256 ReLU → 128 ReLU → linear."""

    def __init__(self, settings: DeepDifESettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.length, filters = s.length, s.filters
        layers: list[nn.Module] = [
            Convolution(channels, filters, [s.kernel_size], padding="valid"),
            nn.ReLU(),
            MaxPool([POOL], padding="valid"),
            nn.Dropout(s.dropout),
        ]
        positions = (s.length - s.kernel_size + 1) // POOL
        for number in range(1, s.convolutions):
            width, filters = filters, s.filters >> (number - 1)
            layers += [
                Convolution(width, filters, [STRIDE], [STRIDE]),
                nn.ReLU(),
                nn.Dropout(s.dropout),
            ]
            positions = math.ceil(positions / STRIDE)
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            dense(positions * filters, 256),
            nn.ReLU(),
            nn.Dropout(s.dropout),
            dense(256, 128),
            nn.ReLU(),
            dense(128, outputs),
        )
        for layer in [*self.convolutions.children(), *self.head.children()][:-1]:
            if isinstance(layer, Convolution | nn.Linear):
                penalise(layer, "weight", s.penalty)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        return self.head(self.convolutions(to_length(x, mask, self.length)))
