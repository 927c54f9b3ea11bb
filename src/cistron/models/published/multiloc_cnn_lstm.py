"""The convolutional and recurrent network published for MultiLoc profiles (T. Serralta, 2025).

https://github.com/theo-serralta/Subcellular_localization
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.fixed_length import read_empty
from cistron.models.layers import Pooling, blank
from cistron.models.published.multiloc_cnn import ValidBlock, fitting_windows


class MultiLocCNNLSTMSettings(NetworkSettings):
    """Settings of `multiloc_cnn_lstm`."""

    kind: Literal["multiloc_cnn_lstm"] = "multiloc_cnn_lstm"
    dropout: Dropout = 0.3
    length: int | None = Field(
        None,
        ge=10,
        description="positions that are read, the empty ones behind a protein as zeros and no "
        "window past the end, as published (400); null: each protein alone, of any length",
    )

    @property
    def most_positions(self) -> int | None:
        """No sample may have more."""
        return self.length

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return MultiLocCNNLSTM(self, channels, outputs)


class OneBiasLSTM(nn.Module):
    """An LSTM with one bias a gate, as in Keras: the weights of an input that is always 1.

    It begins at 0, that of the forget gate at 1 (Jozefowicz et al. 2015).
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels + 1, hidden, bias=False, batch_first=True)
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = 1
        self.lstm.get_parameter("weight_ih_l0").data[:, -1] = bias

    def forward(self, x: Tensor) -> Tensor:
        """Return the output at each position, shape (batch, time, hidden)."""
        return self.lstm(F.pad(x, (0, 1), value=1.0))[0]


class MultiLocCNNLSTM(nn.Module):
    """(Convolution → ReLU → max-pool) x 2 → LSTM → LSTM, read where the sample ends → linear.

    The published network runs on over the empty positions up to 400, in 98 steps: `length`.
    Without it this one stops at the last window that sees anything of the sample, and reads
    samples of any length.
    """

    def __init__(self, settings: MultiLocCNNLSTMSettings, channels: int, outputs: int) -> None:
        super().__init__()
        self.length = settings.length
        self.blocks = nn.ModuleList([ValidBlock(channels, 64), ValidBlock(64, 128)])
        self.lstms = nn.ModuleList([OneBiasLSTM(128, 128), OneBiasLSTM(128, 128)])
        self.pooling = Pooling("last", 128)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(128, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        if self.length is not None:
            x, mask = read_empty(x, mask, self.length)
        for block in self.blocks:
            fitting = fitting_windows(x.shape[1]) if self.length is not None else None
            x, mask = block(x, mask)
            x, mask = x[:, :fitting], mask[:, :fitting]
        x = blank(x, mask)
        for lstm in self.lstms:
            x = lstm(x)
        return self.head(self.pooling(x, mask))
