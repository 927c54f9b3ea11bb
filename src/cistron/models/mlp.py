"""A multilayer perceptron over one vector a sample."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings, Reads
from cistron.models.layers import BatchNorm


class MLPSettings(NetworkSettings):
    """Settings of the `mlp`."""

    reads: ClassVar[Reads] = "vector"

    kind: Literal["mlp"] = "mlp"
    layers: int = Field(2, ge=1, le=12, description="hidden layers")
    hidden: int = Field(128, ge=1, description="units of each hidden layer")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return MLP(self, channels, outputs)


class MLP(nn.Module):
    """(Linear → batch norm → ReLU → dropout) x layers → linear."""

    def __init__(self, settings: MLPSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        layers: list[nn.Module] = []
        for width in [channels] + [s.hidden] * (s.layers - 1):
            layers += [nn.Linear(width, s.hidden), BatchNorm(s.hidden), nn.ReLU()]
            layers += [nn.Dropout(s.dropout)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(s.hidden, outputs)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        return self.head(self.layers(x))
