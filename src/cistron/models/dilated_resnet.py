"""Motifs and their distances: a wide convolution, then residual dilated ones.

After BPNet (Avsec et al. 2021, doi:10.1038/s41588-021-00782-6), with pre-activation blocks (He et
al. 2016, doi:10.1007/978-3-319-46493-0_38) and, over the positions, the channel-wise attention
pooling of Enformer (Avsec et al. 2021, doi:10.1038/s41592-021-01252-x).
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.layers import (
    BatchNorm,
    Convolution,
    ConvolutionBlock,
    attend,
    blank,
    masked_max,
)


class DilatedResNetSettings(NetworkSettings):
    """Settings of the `dilated_resnet`."""

    kind: Literal["dilated_resnet"] = "dilated_resnet"
    filters: int = Field(64, ge=1, description="channels of every convolution")
    motif_size: int = Field(15, ge=1, description="positions the first convolution spans")
    pool_size: int = Field(4, ge=1, description="positions merged into one behind it")
    blocks: int = Field(
        6, ge=1, le=12, description="residual blocks; each looks twice as far as the one before"
    )
    kernel_size: int = Field(3, ge=1, description="positions a dilated convolution spans")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return DilatedResNet(self, channels, outputs)


class DilatedBlock(nn.Module):
    """Norm → ReLU → dilated convolution → norm → ReLU → dropout → linear, added to x."""

    def __init__(self, filters: int, kernel_size: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = BatchNorm(filters), BatchNorm(filters)
        self.wide = Convolution(filters, filters, kernel_size, dilation=dilation, bias=False)
        self.activation1, self.activation2 = nn.ReLU(), nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.mix = nn.Linear(filters, filters)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the same shape, (batch, time, filters)."""
        y = self.wide(self.activation1(self.norm1(x, mask)), mask)
        y = self.dropout(self.activation2(self.norm2(y, mask)))
        return x + self.mix(y)


class DilatedResNet(nn.Module):
    """Wide convolution → max-pool → dilated residual blocks → attention and maximum → linear.

    With six blocks behind a pooling of four, a position sees 250 letters to either side. The
    attention begins as the mean over the positions and learns, channel by channel, where to look.
    """

    def __init__(self, settings: DilatedResNetSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.motifs = ConvolutionBlock(channels, s.filters, s.motif_size, s.pool_size)
        self.blocks = nn.ModuleList(
            DilatedBlock(s.filters, s.kernel_size, 2**number, s.dropout)
            for number in range(s.blocks)
        )
        self.norm, self.activation = BatchNorm(s.filters), nn.ReLU()
        self.scores = nn.Linear(s.filters, s.filters)
        nn.init.zeros_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(2 * s.filters, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        x, mask = self.motifs(x, mask)
        for block in self.blocks:
            x = block(x, mask)
        x = blank(self.activation(self.norm(x, mask)), mask)
        return self.head(torch.cat([attend(x, self.scores(x), mask), masked_max(x, mask)], dim=1))
