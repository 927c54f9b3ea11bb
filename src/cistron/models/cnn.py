"""A convolutional network that sees motifs wherever they stand."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.layers import ConvolutionBlock, Pooling, PoolingKind


class ConvolutionSettings(NetworkSettings):
    """Settings of blocks of convolutions, one upon the other."""

    blocks: int = Field(3, ge=1, le=12, description="convolutions, one upon the other")
    filters: int = Field(64, ge=1, description="channels of each convolution")
    kernel_size: int = Field(9, ge=1, description="positions a convolution spans")
    pool_size: int = Field(2, ge=1, description="positions that each block merges into one")

    def stack(self, channels: int) -> nn.ModuleList:
        """Return the blocks, the first for so many channels."""
        widths = [channels] + [self.filters] * (self.blocks - 1)
        sizes = (self.filters, self.kernel_size, self.pool_size)
        return nn.ModuleList(ConvolutionBlock(width, *sizes) for width in widths)


class CNNSettings(ConvolutionSettings):
    """Settings of the `cnn`."""

    kind: Literal["cnn"] = "cnn"
    pooling: PoolingKind = Field("mean+max", description="how positions become one vector")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return CNN(self, channels, outputs)


class CNN(nn.Module):
    """(Convolution → batch norm → ReLU → max-pool) x blocks → pooling → dropout → linear."""

    def __init__(self, settings: CNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.blocks = s.stack(channels)
        self.pooling = Pooling(s.pooling, s.filters)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(self.pooling.width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        for block in self.blocks:
            x, mask = block(x, mask)
        return self.head(self.pooling(x, mask))
