"""The convolutional networks published for MultiLoc profiles (T. Serralta, 2025).

https://github.com/theo-serralta/Subcellular_localization
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout
from cistron.models.fixed_length import FixedLengthSettings, fill_up, read_empty
from cistron.models.layers import Convolution, MaxPool, blank

FILTERS = {1: (32, 64), 2: (32, 64, 128, 256), 3: (32, 64, 128, 256), 4: (64, 128, 256, 512)}
HIDDEN = {1: (128,), 2: (256, 128), 3: (512, 256, 128), 4: (512, 256, 128)}
DROPPED = {1: 1, 2: 1, 3: 2, 4: 2}  # hidden layers that dropout follows
SIZE = 3  # positions a convolution spans


class MultiLocCNNSettings(FixedLengthSettings):
    """Settings of `multiloc_cnn`."""

    kind: Literal["multiloc_cnn"] = "multiloc_cnn"
    variant: Literal[1, 2, 3, 4] = Field(1, description="number of the published network")
    length: int = Field(
        400, ge=46, description="positions it reads; shorter proteins are filled up, none is cut"
    )
    dropout: Dropout = 0.3
    empty: Literal["blank", "read"] = Field(
        "blank",
        description="positions behind a protein: blank in every layer, or read as zeros, of which "
        "biases make something, as published",
    )

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return MultiLocCNN(self, channels, outputs)


def fitting_windows(positions: int) -> int:
    """Return how many windows of a block fit into so many positions."""
    return (positions - SIZE + 1) // 2


class ValidBlock(nn.Module):
    """Convolution of 3 positions → ReLU → max-pool of 2, blank behind the sample.

    A position of the convolution counts if its window begins inside the sample, one of the pool
    if its first position counts: all windows that see anything of the sample, and no others.
    """

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.convolution = Convolution(channels, filters, SIZE, left=0)
        self.activation, self.pool = nn.ReLU(), MaxPool(2)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return x, shape (batch, ceil(time / 2), filters), and its mask."""
        x = blank(self.activation(self.convolution(x, mask)), mask)
        return self.pool(x, mask), mask[:, ::2]


class MultiLocCNN(nn.Module):
    """(Convolution → ReLU → max-pool) x 2 or 4 → every position of `length` → dense layers.

    Windows that do not fit into `length` are left out, as Keras' valid padding does.
    """

    def __init__(self, settings: MultiLocCNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        self.reads_empty = settings.empty == "read"
        filters, hidden = FILTERS[settings.variant], HIDDEN[settings.variant]
        self.length, left = settings.length, settings.length
        self.blocks = nn.ModuleList()
        for width in filters:
            self.blocks.append(ValidBlock(channels, width))
            channels, left = width, fitting_windows(left)
        layers: list[nn.Module] = []
        inputs = channels * left
        for number, units in enumerate(hidden):
            layers += [nn.Linear(inputs, units), nn.ReLU()]
            if number < DROPPED[settings.variant]:
                layers.append(nn.Dropout(settings.dropout))
            inputs = units
        self.head = nn.Sequential(*layers, nn.Linear(inputs, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        x, mask = (read_empty if self.reads_empty else fill_up)(x, mask, self.length)
        for block in self.blocks:
            fitting = fitting_windows(x.shape[1])
            x, mask = block(x, mask)
            x, mask = x[:, :fitting], mask[:, :fitting]
        return self.head(torch.flatten(blank(x, mask), 1))
