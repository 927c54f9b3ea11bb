"""Substitutions predicted by computing only what they reach.

A substitution changes, behind a convolution or a pooling, only the outputs whose windows hold its
position. Through a trunk of such layers these are computed anew for each substitution, from the
activations of the unchanged sample, and all others are taken over. What follows the trunk is
computed whole. The numbers are those of whole predictions: nothing is approximated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from cistron.models import layers
from cistron.models.cnn import CNN
from cistron.models.input import Network
from cistron.models.keras import keras_layers
from cistron.models.published.deepcre import DeepCRE
from cistron.models.published.deepdife import DeepDifE

NUMBERS = 1 << 21  # behind the trunk, of substitutions that are computed at once
TOGETHER = 512  # such substitutions
POINTWISE = (nn.ReLU, nn.GELU, nn.SiLU, nn.ELU, nn.Tanh, nn.Sigmoid, nn.Dropout, layers.BatchNorm)


@dataclass(frozen=True, eq=False)
class Trunk:
    """A body as layers that look at windows, and what follows them.

    Parameters
    ----------
    layers : list of Module
    head : callable
        Activations, shape (batch, time, channels) → logits.
    length : int, optional
        Positions that samples are filled up to.
    """

    layers: list[nn.Module]
    head: Callable[[Tensor], Tensor]
    length: int | None = None


def trunk_of(network: Network) -> Trunk | None:
    """Return the trunk of a network; None where there is none that is known."""
    letters = network.kind == "codes" and not network.pooled
    if not letters or not isinstance(network.embedding, nn.Embedding | None):
        return None
    body: Any = network.body
    parts: list[nn.Module]
    if isinstance(body, DeepDifE):
        trunk = Trunk(list(body.convolutions), body.head, body.length)
    elif isinstance(body, DeepCRE):
        parts = [layer for block in body.blocks for layer in block.children()]
        trunk = Trunk(parts, body.head, body.length)
    elif isinstance(body, CNN):
        blocks: Any = body.blocks
        parts = [
            layer
            for block in blocks
            for layer in (block.convolution, block.norm, block.activation, block.pool)
        ]
        trunk = Trunk(parts, lambda x: body.head(body.pooling(x, _everywhere(x))))
    else:
        return None
    known = (*POINTWISE, *_WINDOWS)
    return trunk if all(isinstance(layer, known) for layer in trunk.layers) else None


def _everywhere(x: Tensor) -> Tensor:
    return torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)


def substituted_logits(
    network: Network,
    trunk: Trunk,
    codes: NDArray[np.uint8],
    place: NDArray[np.int64],
    letter: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the logits of a sample, and of its substitutions, shape (1 + substitutions, outputs).

    Parameters
    ----------
    network : Network
    trunk : Trunk
        Its own.
    codes : ndarray of uint8, shape (length,)
    place, letter : ndarray of int64, shape (substitutions,)
        Where, and the code of what is put there.
    """
    device = next(network.parameters()).device
    whole = torch.from_numpy(np.ascontiguousarray(codes))[None].to(device)
    lengths = torch.tensor([len(codes)], device=device)
    where, what = (torch.from_numpy(np.asarray(v)).to(device) for v in (place, letter))
    network.eval()
    with torch.inference_mode():
        logits = _strand(network, trunk, whole, where, what)
        if network.both_strands:
            other = network.reverse_complement(whole, lengths)
            turned = len(codes) - 1 - where
            logits = (logits + _strand(network, trunk, other, turned, network.complement[what])) / 2
        if network.single_logit:
            logits = F.pad(logits, (1, 0))
    return logits.float().cpu().numpy()


