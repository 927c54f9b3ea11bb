"""SenSeqNet and the networks it was compared with, as published (Jiang et al. 2024, no DOI stated).

All read one vector a sample: a protein's embedding, averaged over its residues; D is its length.

==========================  ========================================================  ============
kind                        layers                                                    at D = 1,280
==========================  ========================================================  ============
`senseqnet`                 BiLSTM D → 181, x 4 → convolutions 76, 111, 487 → linear     4,835,019
`vector_cnn`                convolutions 79, 111, 180 → linear 512 → 256 → classes         28.98 M
`vector_rnn`                RNN D → 232 → linear 512 → 256 → classes                       0.603 M
`vector_lstm`               LSTM D → 427, x 5 → linear                                      8.77 M
`vector_bilstm`             BiLSTM D → 250, x 4 → linear                                    7.58 M
`vector_cnn_lstm`           convolutions 76, 111, 487 → BiLSTM 218, x 2 → linear            2.11 M
`vector_parallel_cnn_lstm`  those convolutions beside BiLSTM D → 255, x 4 → linear          8.29 M
==========================  ========================================================  ============

A recurrence over one vector is one over a sequence of length 1: it starts from zero and stops
there, so that the recurrent weights touch nothing, their gradient is zero and, but for weight
decay, they never leave their initialisation. A convolution over it slides along the axis of the
embedding, whose order means nothing. The networks over residues (`cnn`, `lstm`, `cnn_lstm`, …) are
what is meant by these names; the ones here are kept to compare with, and to load what was
published. Tensors have the names they have in the published checkpoints (conv1, bn1, lstm, fc, …).
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
import torch.nn.functional as F  # noqa: N812
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings, Reads
from cistron.models.layers import BatchNorm
from cistron.models.published.convolving import PADDING, POOLED, Convolving, Three, least_features

Two = tuple[PositiveInt, PositiveInt]


class VectorSettings(NetworkSettings):
    """Settings of a network that reads one vector."""

    reads: ClassVar[Reads] = "vector"

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network.

        Raises
        ------
        InputError
            If the vector is too short for its convolutions.
        """
        return NETWORKS[self.kind](self, channels, outputs)


class SenSeqNetSettings(VectorSettings):
    """Settings of `senseqnet`; the defaults are the published ones.

    It reads one vector a sample. For what it means, an LSTM whose states convolutions read, take
    `cnn_lstm` or `parallel_cnn_lstm` over residues.
    """

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


