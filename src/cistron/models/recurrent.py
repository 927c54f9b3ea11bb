"""Recurrent networks over positions.

`rnn`: Elman 1990, doi:10.1207/s15516709cog1402_1. `lstm`: Hochreiter & Schmidhuber 1997,
doi:10.1162/neco.1997.9.8.1735. `bilstm`: Graves & Schmidhuber 2005,
doi:10.1016/j.neunet.2005.06.042.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.layers import Pooling, Recurrent, RecurrentPoolingKind


class RNNSettings(NetworkSettings):
    """Settings of the `rnn`."""

    kind: Literal["rnn"] = "rnn"
    hidden: int = Field(128, ge=1, description="units of each layer")
    layers: int = Field(1, ge=1, le=12, description="recurrent layers, one upon the other")
    activation: Literal["tanh", "relu"] = Field(
        "tanh", description="activation of the recurrent units; relu may overflow on long sequences"
    )
    pooling: RecurrentPoolingKind = Field("mean+max", description="how positions become one vector")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return RNN(self, channels, outputs)


class RNN(nn.Module):
    """RNN, from the first position to the last → pooling → dropout → linear."""

    def __init__(self, settings: RNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        cell = partial(nn.RNN, nonlinearity=s.activation)
        self.rnn = Recurrent(cell, channels, s.hidden, s.layers, s.dropout)
        self.pooling = Pooling(s.pooling, self.rnn.width)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(self.pooling.width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        return self.head(self.pooling(self.rnn(x, mask), mask))


class LSTMSettings(NetworkSettings):
    """Settings of the `lstm`."""

    kind: Literal["lstm"] = "lstm"
    hidden: int = Field(128, ge=1, description="units of each layer")
    layers: int = Field(1, ge=1, le=12, description="LSTM layers, one upon the other")
    pooling: RecurrentPoolingKind = Field("mean+max", description="how positions become one vector")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return LSTM(self, channels, outputs)


class BiLSTMSettings(NetworkSettings):
    """Settings of the `bilstm`."""

    kind: Literal["bilstm"] = "bilstm"
    hidden: int = Field(64, ge=1, description="units of each layer and direction")
    layers: int = Field(1, ge=1, le=12, description="LSTM layers, one upon the other")
    pooling: RecurrentPoolingKind = Field("mean+max", description="how positions become one vector")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return LSTM(self, channels, outputs)


class LSTM(nn.Module):
    """LSTM, from the first position to the last or in both directions → pooling → linear."""

    def __init__(
        self, settings: LSTMSettings | BiLSTMSettings, channels: int, outputs: int
    ) -> None:
        super().__init__()
        s = settings
        both = s.kind == "bilstm"
        self.lstm = Recurrent(nn.LSTM, channels, s.hidden, s.layers, s.dropout, both)
        self.pooling = Pooling(s.pooling, self.lstm.width, both)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(self.pooling.width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        return self.head(self.pooling(self.lstm(x, mask), mask))
