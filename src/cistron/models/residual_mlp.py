"""A residual network over one vector a sample, for embeddings and features of any scale.

Blocks begin with their normalisation (He et al. 2016, doi:10.1007/978-3-319-46493-0_38), and so
does the network: features count by how far they are from their mean, in standard deviations.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings, Reads
from cistron.models.layers import BatchNorm


class ResidualMLPSettings(NetworkSettings):
    """Settings of `residual_mlp`."""

    reads: ClassVar[Reads] = "vector"

    kind: Literal["residual_mlp"] = "residual_mlp"
    blocks: int = Field(2, ge=1, le=24, description="residual blocks, one upon the other")
    hidden: int = Field(128, ge=1, description="units that every block reads and gives")
    dropout: Dropout = 0.3

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return ResidualMLP(self, channels, outputs)


class ResidualMLP(nn.Module):
    """Batch norm → dropout → linear → blocks → batch norm → GELU → dropout → linear.

    A block adds to what it read: batch norm → GELU → dropout → linear.
    """

    def __init__(self, settings: ResidualMLPSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.scale = BatchNorm(channels)
        self.input = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(channels, s.hidden))
        self.blocks = nn.ModuleList(
            nn.Sequential(*_activated(s), nn.Linear(s.hidden, s.hidden)) for _ in range(s.blocks)
        )
        self.head = nn.Sequential(*_activated(s), nn.Linear(s.hidden, outputs))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        x = self.input(self.scale(x))
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


def _activated(settings: ResidualMLPSettings) -> list[nn.Module]:
    return [BatchNorm(settings.hidden), nn.GELU(), nn.Dropout(settings.dropout)]
