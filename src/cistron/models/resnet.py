"""A residual network over positions (He et al. 2016, doi:10.1109/CVPR.2016.90).

The stem keeps every position and its pooling every second: a motif is a few positions long, and
what a stride has passed over is lost.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.layers import BatchNorm, Convolution, MaxPool, Pooling, PoolingKind


class ResNetSettings(NetworkSettings):
    """Settings of the `resnet`."""

    kind: Literal["resnet"] = "resnet"
    stages: int = Field(
        3,
        ge=1,
        le=6,
        description="stages; each but the first halves the positions and doubles the filters",
    )
    blocks: int = Field(2, ge=1, le=12, description="residual blocks in each stage")
    filters: int = Field(32, ge=1, description="channels of the first stage")
    kernel_size: int = Field(3, ge=1, description="positions a convolution in a block spans")
    pooling: PoolingKind = Field("mean+max", description="how positions become one vector")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return ResNet(self, channels, outputs)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, which is a convolution where the shape changes."""

    def __init__(self, channels: int, filters: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.convolution1 = Convolution(channels, filters, kernel_size, stride, bias=False)
        self.norm1 = BatchNorm(filters)
        self.convolution2 = Convolution(filters, filters, kernel_size, bias=False)
        self.norm2 = BatchNorm(filters)
        self.activation1, self.activation2 = nn.ReLU(), nn.ReLU()
        self.shortcut = None
        if stride != 1 or channels != filters:
            self.shortcut = Convolution(channels, filters, 1, stride, bias=False)
            self.shortcut_norm = BatchNorm(filters)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return x, shape (batch, ceil(time / stride), filters), and its mask."""
        shorter = mask[:, :: self.stride]
        y = self.activation1(self.norm1(self.convolution1(x, mask), shorter))
        y = self.norm2(self.convolution2(y, shorter), shorter)
        if self.shortcut is not None:
            x = self.shortcut_norm(self.shortcut(x, mask), shorter)
        return self.activation2(x + y), shorter


class ResNet(nn.Module):
    """Stem (convolution of 7, max-pool of 3 at every second position) → blocks → linear."""

    def __init__(self, settings: ResNetSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.stem = Convolution(channels, s.filters, 7, bias=False)
        self.norm, self.activation = BatchNorm(s.filters), nn.ReLU()
        self.pool = MaxPool(3, stride=2)
        width, blocks = s.filters, []
        for stage in range(s.stages):
            for number in range(s.blocks):
                filters = s.filters * 2**stage
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(ResidualBlock(width, filters, s.kernel_size, stride))
                width = filters
        self.blocks = nn.ModuleList(blocks)
        self.pooling = Pooling(s.pooling, width)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(self.pooling.width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        x = self.activation(self.norm(self.stem(x, mask), mask))
        x, mask = self.pool(x, mask), mask[:, ::2]
        for block in self.blocks:
            x, mask = block(x, mask)
        return self.head(self.pooling(x, mask))
