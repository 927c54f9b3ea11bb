"""Convolutions that find motifs, then a recurrent network that reads their order."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.cnn import ConvolutionSettings
from cistron.models.families import Dropout
from cistron.models.layers import Pooling, Recurrent, RecurrentPoolingKind


class CNNLSTMSettings(ConvolutionSettings):
    """Settings of the `cnn_lstm`."""

    kind: Literal["cnn_lstm"] = "cnn_lstm"
    hidden: int = Field(64, ge=1, description="units of each LSTM layer and direction")
    layers: int = Field(1, ge=1, le=12, description="LSTM layers")
    bidirectional: bool = Field(True, description="whether the LSTM reads from both ends")
    pooling: RecurrentPoolingKind = Field("mean+max", description="how positions become one vector")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return CNNLSTM(self, channels, outputs)


class CNNLSTM(nn.Module):
    """(Convolution → batch norm → ReLU → max-pool) x blocks → LSTM → pooling → linear."""

    def __init__(self, settings: CNNLSTMSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.blocks = s.stack(channels)
        self.lstm = Recurrent(nn.LSTM, s.filters, s.hidden, s.layers, s.dropout, s.bidirectional)
        self.pooling = Pooling(s.pooling, self.lstm.width, s.bidirectional)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(self.pooling.width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        for block in self.blocks:
            x, mask = block(x, mask)
        x = self.lstm(x, mask)
        return self.head(self.pooling(x, mask))
