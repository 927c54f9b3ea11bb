"""SenSeqNet's LSTM over one vector (Jiang et al. 2024, no DOI stated)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import NetworkSettings, Reads
from cistron.models.published.vectors import last_step, recurrence


class VectorLSTMSettings(NetworkSettings):
    """Settings of `vector_lstm`; the defaults are the published ones.

    It reads the vector as a sequence of length 1, so that nothing recurs. `lstm`, over residues,
    is the network that is meant.
    """

    reads: ClassVar[Reads] = "vector"

    kind: Literal["vector_lstm"] = "vector_lstm"
    hidden: int = Field(427, ge=1, description="units of each layer")
    layers: int = Field(5, ge=1, le=12, description="LSTM layers, one upon the other")
    dropout: float = Field(
        0.3413,
        ge=0,
        lt=1,
        description="share of units that are set to zero at random in each training step",
    )

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return VectorLSTM(self, channels, outputs)


class VectorLSTM(nn.Module):
    """LSTM, one step → dropout → linear. Its recurrent weights are never learned."""

    def __init__(self, settings: VectorLSTMSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.lstm = recurrence(nn.LSTM, channels, s.hidden, s.layers, s.dropout)
        self.dropout = nn.Dropout(s.dropout)
        self.fc = nn.Linear(s.hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        return self.fc(self.dropout(last_step(self.lstm, x.unsqueeze(1))))
