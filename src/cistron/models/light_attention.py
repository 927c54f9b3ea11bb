"""Light attention (Stärk et al. 2021, Bioinformatics Advances, doi:10.1093/bioadv/vbab035).

As published, a ReLU stands before the batch normalisation, and channels come as they are. BLOSUM62
rows then soon leave every ReLU at zero, and nothing is learned. So the channels are normalised, and
the hidden units before their ReLU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.layers import BatchNorm, Convolution, attend, masked_max


class LightAttentionSettings(NetworkSettings):
    """Settings of `light_attention`."""

    before: ClassVar[Mapping[str, object]] = {"published": True}

    kind: Literal["light_attention"] = "light_attention"
    filters: int = Field(
        128, ge=1, description="channels of the values; the paper: as many as the embedding has"
    )
    kernel_size: int = Field(9, ge=1, description="positions a convolution spans")
    hidden: int = Field(32, ge=1, description="units of the hidden layer behind the attention")
    dropout: Dropout = 0.25
    published: bool = Field(
        False,
        description="layers as published: no batch norm of the input, and the ReLU before the "
        "batch norm behind the attention; they learn nothing of BLOSUM62 rows",
    )

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return LightAttention(self, channels, outputs)


class LightAttention(nn.Module):
    """Batch norm → two convolutions, of values and of attention scores, joined over the positions.

    For each channel: the sum of the values weighted by the softmax of the scores over the valid
    positions, and the largest value; both → linear → batch norm → ReLU → dropout → linear.
    """

    def __init__(self, settings: LightAttentionSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.scale = BatchNorm(channels) if not s.published else None
        self.values = Convolution(channels, s.filters, s.kernel_size)
        self.scores = Convolution(channels, s.filters, s.kernel_size)
        self.dropout = nn.Dropout(s.dropout)
        middle = [nn.Dropout(s.dropout), nn.ReLU(), BatchNorm(s.hidden)]
        if not s.published:
            middle.reverse()
        self.head = nn.Sequential(
            nn.Linear(2 * s.filters, s.hidden), *middle, nn.Linear(s.hidden, outputs)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        if self.scale is not None:
            x = self.scale(x, mask)
        values = self.dropout(self.values(x, mask))
        attended = attend(values, self.scores(x, mask), mask)
        return self.head(torch.cat([attended, masked_max(values, mask)], dim=1))
