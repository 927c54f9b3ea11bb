"""SenSeqNet's CNN-LSTM over one vector (Jiang et al. 2024, no DOI stated)."""

from __future__ import annotations

from typing import ClassVar, Literal

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


class VectorCNNLSTMSettings(NetworkSettings):
    """Settings of `vector_cnn_lstm`; the defaults are the published ones.

    Its convolutions slide over the axis of an embedding, and its LSTM then walks from filter to
    filter: neither order means anything. `cnn_lstm`, over residues, is the network that is meant.
    """

    reads: ClassVar[Reads] = "vector"

    kind: Literal["vector_cnn_lstm"] = "vector_cnn_lstm"
    filters: Three = Field((76, 111, 487), description="channels of the three convolutions")
    kernel_sizes: Three = Field((6, 4, 5), description="features each convolution spans")
    hidden: int = Field(218, ge=1, description="units of each LSTM layer and direction")
    layers: int = Field(2, ge=1, le=12, description="LSTM layers")
    dropout: float = Field(
        0.5456158649892608,
        ge=0,
        lt=1,
        description="share of units that are set to zero at random in each training step",
    )

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network.

        Raises
        ------
        InputError
            If the vector is too short for the convolutions.
        """
        return VectorCNNLSTM(self, channels, outputs)


class VectorCNNLSTM(nn.Module):
    """(Convolution → ReLU → max-pool) x 3 → bidirectional LSTM → batch norm → dropout → linear.

    A step of the LSTM is one filter of the last convolution (487 steps), its features are what
    that filter found along the vector (58 of 480 features, 158 of 1,280). The published code also
    declares batch normalisations of the convolutions and leaves them out of the computation; they
    are not declared here.
    """

    def __init__(self, settings: VectorCNNLSTMSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        left = positions_left(channels, s.kernel_sizes, POOLED, PADDING)
        self.conv1, self.conv2, self.conv3 = convolutions(s.filters, s.kernel_sizes, PADDING)
        self.lstm = recurrence(nn.LSTM, left, s.hidden, s.layers, s.dropout, bidirectional=True)
        self.bn = BatchNorm(2 * s.hidden)
        self.dropout = nn.Dropout(s.dropout)
        self.fc = nn.Linear(2 * s.hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        x = activated(self.conv1(as_picture(x)))
        x = activated(self.conv2(x))
        x = activated(self.conv3(x))
        return self.fc(self.dropout(self.bn(last_step(self.lstm, x.squeeze(3)))))
