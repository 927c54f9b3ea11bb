"""A simple recurrent network (Elman 1990, doi:10.1207/s15516709cog1402_1)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import NetworkSettings
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
    dropout: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="share of units that are set to zero at random in each training step",
    )

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return RNN(self, channels, outputs)


class RNN(nn.Module):
    """RNN, from the first position to the last → pooling → dropout → linear."""

    def __init__(self, settings: RNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.rnn = Recurrent(
            nn.RNN, channels, s.hidden, s.layers, s.dropout, nonlinearity=s.activation
        )
        self.pooling = Pooling(s.pooling, self.rnn.width)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(self.pooling.width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        return self.head(self.pooling(self.rnn(x, mask), mask))
