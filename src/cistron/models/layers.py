"""Layers in which padding counts for nothing.

Every layer takes `x`, float, shape (batch, time, channels), and `mask`, bool, shape (batch, time):
True on the first `length` positions of a sample, False on the padding behind them; each sample
has at least one position. What `x` holds at padding changes neither the output at valid positions
nor any gradient, and what a layer returns there is finite but unspecified: each layer blanks what
it reads.

A layer with a stride returns ceil(time / stride) positions, and `mask[:, ::stride]` is their mask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

PoolingKind = Literal["mean", "max", "mean+max", "attention"]
RecurrentPoolingKind = Literal["mean", "max", "mean+max", "attention", "last"]


def blank(x: Tensor, mask: Tensor, value: float = 0.0) -> Tensor:
    """Return x with `value` at padding; x itself where it can be seen that there is none."""
    if mask.device.type == "cpu" and bool(mask.all()):  # elsewhere to look would be to wait
        return x
    return x.masked_fill(~mask.unsqueeze(-1), value)


def reversal(mask: Tensor) -> Tensor:
    """Return the index that reverses the valid part of each sample, int64, shape (batch, time).

    Index 0 stands at padding. Reversing twice gives the valid part back.
    """
    time = torch.arange(mask.shape[1], device=mask.device)
    return (mask.sum(dim=1, keepdim=True) - 1 - time).clamp(min=0)


def gather(x: Tensor, index: Tensor) -> Tensor:
    """Return the positions of x, shape (batch, time, channels), that the index names."""
    return x.gather(1, index.unsqueeze(2).expand(-1, -1, x.shape[2]))


class Convolution(nn.Module):
    """A convolution over time whose output is as long as its input, or ceil(time / stride).

    Output position i looks at the inputs around position `i * stride`; of an even kernel, one
    more lies to the right than to the left.

    Parameters
    ----------
    channels, filters : int
        Channels that come in and go out.
    size : int
        Positions the kernel spans, before dilation.
    stride, dilation : int
    bias : bool
        Not needed where batch normalisation follows.
    left : int, optional
        Positions that the kernel reaches to the left of `i * stride`, at most half of its reach,
        which it is unless given. With 0, output i looks at the inputs from `i * stride` on.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        size: int,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
        left: int | None = None,
    ) -> None:
        super().__init__()
        self.stride, self.dilation = stride, dilation
        self.left = (size - 1) * dilation // 2 if left is None else left
        self.weight = nn.Parameter(torch.empty(filters, channels, size))
        self.bias = nn.Parameter(torch.zeros(filters)) if bias else None
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return shape (batch, ceil(time / stride), filters)."""
        x = blank(x, mask)
        reach = (self.weight.shape[2] - 1) * self.dilation
        if reach > 2 * self.left:
            x = F.pad(x, (0, 0, 0, reach - 2 * self.left))
        # As a picture of height 1 in channels-last order nothing has to be transposed in memory:
        # on a CPU twice as fast as a one-dimensional convolution.
        y = F.conv2d(
            _as_picture(x),
            self.weight.unsqueeze(2),
            self.bias,
            stride=(1, self.stride),
            padding=(0, self.left),
            dilation=(1, self.dilation),
        )
        return _as_sequence(y)


class MaxPool(nn.Module):
    """The largest value in windows over time; padding never wins.

    Parameters
    ----------
    size : int
        Positions in a window.
    stride : int, optional
        Distance of the windows, at most `size`, which it is unless given. Of the overlap, half
        reaches to the left of the position `i * stride`.
    """

    def __init__(self, size: int, stride: int | None = None) -> None:
        super().__init__()
        self.size, self.stride = size, stride or size

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return shape (batch, ceil(time / stride), channels)."""
        x = blank(x, mask, -torch.inf)
        overlap = self.size - self.stride
        if overlap:
            x = F.pad(x, (0, 0, overlap // 2, overlap - overlap // 2), value=-torch.inf)
        y = F.max_pool2d(_as_picture(x), (1, self.size), (1, self.stride), ceil_mode=True)
        return blank(_as_sequence(y), mask[:, :: self.stride])


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation whose statistics are those of the valid positions alone.

    Equal to `torch.nn.BatchNorm1d` on the valid positions of all samples, end to end. A single
    position has no variance and is normalised by the running statistics.
    """

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise x, shape (batch, time, channels), or (batch, channels) without a mask."""
        rows = x.flatten(0, -2)
        if not self.training:
            return super().forward(rows).view(x.shape)
        if mask is None:
            return self._by_batch(rows).view(x.shape)
        valid = mask.flatten().nonzero().squeeze(1)
        if len(valid) == len(rows):  # nothing to take out
            return self._by_batch(rows).view(x.shape)
        y = self._by_batch(rows.index_select(0, valid))
        return torch.zeros_like(rows, dtype=y.dtype).index_copy(0, valid, y).view(x.shape)

    def _by_batch(self, rows: Tensor) -> Tensor:
        if len(rows) > 1:
            return super().forward(rows)
        mean, variance = self.running_mean, self.running_var
        momentum = 0.1 if self.momentum is None else self.momentum
        learned = mean, variance, self.weight, self.bias
        try:  # where the positions of other processes count too, there may be more than this one
            return F.batch_norm(rows, *learned, True, momentum, self.eps)
        except ValueError:
            return F.batch_norm(rows, *learned, False, momentum, self.eps)


class ChannelDropout(nn.Module):
    """Dropout of whole channels of a sample: neighbouring positions tell too much of each other.

    Tompson et al. 2015 (doi:10.1109/CVPR.2015.7298664).
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(share)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, shape (batch, time, channels)."""
        if not self.training:
            return x
        return x * self.dropout(x.new_ones(len(x), 1, x.shape[2]))


class ConvolutionBlock(nn.Module):
    """Convolution, batch normalisation, ReLU and, unless `pool_size` is 1, max-pooling."""

    def __init__(self, channels: int, filters: int, kernel_size: int, pool_size: int = 1) -> None:
        super().__init__()
        self.convolution = Convolution(channels, filters, kernel_size, bias=False)
        self.norm = BatchNorm(filters)
        self.activation = nn.ReLU()
        self.pool = MaxPool(pool_size)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return x, shape (batch, ceil(time / pool_size), filters), and its mask."""
        x = self.activation(self.norm(self.convolution(x, mask), mask))
        if self.pool.size == 1:
            return x, mask
        return self.pool(x, mask), mask[:, :: self.pool.stride]


class Recurrent(nn.Module):
    """A recurrent network over the valid positions, in one direction or both.

    The forward direction cannot see the padding behind a sequence; the backward direction runs
    forward over the reversed valid part. This equals PyTorch's packed sequences, whose backward
    pass on a CPU takes time quadratic in the length (nine times as long at 400 positions).

    Parameters
    ----------
    cell : nn.LSTM, nn.GRU, nn.RNN, or a function like them
    channels, hidden : int
        Channels that come in, and units of each layer and direction.
    layers : int
    dropout : float
        Between layers.
    bidirectional : bool
    """

    def __init__(
        self,
        cell: Callable[..., nn.RNNBase],
        channels: int,
        hidden: int,
        layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.width = hidden * (2 if bidirectional else 1)
        inputs = [channels] + [self.width] * (layers - 1)

        def stack() -> nn.ModuleList:
            return nn.ModuleList(cell(n, hidden, batch_first=True) for n in inputs)

        self.forwards = stack()
        self.backwards = stack() if bidirectional else nn.ModuleList()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the last layer's output at each position, shape (batch, time, width)."""
        x = blank(x, mask)
        reverse = reversal(mask)
        for number, onward in enumerate(self.forwards):
            if number:
                x = self.dropout(x)
            outputs = [onward(x)[0]]
            if self.backwards:
                reversed_outputs = self.backwards[number](gather(x, reverse))[0]
                outputs.append(gather(reversed_outputs, reverse))
            x = torch.cat(outputs, dim=2)
        return x


class Pooling(nn.Module):
    """Positions → one vector.

    Parameters
    ----------
    kind : {"mean", "max", "mean+max", "attention", "last"}
        `attention`: a mean weighted by the softmax of a learned linear score. `last`: the last
        valid position; of a bidirectional sequence, the last state of each direction.
    channels : int
    bidirectional : bool
        Whether the second half of the channels was computed from the end to the start.
    """

    def __init__(
        self, kind: RecurrentPoolingKind, channels: int, bidirectional: bool = False
    ) -> None:
        super().__init__()
        self.kind, self.bidirectional = kind, bidirectional
        self.width = 2 * channels if kind == "mean+max" else channels
        self.score = nn.Linear(channels, 1) if kind == "attention" else None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return shape (batch, width)."""
        if self.score is not None:
            x = blank(x, mask)
            return attend(x, self.score(x), mask)
        if self.kind == "last":
            return self._last(x, mask)
        pooled = {"mean": masked_mean, "max": masked_max}
        return torch.cat([pooled[kind](x, mask) for kind in self.kind.split("+")], dim=1)

    def _last(self, x: Tensor, mask: Tensor) -> Tensor:
        end = gather(x, mask.sum(dim=1, keepdim=True) - 1).squeeze(1)
        if not self.bidirectional:
            return end
        half = x.shape[2] // 2
        return torch.cat([end[:, :half], x[:, 0, half:]], dim=1)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over valid positions, shape (batch, channels)."""
    return blank(x, mask).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def masked_max(x: Tensor, mask: Tensor) -> Tensor:
    """Return the maximum over valid positions, shape (batch, channels)."""
    return blank(x, mask, -torch.inf).amax(dim=1)


def attend(x: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
    """Return the sum over positions weighted by the softmax of the scores over valid positions.

    Parameters
    ----------
    x : tensor, shape (batch, time, channels)
        Finite at padding.
    scores : tensor, shape (batch, time, channels or 1)
    mask : tensor of bool, shape (batch, time)
    """
    return (x * blank(scores, mask, -torch.inf).softmax(dim=1)).sum(dim=1)


def _as_picture(x: Tensor) -> Tensor:
    return x.transpose(1, 2).unsqueeze(2)


def _as_sequence(y: Tensor) -> Tensor:
    return y.squeeze(2).transpose(1, 2)
