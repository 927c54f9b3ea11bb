"""Light attention (Stärk et al. 2021, Bioinformatics Advances, doi:10.1093/bioadv/vbab035)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.layers import BatchNorm, Convolution, attend, masked_max


class LightAttentionSettings(NetworkSettings):
    """Settings of `light_attention`."""

    kind: Literal["light_attention"] = "light_attention"
    filters: int = Field(
        128, ge=1, description="channels of the values; the paper: as many as the embedding has"
    )
    kernel_size: int = Field(9, ge=1, description="positions a convolution spans")
    hidden: int = Field(32, ge=1, description="units of the hidden layer behind the attention")
    dropout: Dropout = 0.25

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return LightAttention(self, channels, outputs)


class LightAttention(nn.Module):
    """Two convolutions, of values and of attention scores, joined over the positions.

    For each channel: the sum of the values weighted by the softmax of the scores over the valid
    positions, and the largest value; both → linear → dropout → ReLU → batch norm → linear.
    """

    def __init__(self, settings: LightAttentionSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.values = Convolution(channels, s.filters, s.kernel_size)
        self.scores = Convolution(channels, s.filters, s.kernel_size)
        self.dropout = nn.Dropout(s.dropout)
        self.head = nn.Sequential(
            nn.Linear(2 * s.filters, s.hidden),
            nn.Dropout(s.dropout),
            nn.ReLU(),
            BatchNorm(s.hidden),
            nn.Linear(s.hidden, outputs),
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        values = self.dropout(self.values(x, mask))
        attended = attend(values, self.scores(x, mask), mask)
        return self.head(torch.cat([attended, masked_max(values, mask)], dim=1))