class SenSeqNet(Convolving):
    """Bidirectional LSTM → (convolution → batch norm → ReLU → max-pool) x 3 → dropout → linear.

    The recurrent weights of the LSTM (`lstm.weight_hh_*`) act on zeros and are never learned; its
    forget gates too have nothing to forget. The convolutions slide over its units, whose order is
    arbitrary. `bn` is in the published checkpoint and never used: with it the checkpoint loads with
    `strict=True`, and the 4,835,019 parameters at 1,280 features are the published number.
    """

    def __init__(self, settings: SenSeqNetSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.lstm = _lstm(channels, s.hidden, s.layers, s.lstm_dropout)
        self.bn = nn.BatchNorm1d(2 * s.hidden)
        width = self.convolve(2 * s.hidden, s.filters, s.kernel_sizes)
        self.dropout = nn.Dropout(s.dropout)
        self.fc = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        return self.fc(self.dropout(self.convolved(_one_step(self.lstm, x)).flatten(1)))


class VectorCNNSettings(VectorSettings):
    """Settings of `vector_cnn`; the defaults are the published ones.

    It slides over the axis of an embedding, whose order means nothing: neighbours there are no
    neighbours in the protein. `cnn`, over residues, is the network that is meant.
    """

    kind: Literal["vector_cnn"] = "vector_cnn"
    filters: Three = Field((79, 111, 180), description="channels of the three convolutions")
    kernel_sizes: Three = Field((3, 7, 6), description="features each convolution spans")
    hidden: Two = Field((512, 256), description="units of the two hidden layers")
    dropout: float = Field(
        0.2978, ge=0, lt=1, description="share of units set to zero behind each hidden layer"
    )


class VectorCNN(Convolving):
    """(Convolution → batch norm → ReLU) x 3, max-pool after the first two → three linear layers."""

    def __init__(self, settings: VectorCNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        width = self.convolve(channels, s.filters, s.kernel_sizes, 0, (True, True, False))
        self.fc1 = nn.Linear(width, s.hidden[0])
        self.fc2 = nn.Linear(*s.hidden)
        self.fc3 = nn.Linear(s.hidden[1], outputs)
        self.dropout = nn.Dropout(s.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        x = self.dropout(F.relu(self.fc1(self.convolved(x).flatten(1))))
        return self.fc3(self.dropout(F.relu(self.fc2(x))))


class VectorRNNSettings(VectorSettings):
    """Settings of `vector_rnn`; the defaults are the published ones.

    It reads the vector as a sequence of length 1, so that nothing recurs: one layer of it is a
    linear layer and a ReLU. `rnn`, over residues, is the network that is meant.
    """

    kind: Literal["vector_rnn"] = "vector_rnn"
    units: int = Field(232, ge=1, description="units of each recurrent layer")
    layers: int = Field(1, ge=1, le=12, description="recurrent layers")
    hidden: Two = Field((512, 256), description="units of the two hidden layers")
    dropout: Dropout = 0.4861


class VectorRNN(nn.Module):
    """RNN with ReLU, one step → batch norm → three linear layers."""

    def __init__(self, settings: VectorRNNSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        between = s.dropout if s.layers > 1 else 0.0
        self.rnn = nn.RNN(
            channels, s.units, s.layers, nonlinearity="relu", batch_first=True, dropout=between
        )
        self.bn1 = BatchNorm(s.units)
        self.fc1 = nn.Linear(s.units, s.hidden[0])
        self.fc2 = nn.Linear(*s.hidden)
        self.fc3 = nn.Linear(s.hidden[1], outputs)
        self.dropout = nn.Dropout(s.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        x = self.dropout(F.relu(self.fc1(self.bn1(_one_step(self.rnn, x)))))
        return self.fc3(self.dropout(F.relu(self.fc2(x))))


class VectorLSTMSettings(VectorSettings):
    """Settings of `vector_lstm`; the defaults are the published ones.

    It reads the vector as a sequence of length 1, so that nothing recurs. `lstm`, over residues,
    is the network that is meant.
    """

    kind: Literal["vector_lstm"] = "vector_lstm"
    hidden: int = Field(427, ge=1, description="units of each layer")
    layers: int = Field(5, ge=1, le=12, description="LSTM layers, one upon the other")
    dropout: Dropout = 0.3413


class VectorBiLSTMSettings(VectorSettings):
    """Settings of `vector_bilstm`; the defaults are the published ones.

    It reads the vector as a sequence of length 1, so that nothing recurs and both directions read
    the same. `bilstm`, over residues, is the network that is meant.
    """

    kind: Literal["vector_bilstm"] = "vector_bilstm"
    hidden: int = Field(250, ge=1, description="units of each layer and direction")
    layers: int = Field(4, ge=1, le=12, description="LSTM layers, one upon the other")
    dropout: Dropout = 0.2321


class VectorLSTM(nn.Module):
    """LSTM, one step → with both directions batch norm → dropout → linear."""

    def __init__(
        self, settings: VectorLSTMSettings | VectorBiLSTMSettings, channels: int, outputs: int
    ) -> None:
        super().__init__()
        s = settings
        both = s.kind == "vector_bilstm"
        width = 2 * s.hidden if both else s.hidden
        self.lstm = _lstm(channels, s.hidden, s.layers, s.dropout, both)
        self.bn = BatchNorm(width) if both else nn.Identity()
        self.dropout = nn.Dropout(s.dropout)
        self.fc = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        return self.fc(self.dropout(self.bn(_one_step(self.lstm, x))))


class VectorCNNLSTMSettings(VectorSettings):
    """Settings of `vector_cnn_lstm`; the defaults are the published ones.

    Its convolutions slide over the axis of an embedding, and its LSTM then walks from filter to
    filter: neither order means anything. `cnn_lstm`, over residues, is the network that is meant.
    """

    kind: Literal["vector_cnn_lstm"] = "vector_cnn_lstm"
    filters: Three = Field((76, 111, 487), description="channels of the three convolutions")
    kernel_sizes: Three = Field((6, 4, 5), description="features each convolution spans")
    hidden: int = Field(218, ge=1, description="units of each LSTM layer and direction")
    layers: int = Field(2, ge=1, le=12, description="LSTM layers")
    dropout: Dropout = 0.5456158649892608


class VectorCNNLSTM(Convolving):
    """(Convolution → ReLU → max-pool) x 3 → bidirectional LSTM → batch norm → dropout → linear.

    A step of the LSTM is one filter of the last convolution (487 steps), its features are what
    that filter found along the vector (58 of 480 features, 158 of 1,280). The published code also
    declares batch normalisations of the convolutions and leaves them out of the computation; they
    are not declared here.
    """

    def __init__(self, settings: VectorCNNLSTMSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        width = self.convolve(channels, s.filters, s.kernel_sizes, norms=False)
        self.lstm = _lstm(width // s.filters[-1], s.hidden, s.layers, s.dropout)
        self.bn = BatchNorm(2 * s.hidden)
        self.dropout = nn.Dropout(s.dropout)
        self.fc = nn.Linear(2 * s.hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        last = self.lstm(self.convolved(x))[0][:, -1]
        return self.fc(self.dropout(self.bn(last)))


class VectorParallelCNNLSTMSettings(VectorSettings):
    """Settings of `vector_parallel_cnn_lstm`; the defaults are the published ones.

    One branch slides over the axis of an embedding, whose order means nothing; the other reads
    the vector as a sequence of length 1, so that nothing recurs. `parallel_cnn_lstm`, over
    residues, is the network that is meant.
    """

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


class VectorParallelCNNLSTM(Convolving):
    """Two branches over the vector, joined before one linear layer.

    One branch: (convolution → batch norm → ReLU → max-pool) x 3, flattened. The other:
    bidirectional LSTM, one step → batch norm → dropout.
    """

    def __init__(
        self, settings: VectorParallelCNNLSTMSettings, channels: int, outputs: int
    ) -> None:
        super().__init__()
        s = settings
        self.lstm = _lstm(channels, s.hidden, s.layers, s.dropout)
        self.bn = BatchNorm(2 * s.hidden)
        width = self.convolve(channels, s.filters, s.kernel_sizes)
        self.dropout = nn.Dropout(s.dropout)
        self.fc = nn.Linear(width + 2 * s.hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        read = self.dropout(self.bn(_one_step(self.lstm, x)))
        return self.fc(torch.cat([self.convolved(x).flatten(1), read], dim=1))


NETWORKS: dict[str, type[nn.Module]] = {
    "senseqnet": SenSeqNet,
    "vector_cnn": VectorCNN,
    "vector_rnn": VectorRNN,
    "vector_lstm": VectorLSTM,
    "vector_bilstm": VectorLSTM,
    "vector_cnn_lstm": VectorCNNLSTM,
    "vector_parallel_cnn_lstm": VectorParallelCNNLSTM,
}


def _lstm(
    features: int, hidden: int, layers: int, dropout: float, bidirectional: bool = True
) -> nn.LSTM:
    between = dropout if layers > 1 else 0.0
    return nn.LSTM(
        features, hidden, layers, batch_first=True, dropout=between, bidirectional=bidirectional
    )


def _one_step(recurrent: nn.RNNBase, x: Tensor) -> Tensor:
    """Return what a recurrence makes of vectors, each a sequence of length 1."""
    return recurrent(x.unsqueeze(1))[0][:, -1]
