"""Layers that follow Keras's rules, for networks that read sequences of one fixed length.

Shapes are Keras's: x is float, shape (batch, positions, channels) or, for pictures, (batch, height,
width, channels), and there is no mask: what lies behind a shorter sequence is read as zeros, as N.
New weights are drawn as Keras draws them: Glorot uniform, orthogonal for recurrence, zero biases.
Sizes, strides and dilations are one number an axis: one for sequences, two for pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from cistron.models.fixed_length import fill_up
from cistron.models.layers import blank

Padding = Literal["valid", "same", "causal"]
ActivationName = Literal[
    "linear",
    "relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "tanh",
    "sigmoid",
    "softmax",
    "exponential",
]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: F.softmax(x, dim=-1),
    "exponential": torch.exp,
}


def to_length(x: Tensor, mask: Tensor, length: int) -> Tensor:
    """Return x, shape (batch, time, channels), with `length` positions, zero where mask is False.

    Raises
    ------
    InputError
        If a sample is longer.
    """
    return fill_up(blank(x, mask), mask, length)[0]


def same_padding(positions: int, size: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Return how many positions `same` adds on the left and on the right.

    As many as ceil(positions / stride) windows need; of an odd number, one more on the right.
    """
    reach = (size - 1) * dilation + 1
    total = max((math.ceil(positions / stride) - 1) * stride + reach - positions, 0)
    return total // 2, total - total // 2


class Windows(nn.Module):
    """What convolution and max-pooling share: windows over one axis or two, and their padding."""

    def __init__(
        self,
        size: Sequence[int],
        stride: Sequence[int] | None,
        padding: Padding,
        dilation: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.size, self.padding = tuple(size), padding
        self.stride = tuple(stride or [1] * len(size))
        self.dilation = tuple(dilation or [1] * len(size))

    def padded(self, x: Tensor, value: float = 0.0) -> Tensor:
        """Return x with the positions that the padding adds, as pictures with channels first."""
        sides = []
        for axis in reversed(range(len(self.size))):  # PyTorch counts from the last axis
            size, stride, dilation = self.size[axis], self.stride[axis], self.dilation[axis]
            if self.padding == "causal":
                sides += [(size - 1) * dilation, 0]
            elif self.padding == "same":
                sides += same_padding(x.shape[axis + 1], size, stride, dilation)
        if any(sides):
            x = F.pad(x, [0, 0, *sides], value=value)
        x = x.movedim(-1, 1)
        # A sequence is a picture of height 1, in channels-last order: see `layers.Convolution`.
        return x if len(self.size) == 2 else x.unsqueeze(2)

    def flat(self, y: Tensor) -> Tensor:
        """Return pictures with channels first as what the layer gives."""
        return (y if len(self.size) == 2 else y.squeeze(2)).movedim(1, -1)


class Convolution(Windows):
    """Conv1D or Conv2D, by the length of `size`."""

    def __init__(
        self,
        channels: int,
        filters: int,
        size: Sequence[int],
        stride: Sequence[int] | None = None,
        padding: Padding = "same",
        dilation: Sequence[int] | None = None,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(size, stride, padding, dilation)
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(filters, channels // groups, *size))
        self.bias = nn.Parameter(torch.zeros(filters)) if bias else None
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (batch, …, filters)."""
        weight = self.weight if len(self.size) == 2 else self.weight.unsqueeze(2)
        stride, dilation = two(self.stride), two(self.dilation)
        y = F.conv2d(self.padded(x), weight, self.bias, stride, 0, dilation, self.groups)
        return self.flat(y)


class MaxPool(Windows):
    """MaxPooling1D or MaxPooling2D, by the length of `size`; padding never wins.

    The stride is the size unless given.
    """

    def __init__(
        self, size: Sequence[int], stride: Sequence[int] | None = None, padding: Padding = "same"
    ) -> None:
        super().__init__(size, stride or size, padding)

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (batch, …, channels)."""
        return self.flat(F.max_pool2d(self.padded(x, -math.inf), two(self.size), two(self.stride)))


def two(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return one number an axis of a picture; a sequence has height 1."""
    return numbers if len(numbers) == 2 else (1, *numbers)


class GlobalPooling(nn.Module):
    """The mean or the maximum over all axes but batch and channels."""

    def __init__(self, largest: bool) -> None:
        super().__init__()
        self.largest = largest

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (batch, channels)."""
        x = x.flatten(1, -2)
        return x.amax(dim=1) if self.largest else x.mean(dim=1)


class LSTM(nn.Module):
    """An LSTM with one bias a gate: PyTorch's second one is zero and stays so.

    Parameters
    ----------
    channels, units : int
    sequences : bool
        Return the output at each position, or the last one alone.
    backwards : bool
        Read from the end; the output begins with the last position.
    bias : bool
    """

    def __init__(
        self,
        channels: int,
        units: int,
        sequences: bool = True,
        backwards: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.sequences, self.backwards = sequences, backwards
        self.cell = nn.LSTM(channels, units, batch_first=True, bias=bias)
        weights = dict(self.cell.named_parameters())
        nn.init.xavier_uniform_(weights["weight_ih_l0"])
        nn.init.orthogonal_(weights["weight_hh_l0"])
        if bias:
            nn.init.zeros_(weights["bias_hh_l0"]).requires_grad_(False)
            nn.init.zeros_(weights["bias_ih_l0"])
            nn.init.ones_(weights["bias_ih_l0"].detach()[units : 2 * units])  # the forget gate

    def forward(self, x: Tensor) -> Tensor:
        """Return shape (batch, positions, units), or (batch, units)."""
        y = self.cell(x.flip(1) if self.backwards else x)[0]
        return y if self.sequences else y[:, -1]


class BothDirections(nn.Module):
    """Two recurrent layers, one from each end, joined."""

    def __init__(self, onward: LSTM, backward: LSTM, merge: str) -> None:
        super().__init__()
        self.onward, self.backward, self.merge = onward, backward, merge

    def forward(self, x: Tensor) -> Tensor:
        """Return what both make of x, position by position where they return sequences."""
        a, b = self.onward(x), self.backward(x)
        if self.backward.sequences:
            b = b.flip(1)
        if self.merge == "concat":
            return torch.cat([a, b], dim=-1)
        return {"sum": a + b, "ave": (a + b) / 2, "mul": a * b}[self.merge]


class Activation(nn.Module):
    """An activation by Keras's name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        return ACTIVATIONS[self.name](x)


def dense(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """Return a Dense layer."""
    layer = nn.Linear(inputs, outputs, bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
