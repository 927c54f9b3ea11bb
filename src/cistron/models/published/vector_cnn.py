"""SenSeqNet's convolutional network over one vector (Jiang et al. 2024, no DOI stated)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F  # noqa: N812
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from cistron.models.families import NetworkSettings, Reads
from cistron.models.published.vectors import (
    Three,
    activated,
    as_picture,
    convolutions,
    positions_left,
)

POOLED = (True, True, False)


class VectorCNNSettings(NetworkSettings):
    """Settings of `vector_cnn`; the defaults are the published ones.

    It slides over the axis of an embedding, whose order means nothing: neighbours there are no
    neighbours in the protein. `cnn`, over residues, is the network that is meant.
    """

    reads: ClassVar[Reads] = "vector"

    kind: Literal["vector_cnn"] = "vector_cnn"
    filters: Three = Field((79, 111, 180), description="channels of the three convolutions")
    kernel_sizes: Three = Field((3, 7, 6), description="features each convolution spans")
    hidden: tuple[PositiveInt, PositiveInt] = Field(
        (512, 256), description="units of the two hidden layers"
    )
    dropout: float = Field(
        0.2978, ge=0, lt=1, description="share of units set to zero behind each hidden layer"
    )

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network.

        Raises
        ------
        InputError
            If the vector is too short for the convolutions, which pad nothing.
        """
        return VectorCNN(self, channels, outputs)


class VectorCNN(nn.Module):
    """(Convolution → batch norm → ReLU) x 3, max-pool after the first two → three linear layers."""

    def __init__(self, settings: VectorCNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        left = positions_left(channels, s.kernel_sizes, POOLED)
        self.conv1, self.conv2, self.conv3 = convolutions(s.filters, s.kernel_sizes)
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm2d(width) for width in s.filters)
        self.fc1 = nn.Linear(s.filters[-1] * left, s.hidden[0])
        self.fc2 = nn.Linear(*s.hidden)
        self.fc3 = nn.Linear(s.hidden[1], outputs)
        self.dropout = nn.Dropout(s.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        x = activated(self.bn1(self.conv1(as_picture(x))))
        x = activated(self.bn2(self.conv2(x)))
        x = activated(self.bn3(self.conv3(x)), pool=False)
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))
        x = self.dropout(F.relu(self.fc2(x)))
        return self.fc3(x)
