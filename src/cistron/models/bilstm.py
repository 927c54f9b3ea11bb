"""An LSTM from both ends (Graves & Schmidhuber 2005, doi:10.1016/j.neunet.2005.06.042)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import NetworkSettings
from cistron.models.layers import Pooling, Recurrent, RecurrentPoolingKind


class BiLSTMSettings(NetworkSettings):
    """Settings of the `bilstm`."""

    kind: Literal["bilstm"] = "bilstm"
    hidden: int = Field(64, ge=1, description="units of each layer and direction")
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
        return BiLSTM(self, channels, outputs)


class BiLSTM(nn.Module):
    """LSTM in both directions → pooling → dropout → linear."""

    def __init__(self, settings: BiLSTMSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.lstm = Recurrent(nn.LSTM, channels, s.hidden, s.layers, s.dropout, bidirectional=True)
        self.pooling = Pooling(s.pooling, self.lstm.width, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(self.pooling.width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        return self.head(self.pooling(self.lstm(x, mask), mask))
