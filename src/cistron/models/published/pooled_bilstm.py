"""OncoPersistNet repaired: its bidirectional LSTM is pooled over all steps."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings, Reads
from cistron.models.published.oncopersistnet import require_features


class PooledBiLSTMSettings(NetworkSettings):
    """Settings of `pooled_bilstm`; it learns best with training.learning_rate: 2e-3.

    The order of the features still means nothing; but every step counts, wherever it is.
    """

    reads: ClassVar[Reads] = "vector"

    kind: Literal["pooled_bilstm"] = "pooled_bilstm"
    filters: int = Field(64, ge=1, description="channels of the convolution")
    hidden: int = Field(64, ge=1, description="units of each direction of the LSTM")
    dense: int = Field(64, ge=1, description="units of the dense layer")
    dropout: Dropout = 0.4

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return PooledBiLSTM(self, channels, outputs)


class PooledBiLSTM(nn.Module):
    """Convolution → batch norm → ReLU → max-pool → BiLSTM → mean and max → dense → linear."""

    def __init__(self, settings: PooledBiLSTMSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        require_features(channels, s.kind)
        self.convolution = nn.Conv1d(1, s.filters, 3, bias=False)
        self.norm = nn.BatchNorm1d(s.filters)
        self.pool = nn.MaxPool1d(2)
        self.lstm = nn.LSTM(s.filters, s.hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(s.dropout)
        self.dense = nn.Linear(4 * s.hidden, s.dense)
        self.head = nn.Linear(s.dense, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        x = self.pool(self.norm(self.convolution(x.unsqueeze(1))).relu())
        x = self.lstm(self.dropout(x).transpose(1, 2))[0]
        x = self.dropout(torch.cat([x.mean(dim=1), x.amax(dim=1)], dim=1))
        return self.head(self.dropout(self.dense(x).relu()))
