"""Residual convolutions, both termini and attention: for proteins and their sorting signals.

Attention over the positions as light attention has it (Stärk et al. 2021, Bioinformatics Advances,
doi:10.1093/bioadv/vbab035), here over what residual convolutions see.
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
    attend,
    blank,
    gather,
    masked_max,
    reversal,
)
from cistron.models.residual_cnn import ResidualConvolution
from cistron.models.termini_cnn import window_means


class TerminiAttentionSettings(NetworkSettings):
    """Settings of `termini_attention`.

    Channels of any scale may come in (BLOSUM62 rows, profiles, embeddings): the network begins
    with a batch normalisation.
    """

    kind: Literal["termini_attention"] = "termini_attention"
    filters: int = Field(64, ge=1, description="channels of every convolution")
    motif_size: int = Field(9, ge=1, description="positions the first convolution spans")
    blocks: int = Field(
        3, ge=1, le=12, description="residual blocks; each looks twice as far as the one before"
    )
    kernel_size: int = Field(3, ge=1, description="positions the convolution of a block spans")
    windows: int = Field(6, ge=1, description="windows read at each terminus, side by side")
    first_window: int = Field(8, ge=1, description="positions in a window at the start")
    last_window: int = Field(4, ge=1, description="positions in a window at the end")
    hidden: int = Field(64, ge=1, description="units of the hidden layer")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return TerminiAttention(self, channels, outputs)


class TerminiAttention(nn.Module):
    """Batch norm → convolution → residual dilated blocks → attention, maximum and termini.

    The attention begins as the mean over the positions. Its result, the maximum, the means of
    windows at both termini and the logarithm of the length → batch norm → dropout → linear → batch
    norm → GELU → dropout → linear.
    """

    def __init__(self, settings: TerminiAttentionSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = self.settings = settings
        self.scale = BatchNorm(channels)
        self.motifs = Convolution(channels, s.filters, s.motif_size, bias=False)
        self.norm, self.activation = BatchNorm(s.filters), nn.GELU()
        self.dropout = ChannelDropout(s.dropout)
        self.blocks = nn.ModuleList(
            ResidualConvolution(s.filters, s.kernel_size, 2**number, s.dropout)
            for number in range(s.blocks)
        )
        self.scores = nn.Linear(s.filters, s.filters)
        nn.init.zeros_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)
        width = (2 + 2 * s.windows) * s.filters + 1
        self.head = nn.Sequential(
            BatchNorm(width),
            nn.Dropout(s.dropout),
            nn.Linear(width, s.hidden, bias=False),
            BatchNorm(s.hidden),
            nn.GELU(),
            nn.Dropout(s.dropout),
            nn.Linear(s.hidden, outputs),
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        s = self.settings
        x = self.motifs(self.scale(x, mask), mask)
        x = self.dropout(self.activation(self.norm(x, mask)))
        for block in self.blocks:
            x = block(x, mask)
        x = blank(x, mask)
        vector = [
            attend(x, self.scores(x), mask),
            masked_max(x, mask),
            window_means(x, mask, s.windows, s.first_window),
            # Reversed, the end of every sequence stands at the left, and `mask` fits as it is.
            window_means(gather(x, reversal(mask)), mask, s.windows, s.last_window),
            mask.sum(dim=1, keepdim=True).to(x.dtype).log(),
        ]
        return self.head(torch.cat(vector, dim=1))
