"""deepCRE (Peleke et al. 2024, Nature Communications, doi:10.1038/s41467-024-47744-0)."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout
from cistron.models.fixed_length import FixedLengthSettings
from cistron.models.keras.keras_layers import Convolution, MaxPool, dense, to_length


class PromoterSettings(FixedLengthSettings):
    """Settings of a network that reads a promoter and terminator."""

    length: int = Field(3020, ge=1, description="positions it reads; no sequence may be longer")
    dropout: Dropout = 0.25

    @property
    def single_logit(self) -> bool:
        """One sigmoid output, as published."""
        return True


class DeepCRESettings(PromoterSettings):
    """Settings of `deepcre`.

    Read one strand: a promoter and terminator have a direction. Sequences shorter than `length`
    are read as if N followed them.
    """

    kind: Literal["deepcre"] = "deepcre"

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return DeepCRE(self, channels, outputs)


class Block(nn.Sequential):
    """Two convolutions over 8 positions with ReLU, max-pooling of 8 positions, dropout."""

    def __init__(self, channels: int, filters: int, dropout: float) -> None:
        super().__init__(
            Convolution(channels, filters, [8]),
            nn.ReLU(),
            Convolution(filters, filters, [8]),
            nn.ReLU(),
            MaxPool([8]),
            nn.Dropout(dropout),
        )


class Head(nn.Sequential):
    """Flatten, position by position → 128 ReLU → dropout → 64 ReLU → linear."""

    def __init__(self, width: int, dropout: float, outputs: int) -> None:
        super().__init__(
            nn.Flatten(),
            dense(width, 128),
            nn.ReLU(),
            nn.Dropout(dropout),
            dense(128, 64),
            nn.ReLU(),
            dense(64, outputs),
        )


def pooled(length: int) -> int:
    """Return how many positions are left of `length` after three blocks."""
    for _ in range(3):
        length = math.ceil(length / 8)
    return length


class DeepCRE(nn.Module):
    """Blocks of 64, 128 and 64 filters, then three dense layers."""

    def __init__(self, settings: DeepCRESettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.length = s.length
        self.blocks = nn.Sequential(
            Block(channels, 64, s.dropout), Block(64, 128, s.dropout), Block(128, 64, s.dropout)
        )
        self.head = Head(64 * pooled(s.length), s.dropout, outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        return self.head(self.blocks(to_length(x, mask, self.length)))
