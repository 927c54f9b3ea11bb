"""A convolutional network that knows where a sequence begins and where it ends."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.layers import (
    BatchNorm,
    ConvolutionBlock,
    Pooling,
    PoolingKind,
    blank,
    gather,
    reversal,
)


class TerminiCNNSettings(NetworkSettings):
    """Settings of `termini_cnn`.

    Signals that sort proteins stand at fixed places: signal and transit peptides within the first
    tens of residues, KDEL and PTS1 within the last four.
    """

    kind: Literal["termini_cnn"] = "termini_cnn"
    blocks: int = Field(1, ge=1, le=12, description="convolutions, one upon the other")
    filters: int = Field(128, ge=1, description="channels of each convolution")
    kernel_size: int = Field(9, ge=1, description="positions a convolution spans")
    windows: int = Field(6, ge=1, description="windows read at each terminus, side by side")
    first_window: int = Field(8, ge=1, description="positions in a window at the start")
    last_window: int = Field(4, ge=1, description="positions in a window at the end")
    pooling: PoolingKind = Field("mean+max", description="how all positions become one vector")
    hidden: int = Field(128, ge=1, description="units of the hidden layer")
    dropout: Dropout = 0.5

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return TerminiCNN(self, channels, outputs)


class TerminiCNN(nn.Module):
    """Input beside convolutions → means of windows at both termini, and all positions pooled.

    These and the logarithm of the length → batch norm → dropout → linear → ReLU → dropout →
    linear. The windows are aligned to the termini: those of the start are counted from the first
    position, those of the end backwards from the last one.
    """

    def __init__(self, settings: TerminiCNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = self.settings = settings
        widths = [channels] + [s.filters] * s.blocks
        self.blocks = nn.ModuleList(
            ConvolutionBlock(width, s.filters, s.kernel_size) for width in widths[:-1]
        )
        seen = channels + s.filters
        self.pooling = Pooling(s.pooling, seen)
        width = self.pooling.width + 2 * s.windows * seen + 1
        self.norm = BatchNorm(width)
        self.head = nn.Sequential(
            nn.Dropout(s.dropout),
            nn.Linear(width, s.hidden),
            nn.ReLU(),
            nn.Dropout(s.dropout),
            nn.Linear(s.hidden, outputs),
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        s, y = self.settings, x
        for block in self.blocks:
            y, _ = block(y, mask)
        seen = torch.cat([x, y], dim=2)
        # Reversed, the end of every sequence stands at the left, and `mask` fits as it is.
        from_end = gather(seen, reversal(mask))
        vector = [
            self.pooling(seen, mask),
            window_means(seen, mask, s.windows, s.first_window),
            window_means(from_end, mask, s.windows, s.last_window),
            mask.sum(dim=1, keepdim=True).to(x.dtype).log(),
        ]
        return self.head(self.norm(torch.cat(vector, dim=1)))


def leading(x: Tensor, mask: Tensor, positions: int) -> Tensor:
    """Return the first positions, zeros where a sample is shorter."""
    return F.pad(blank(x, mask), (0, 0, 0, positions - x.shape[1]))


def window_means(x: Tensor, mask: Tensor, windows: int, size: int) -> Tensor:
    """Return the mean over the valid positions of each of the first windows, zero where none is.

    Returns
    -------
    tensor, shape (batch, windows * channels)
    """
    sums = leading(x, mask, windows * size).unflatten(1, (windows, size)).sum(dim=2)
    inside = torch.ones_like(x[:, :, :1])
    counts = leading(inside, mask, windows * size).unflatten(1, (windows, size)).sum(dim=2)
    return (sums / counts.clamp(min=1)).flatten(1)
