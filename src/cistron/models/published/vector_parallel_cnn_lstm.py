"""SenSeqNet's parallel CNN and LSTM over one vector (Jiang et al. 2024, no DOI stated)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import NetworkSettings, Reads
from cistron.models.layers import BatchNorm
from cistron.models.published.vectors import (
    Three,
    activated,
    as_picture,
    convolutions,
    last_step,
    positions_left,
    recurrence,
)

PADDING = 1
POOLED = (True, True, True)


class VectorParallelCNNLSTMSettings(NetworkSettings):
    """Settings of `vector_parallel_cnn_lstm`; the defaults are the published ones.

    One branch slides over the axis of an embedding, whose order means nothing; the other reads
    the vector as a sequence of length 1, so that nothing recurs. `parallel_cnn_lstm`, over
    residues, is the network that is meant.
    """

    reads: ClassVar[Reads] = "vector"

    kind: Literal["vector_parallel_cnn_lstm"] = "vector_parallel_cnn_lstm"
    filters: Three = Field((76, 111, 487), description="channels of the three convolutions")
    kernel_sizes: Three = Field((6, 4, 5), description="features each convolution spans")
    hidden: int = Field(255, ge=1, description="units of each LSTM layer and direction")
    layers: int = Field(4, ge=1, le=12, description="LSTM layers")
    dropout: float = Field(
        0.5443207069354133,
        ge=0,
        lt=1,
        description="share of units set to zero in the LSTM's branch",
    )

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network.

        Raises
        ------
        InputError
            If the vector is too short for the convolutions.
        """
        return VectorParallelCNNLSTM(self, channels, outputs)


class VectorParallelCNNLSTM(nn.Module):
    """Two branches over the vector, joined before one linear layer.

    One branch: (convolution → batch norm → ReLU → max-pool) x 3, flattened. The other:
    bidirectional LSTM, one step → batch norm → dropout; its recurrent weights are never learned.
    """

    def __init__(
        self, settings: VectorParallelCNNLSTMSettings, channels: int, outputs: int
    ) -> None:
        super().__init__()
        s = settings
        left = positions_left(channels, s.kernel_sizes, POOLED, PADDING)
        self.lstm = recurrence(nn.LSTM, channels, s.hidden, s.layers, s.dropout, bidirectional=True)
        self.bn = BatchNorm(2 * s.hidden)
        self.conv1, self.conv2, self.conv3 = convolutions(s.filters, s.kernel_sizes, PADDING)
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm2d(width) for width in s.filters)
        self.dropout = nn.Dropout(s.dropout)
        self.fc = nn.Linear(s.filters[-1] * left + 2 * s.hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        read = self.dropout(self.bn(last_step(self.lstm, x.unsqueeze(1))))
        x = activated(self.bn1(self.conv1(as_picture(x))))
        x = activated(self.bn2(self.conv2(x)))
        x = activated(self.bn3(self.conv3(x)))
        return self.fc(torch.cat([x.flatten(1), read], dim=1))
