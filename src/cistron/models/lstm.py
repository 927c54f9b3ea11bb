"""A long short-term memory (Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import NetworkSettings
from cistron.models.layers import Pooling, Recurrent, RecurrentPoolingKind


class LSTMSettings(NetworkSettings):
    """Settings of the `lstm`."""

    kind: Literal["lstm"] = "lstm"
    hidden: int = Field(128, ge=1, description="units of each layer")
    layers: int = Field(1, ge=1, le=12, description="LSTM layers, one upon the other")
    pooling: RecurrentPoolingKind = Field("mean+max", description="how positions become one vector")
    dropout: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="share of units that are set to zero at random in each training step",
    )

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return LSTM(self, channels, outputs)


class LSTM(nn.Module):
    """LSTM, from the first position to the last → pooling → dropout → linear."""

    def __init__(self, settings: LSTMSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.lstm = Recurrent(nn.LSTM, channels, s.hidden, s.layers, s.dropout)
        self.pooling = Pooling(s.pooling, self.lstm.width)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(self.pooling.width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        return self.head(self.pooling(self.lstm(x, mask), mask))
