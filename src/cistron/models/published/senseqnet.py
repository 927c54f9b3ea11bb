"""SenSeqNet's own network (Jiang et al. 2024, no DOI stated), exactly as published."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from cistron.models.families import NetworkSettings, Reads
from cistron.models.published.vectors import (
    Three,
    activated,
    as_picture,
    convolutions,
    last_step,
    least_features,
    positions_left,
    recurrence,
)

PADDING = 1
POOLED = (True, True, True)


class SenSeqNetSettings(NetworkSettings):
    """Settings of `senseqnet`; the defaults are the published ones.

    It reads one vector a sample. For what it means, an LSTM whose states convolutions read, take
    `cnn_lstm` or `parallel_cnn_lstm` over residues.
    """

    reads: ClassVar[Reads] = "vector"

    kind: Literal["senseqnet"] = "senseqnet"
    hidden: int = Field(181, ge=1, description="units of each LSTM layer and direction")
    layers: int = Field(4, ge=1, le=12, description="LSTM layers")
    filters: Three = Field((76, 111, 487), description="channels of the three convolutions")
    kernel_sizes: Three = Field((6, 4, 5), description="numbers each convolution spans")
    lstm_dropout: float = Field(
        0.4397133138964481,
        ge=0,
        lt=1,
        description="share of units set to zero between the LSTM layers",
    )
    dropout: float = Field(
        0.5456158649892608,
        ge=0,
        lt=1,
        description="share of units set to zero before the last, linear layer",
    )

    @model_validator(mode="after")
    def _enough_units(self) -> Self:
        least = least_features(self.kernel_sizes, POOLED, PADDING)
        if 2 * self.hidden < least:
            raise ValueError(
                f"hidden ({self.hidden}) must be at least {(least + 1) // 2}: the convolutions "
                "read the units of both directions"
            )
        return self

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return SenSeqNet(self, channels, outputs)


class SenSeqNet(nn.Module):
    """Bidirectional LSTM → (convolution → batch norm → ReLU → max-pool) x 3 → dropout → linear.

    The LSTM reads the vector as a sequence of length 1, so its recurrent weights
    (`lstm.weight_hh_*`) act on zeros and are never learned; its forget gates too have nothing to
    forget. The convolutions slide over the LSTM's units, whose order is arbitrary. Both are as
    published. `bn` is in the published checkpoint and never used; with it the checkpoint loads
    with `strict=True`, and the 4,835,019 parameters at 1,280 features are the published number.
    """

    def __init__(self, settings: SenSeqNetSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.lstm = recurrence(
            nn.LSTM, channels, s.hidden, s.layers, s.lstm_dropout, bidirectional=True
        )
        self.bn = nn.BatchNorm1d(2 * s.hidden)
        self.conv1, self.conv2, self.conv3 = convolutions(s.filters, s.kernel_sizes, PADDING)
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm2d(width) for width in s.filters)
        self.dropout = nn.Dropout(s.dropout)
        left = positions_left(2 * s.hidden, s.kernel_sizes, POOLED, PADDING)
        self.fc = nn.Linear(s.filters[-1] * left, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        x = as_picture(last_step(self.lstm, x.unsqueeze(1)))
        x = activated(self.bn1(self.conv1(x)))
        x = activated(self.bn2(self.conv2(x)))
        x = activated(self.bn3(self.conv3(x)))
        return self.fc(self.dropout(x.flatten(1)))
