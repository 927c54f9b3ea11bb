"""The residual networks published for MultiLoc profiles (T. Serralta, 2025).

https://github.com/theo-serralta/Subcellular_localization
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import NetworkSettings
from cistron.models.fixed_length import read_empty
from cistron.models.layers import BatchNorm, Convolution, MaxPool, masked_mean

WIDTHS = (64, 128, 256, 512)  # channels of the stages; each but the first halves the positions
BLOCKS = {1: (2, 2, 2, 2), 2: (2, 2, 2, 2), 3: (2, 2, 2, 2), 4: (2, 3, 3, 3)}
PUBLISHED_LENGTH = 400


class MultiLocResNetSettings(NetworkSettings):
    """Settings of `multiloc_resnet`."""

    kind: Literal["multiloc_resnet"] = "multiloc_resnet"
    variant: Literal[1, 2, 3, 4] = Field(1, description="which of the published networks")
    length: int | None = Field(
        None,
        ge=1,
        description="positions that are read, the empty ones behind a protein as zeros, as "
        "published (400); null: each protein alone, of any length",
    )

    @property
    def most_positions(self) -> int | None:
        """No sample may have more."""
        return self.length

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return MultiLocResNet(self, channels, outputs)


def left_of(size: int, stride: int, positions: int) -> int:
    """Return how far Keras' `same` padding lets a kernel reach to the left.

    It depends on how many positions there are: what is missing is shared, and the odd one goes
    to the right.
    """
    outputs = -(-positions // stride)
    return max((outputs - 1) * stride + size - positions, 0) // 2


class NormedConvolution(nn.Module):
    """Convolution, with a bias, and batch normalisation, with the constants of Keras."""

    def __init__(self, channels: int, filters: int, size: int, stride: int, positions: int) -> None:
        super().__init__()
        left = left_of(size, stride, positions)
        self.convolution = Convolution(channels, filters, size, stride, left=left)
        self.norm = BatchNorm(filters, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return shape (batch, ceil(time / stride), filters)."""
        return self.norm(self.convolution(x, mask), mask[:, :: self.convolution.stride])


class MultiLocBlock(nn.Module):
    """Two or three convolutions beside a shortcut, which is a convolution where the shape changes.

    Parameters
    ----------
    channels : int
    layers : list of (filters, size, stride)
        Of the convolutions.
    positions : int
        What a protein of the published length has left here.
    """

    def __init__(self, channels: int, layers: list[tuple[int, int, int]], positions: int) -> None:
        super().__init__()
        self.stride, self.activation = max(stride for *_, stride in layers), nn.ReLU()
        self.convolutions, width, here = nn.ModuleList(), channels, positions
        for filters, size, stride in layers:
            self.convolutions.append(NormedConvolution(width, filters, size, stride, here))
            width, here = filters, -(-here // stride)
        self.shortcut = None
        if self.stride != 1 or channels != width:
            self.shortcut = NormedConvolution(channels, width, 1, self.stride, positions)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return x, shape (batch, ceil(time / stride), filters), and its mask."""
        shortcut = x if self.shortcut is None else self.shortcut(x, mask)
        for number, convolution in enumerate(self.convolutions):
            x = self.activation(x) if number else x
            x = convolution(x, mask)
            mask = mask[:, :: convolution.convolution.stride]
        return self.activation(x + shortcut), mask


class MultiLocResNet(nn.Module):
    """Convolution of 7 and max-pool of 3, both at every second position → blocks → mean → dense.

    The strided windows lie as Keras lays them in an input of `length` (400) positions, whatever
    the length of a sample, so that a sample does not depend on its batch.
    """

    def __init__(self, settings: MultiLocResNetSettings, channels: int, outputs: int) -> None:
        super().__init__()
        self.length = settings.length
        here, width = settings.length or PUBLISHED_LENGTH, WIDTHS[0]
        self.stem = NormedConvolution(channels, width, 7, 2, here)
        self.activation, self.pool = nn.ReLU(), MaxPool(3, stride=2)
        here, blocks = here // 4, []
        for stage, filters in enumerate(WIDTHS):
            for number in range(BLOCKS[settings.variant][stage]):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(MultiLocBlock(width, _layers(settings, filters, stride), here))
                width, here = filters, -(-here // stride)
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Linear(256, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        if self.length is not None:
            x, mask = read_empty(x, mask, self.length)
        x, mask = self.activation(self.stem(x, mask)), mask[:, ::2]
        x, mask = self.pool(x, mask), mask[:, ::2]
        for block in self.blocks:
            x, mask = block(x, mask)
        return self.head(masked_mean(x, mask))


def _layers(
    settings: MultiLocResNetSettings, filters: int, stride: int
) -> list[tuple[int, int, int]]:
    """Return filters, size and stride of the convolutions of a block."""
    if settings.variant < 3:
        return [(filters, 3, stride)] + [(filters, 3, 1)] * settings.variant
    return [(filters // 4, 1, 1), (filters // 4, 3, stride), (filters, 1, 1)]
