"""Motifs and what surrounds them: a wide convolution, then residual dilated ones.

Residual connections as of He et al. 2016 (doi:10.1109/CVPR.2016.90), dilation as of Basset's heirs
(Kelley et al. 2018, doi:10.1101/gr.227819.117), GELU as of Hendrycks & Gimpel 2016
(arXiv:1606.08415).
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.layers import (
    BatchNorm,
    ChannelDropout,
    Convolution,
    MaxPool,
    attend,
    blank,
    masked_max,
)


class ResidualCNNSettings(NetworkSettings):
    """Settings of `residual_cnn`."""

    kind: Literal["residual_cnn"] = "residual_cnn"
    filters: int = Field(128, ge=1, description="channels of every convolution")
    motif_size: int = Field(15, ge=1, description="positions the first convolution spans")
    pool_size: int = Field(1, ge=1, description="positions merged into one behind it")
    blocks: int = Field(
        3, ge=1, le=12, description="residual blocks; each looks twice as far as the one before"
    )
    kernel_size: int = Field(5, ge=1, description="positions the convolution of a block spans")
    dropout: Dropout = 0.2

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return ResidualCNN(self, channels, outputs)


class ResidualConvolution(nn.Module):
    """Dilated convolution → batch norm → GELU → dropout of channels, added to x."""

    def __init__(self, filters: int, kernel_size: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.convolution = Convolution(filters, filters, kernel_size, dilation=dilation, bias=False)
        self.norm, self.activation = BatchNorm(filters), nn.GELU()
        self.dropout = ChannelDropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the same shape, (batch, time, filters)."""
        return x + self.dropout(self.activation(self.norm(self.convolution(x, mask), mask)))


class ResidualCNN(nn.Module):
    """Wide convolution → residual dilated blocks → attention and maximum → batch norm → linear.

    The attention begins as the mean over the positions and learns, channel by channel, where to
    look.
    """

    def __init__(self, settings: ResidualCNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.motifs = Convolution(channels, s.filters, s.motif_size, bias=False)
        self.norm, self.activation = BatchNorm(s.filters), nn.GELU()
        self.dropout = ChannelDropout(s.dropout)
        self.pool = MaxPool(s.pool_size)
        self.blocks = nn.ModuleList(
            ResidualConvolution(s.filters, s.kernel_size, 2**number, s.dropout)
            for number in range(s.blocks)
        )
        self.scores = nn.Linear(s.filters, s.filters)
        nn.init.zeros_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)
        self.head = nn.Sequential(
            BatchNorm(2 * s.filters), nn.Dropout(s.dropout), nn.Linear(2 * s.filters, outputs)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        x = self.activation(self.norm(self.motifs(x, mask), mask))
        if self.pool.size > 1:
            x, mask = self.pool(x, mask), mask[:, :: self.pool.stride]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, mask)
        x = blank(x, mask)
        return self.head(torch.cat([attend(x, self.scores(x), mask), masked_max(x, mask)], dim=1))
