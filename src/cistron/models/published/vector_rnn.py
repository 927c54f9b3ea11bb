"""SenSeqNet's simple recurrent network over one vector (Jiang et al. 2024, no DOI stated)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F  # noqa: N812
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from cistron.models.families import NetworkSettings, Reads
from cistron.models.layers import BatchNorm
from cistron.models.published.vectors import last_step, recurrence


class VectorRNNSettings(NetworkSettings):
    """Settings of `vector_rnn`; the defaults are the published ones.

    It reads the vector as a sequence of length 1, so that nothing recurs: one layer of it is a
    linear layer and a ReLU. `rnn`, over residues, is the network that is meant.
    """

    reads: ClassVar[Reads] = "vector"

    kind: Literal["vector_rnn"] = "vector_rnn"
    units: int = Field(232, ge=1, description="units of each recurrent layer")
    layers: int = Field(1, ge=1, le=12, description="recurrent layers")
    hidden: tuple[PositiveInt, PositiveInt] = Field(
        (512, 256), description="units of the two hidden layers"
    )
    dropout: float = Field(
        0.4861,
        ge=0,
        lt=1,
        description="share of units that are set to zero at random in each training step",
    )

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return VectorRNN(self, channels, outputs)


class VectorRNN(nn.Module):
    """RNN with ReLU, one step → batch norm → three linear layers.

    Its recurrent weights are never learned.
    """

    def __init__(self, settings: VectorRNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.rnn = recurrence(nn.RNN, channels, s.units, s.layers, s.dropout, nonlinearity="relu")
        self.bn1 = BatchNorm(s.units)
        self.fc1 = nn.Linear(s.units, s.hidden[0])
        self.fc2 = nn.Linear(*s.hidden)
        self.fc3 = nn.Linear(s.hidden[1], outputs)
        self.dropout = nn.Dropout(s.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        x = self.bn1(last_step(self.rnn, x.unsqueeze(1)))
        x = self.dropout(F.relu(self.fc1(x)))
        x = self.dropout(F.relu(self.fc2(x)))
        return self.fc3(x)