def _strand(network: Network, trunk: Trunk, codes: Tensor, place: Tensor, letter: Tensor) -> Tensor:
    one = torch.ones(1, dtype=torch.int64, device=codes.device)
    channels, _ = network.channels(codes, one * codes.shape[1])
    if trunk.length is not None:
        channels = keras_layers.to_length(channels, _everywhere(channels), trunk.length)
    letters, _ = network.channels(letter[:, None].to(codes.dtype), one.expand(len(letter)))
    states = [channels]
    for layer in trunk.layers:
        states.append(_apply(layer, states[-1]))
    at_once = max(1, min(TOGETHER, NUMBERS // states[-1].numel()))
    pieces = [trunk.head(states[-1])]
    for start in range(0, len(place), at_once):
        some = slice(start, start + at_once)
        patch, first = letters[some], place[some]
        for layer, before, after in zip(trunk.layers, states[:-1], states[1:], strict=True):
            patch, first = _forward(layer, before[0], after.shape[1], patch, first)
        index = first[:, None] + torch.arange(patch.shape[1], device=first.device)
        changed = states[-1].expand(len(patch), -1, -1).clone()
        changed.scatter_(1, index.unsqueeze(2).expand_as(patch), patch)
        pieces.append(trunk.head(changed))
    return torch.cat(pieces)


def _forward(
    layer: nn.Module, before: Tensor, after: int, patch: Tensor, start: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what a layer makes of patches, and where that begins.

    Parameters
    ----------
    layer : Module
    before : tensor, shape (time, channels)
        What it reads of the unchanged sample.
    after : int
        Positions that it gives.
    patch : tensor, shape (batch, width, channels)
    start : tensor of int64, shape (batch,)
    """
    if isinstance(layer, POINTWISE):
        return _apply(layer, patch), start
    window = _WINDOWS[type(layer)](layer, len(before))
    width = min((patch.shape[1] + window.reach - 2) // window.stride + 1, after)
    # Rounded up: the first output whose window holds the patch's first position.
    first = -((window.reach - 1 - window.left - start) // window.stride)
    first = first.clamp(0, after - width)
    needed = torch.arange((width - 1) * window.stride + window.reach, device=start.device)
    index = (first * window.stride - window.left)[:, None] + needed
    x = before[index.clamp(0, len(before) - 1)]
    outside = (index < 0) | (index >= len(before))
    x = x.masked_fill(outside.unsqueeze(2), window.fill)
    own = index - start[:, None]
    mine = (own >= 0) & (own < patch.shape[1])
    at = own.clamp(0, patch.shape[1] - 1).unsqueeze(2).expand(-1, -1, x.shape[2])
    return window.apply(torch.where(mine.unsqueeze(2), patch.gather(1, at), x)), first


def _apply(layer: nn.Module, x: Tensor) -> Tensor:
    """Return what a layer makes of whole samples without padding, or of patches."""
    if isinstance(layer, layers.Convolution | layers.MaxPool):
        if isinstance(layer, layers.MaxPool) and layer.size == 1:
            return x
        return layer(x, _everywhere(x))
    return layer(x)


@dataclass(frozen=True, eq=False)
class Window:
    """How a layer looks at positions.

    Parameters
    ----------
    reach, stride : int
        Positions from the first to the last of a window; between windows.
    left : int
        Positions that the first window begins before the first position.
    fill : float
        What stands there.
    apply : callable
        The layer without any padding.
    """

    reach: int
    stride: int
    left: int
    fill: float
    apply: Callable[[Tensor], Tensor]


def _picture(x: Tensor) -> Tensor:
    """Return shape (batch, channels, 1, time) of x, shape (batch, time, channels)."""
    return x.transpose(1, 2).unsqueeze(2)


def _sequence(x: Tensor) -> Tensor:
    return x.squeeze(2).transpose(1, 2)


def _keras_convolution(layer: keras_layers.Convolution, time: int) -> Window:
    size, stride, dilation = layer.size[0], layer.stride[0], layer.dilation[0]
    sides = {
        "valid": 0,
        "causal": (size - 1) * dilation,
        "same": keras_layers.same_padding(time, size, stride, dilation)[0],
    }

    def apply(x: Tensor) -> Tensor:
        weight, ways = layer.weight.unsqueeze(2), ((1, stride), 0, (1, dilation), layer.groups)
        return _sequence(F.conv2d(_picture(x), weight, layer.bias, *ways))

    return Window((size - 1) * dilation + 1, stride, sides[layer.padding], 0.0, apply)


def _keras_pool(layer: keras_layers.MaxPool, time: int) -> Window:
    size, stride = layer.size[0], layer.stride[0]
    same = layer.padding == "same"
    left = keras_layers.same_padding(time, size, stride)[0] if same else 0
    return Window(size, stride, left, -torch.inf, _largest(size, stride))


def _convolution(layer: layers.Convolution, time: int) -> Window:  # noqa: ARG001
    def apply(x: Tensor) -> Tensor:
        weight, ways = layer.weight.unsqueeze(2), ((1, layer.stride), 0, (1, layer.dilation))
        return _sequence(F.conv2d(_picture(x), weight, layer.bias, *ways))

    reach = (layer.weight.shape[2] - 1) * layer.dilation + 1
    return Window(reach, layer.stride, layer.left, 0.0, apply)


def _pool(layer: layers.MaxPool, time: int) -> Window:  # noqa: ARG001
    left = (layer.size - layer.stride) // 2
    return Window(layer.size, layer.stride, left, -torch.inf, _largest(layer.size, layer.stride))


def _largest(size: int, stride: int) -> Callable[[Tensor], Tensor]:
    return lambda x: _sequence(F.max_pool2d(_picture(x), (1, size), (1, stride)))


_WINDOWS: dict[type[nn.Module], Callable[[Any, int], Window]] = {
    keras_layers.Convolution: _keras_convolution,
    keras_layers.MaxPool: _keras_pool,
    layers.Convolution: _convolution,
    layers.MaxPool: _pool,
}
