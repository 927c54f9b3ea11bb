"""LCRE: the convolutions of deepCRE with an LSTM behind the first block."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.fixed_length import FixedLengthSettings
from cistron.models.keras.keras_layers import LSTM, to_length
from cistron.models.published.deepcre import Block, Head, pooled


class LCRESettings(FixedLengthSettings):
    """Settings of `lcre`.

    Read one strand: a promoter and terminator have a direction. Sequences shorter than `length`
    are read as if N followed them.
    """

    kind: Literal["lcre"] = "lcre"
    length: int = Field(3020, ge=1, description="positions it reads; no sequence may be longer")
    dropout: float = Field(
        0.25,
        ge=0,
        lt=1,
        description="share of units that are set to zero at random in each training step",
    )

    @property
    def single_logit(self) -> bool:
        """One sigmoid output, as published."""
        return True

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return LCRE(self, channels, outputs)


class LCRE(nn.Module):
    """Block of 64 filters → layer norm → LSTM 64 → blocks of 128 and 64 → three dense layers."""

    def __init__(self, settings: LCRESettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.length = s.length
        self.motifs = Block(channels, 64, s.dropout)
        self.norm = nn.LayerNorm(64, eps=1e-3)
        self.lstm = LSTM(64, 64)
        self.dropout = nn.Dropout(s.dropout)
        self.blocks = nn.Sequential(Block(64, 128, s.dropout), Block(128, 64, s.dropout))
        self.head = Head(64 * pooled(s.length), s.dropout, outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        x = self.norm(self.motifs(to_length(x, mask, self.length)))
        return self.head(self.blocks(self.dropout(self.lstm(x))))
