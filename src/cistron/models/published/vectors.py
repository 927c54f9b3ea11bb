"""Layers along one vector a sample, as the networks of SenSeqNet have them.

These networks read a protein's embedding, averaged over its residues. A recurrence over it is one
over a sequence of length 1: it starts from zero and stops there, so that the recurrent weights
touch nothing, their gradient is zero and, but for weight decay, they never leave their
initialisation. A convolution over it slides along the axis of
the embedding, whose order means nothing. The networks over residues (`cnn`, `lstm`, `cnn_lstm`, …)
are what is meant by these names; the ones here are kept to compare with, and to load what was
published.

Tensors have the names they have in the published checkpoints (conv1, bn1, …, lstm, bn, fc).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch.nn.functional as F  # noqa: N812
from pydantic import PositiveInt
from torch import Tensor, nn

from cistron.base.errors import InputError

Three = tuple[PositiveInt, PositiveInt, PositiveInt]


def recurrence(
    cell: Callable[..., nn.RNNBase],
    features: int,
    hidden: int,
    layers: int,
    dropout: float,
    **options: Any,
) -> nn.RNNBase:
    """Return recurrent layers (nn.LSTM, nn.RNN) with dropout between them."""
    between = dropout if layers > 1 else 0.0
    return cell(features, hidden, layers, batch_first=True, dropout=between, **options)


def last_step(recurrent: nn.RNNBase, x: Tensor) -> Tensor:
    """Return the output after the last step, shape (batch, width), of x, (batch, time, features).

    Of a bidirectional layer, its second half has read that last step alone.
    """
    return recurrent(x)[0][:, -1]


def convolutions(filters: Three, kernel_sizes: Three, padding: int = 0) -> list[nn.Conv2d]:
    """Return three convolutions, one upon the other, along pictures of width 1."""
    widths = [1, *filters]
    return [
        nn.Conv2d(widths[n], widths[n + 1], (size, 1), padding=(padding, 0))
        for n, size in enumerate(kernel_sizes)
    ]


def as_picture(x: Tensor) -> Tensor:
    """Return vectors, shape (batch, features), as pictures, shape (batch, 1, features, 1)."""
    return x.unsqueeze(1).unsqueeze(3)


def activated(x: Tensor, pool: bool = True) -> Tensor:
    """Return ReLU of x and, where asked, the larger of each two neighbours along the picture."""
    x = F.relu(x)
    return F.max_pool2d(x, (2, 1)) if pool else x


def least_features(kernel_sizes: Sequence[int], pools: Sequence[bool], padding: int = 0) -> int:
    """Return the length of the shortest vector that the convolutions can read.

    Of each convolution at least two positions must be left, so that batch normalisation has a
    variance even for one sample.
    """
    least = 1
    for size, pool in zip(reversed(kernel_sizes), reversed(pools), strict=True):
        least = max(2 * least if pool else least, 2) + size - 1 - 2 * padding
    return least


def positions_left(
    features: int, kernel_sizes: Sequence[int], pools: Sequence[bool], padding: int = 0
) -> int:
    """Return the length of a vector after convolutions, each with or without pooling by 2.

    Raises
    ------
    InputError
        If the vector is too short.
    """
    least = least_features(kernel_sizes, pools, padding)
    if features < least:
        sizes = ", ".join(map(str, kernel_sizes))
        raise InputError(
            f"model.kernel_sizes: convolutions of {sizes} need a vector of at least {least} "
            f"features, and the encoder gives {features}. Choose an encoder that gives more, or "
            "smaller kernels."
        )
    for size, pool in zip(kernel_sizes, pools, strict=True):
        features += 2 * padding - size + 1
        features = features // 2 if pool else features
    return features
