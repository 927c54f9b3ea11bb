"""Convolutions and a bidirectional LSTM side by side over the same positions."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.models.cnn import ConvolutionSettings
from cistron.models.families import Dropout
from cistron.models.layers import (
    BatchNorm,
    Pooling,
    Recurrent,
    RecurrentPoolingKind,
)


class ParallelCNNLSTMSettings(ConvolutionSettings):
    """Settings of the `parallel_cnn_lstm`."""

    kind: Literal["parallel_cnn_lstm"] = "parallel_cnn_lstm"
    hidden: int = Field(64, ge=1, description="units of each LSTM layer and direction")
    layers: int = Field(1, ge=1, le=12, description="LSTM layers")
    pooling: RecurrentPoolingKind = Field("mean+max", description="how positions become one vector")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return ParallelCNNLSTM(self, channels, outputs)


class ParallelCNNLSTM(nn.Module):
    """Both branches read the input; their pooled vectors are joined before the linear layer.

    One branch: (convolution → batch norm → ReLU → max-pool) x blocks → pooling. The other:
    bidirectional LSTM → pooling → batch norm.
    """

    def __init__(self, settings: ParallelCNNLSTMSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.blocks = s.stack(channels)
        self.cnn_pooling = Pooling(s.pooling, s.filters)
        self.lstm = Recurrent(nn.LSTM, channels, s.hidden, s.layers, s.dropout, bidirectional=True)
        self.lstm_pooling = Pooling(s.pooling, self.lstm.width, bidirectional=True)
        self.norm = BatchNorm(self.lstm_pooling.width)
        width = self.cnn_pooling.width + self.lstm_pooling.width
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        read = self.norm(self.lstm_pooling(self.lstm(x, mask), mask))
        for block in self.blocks:
            x, mask = block(x, mask)
        return self.head(torch.cat([self.cnn_pooling(x, mask), read], dim=1))
