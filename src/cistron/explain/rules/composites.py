"""Operations taken apart into linear ones, products and functions of one number.

Each is equal to torch's, to rounding; run where `operations` sees its parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from cistron.explain.rules.recurrent import gru_sequence, lstm_sequence, rnn_sequence, unrolled
from cistron.explain.rules.rules import Refused


def divide(a: Tensor | float, b: Tensor) -> Tensor:
    """Return a / b as a product."""
    return torch.mul(a, torch.reciprocal(b))


def power(x: Tensor, exponent: float) -> Tensor:
    """Return whole powers as products, halves as roots."""
    if exponent == 0.5:
        return torch.sqrt(x)
    if exponent == -0.5:
        return torch.rsqrt(x)
    if exponent < 0:
        return torch.reciprocal(power(x, -exponent))
    if exponent != int(exponent) or exponent < 1:
        raise Refused(f"The power of {exponent} is not supported.")
    product = x
    for _ in range(int(exponent) - 1):
        product = product * x
    return product


def add_product(input: Tensor, one: Tensor, other: Tensor, *, value: float = 1.0) -> Tensor:  # noqa: A002
    """Return input + value · one · other."""
    return input + value * (one * other)


def layer_norm(
    input: Tensor,  # noqa: A002
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: object,
) -> Tensor:
    """Return x less its mean, times one over its standard deviation."""
    axes = [-1 - n for n in range(len(normalized_shape))]
    away = input - input.mean(axes, keepdim=True)
    y = away * torch.rsqrt((away * away).mean(axes, keepdim=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def rms_norm(
    input: Tensor,  # noqa: A002
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Return x over the root of its mean square."""
    axes = [-1 - n for n in range(len(normalized_shape))]
    floor = torch.finfo(input.dtype).eps if eps is None else eps
    y = input * torch.rsqrt((input * input).mean(axes, keepdim=True) + floor)
    return y if weight is None else y * weight


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    **_: object,
) -> Tensor:
    """Return softmax(query key') value."""
    if dropout_p or is_causal:
        raise Refused("Attention that is causal or drops out is not supported.")
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = torch.matmul(query, key.transpose(-2, -1)) * factor
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return torch.matmul(scores.softmax(-1), value)


def glu(input: Tensor, dim: int = -1) -> Tensor:  # noqa: A002
    """Return one half times the logistic function of the other."""
    a, b = input.chunk(2, dim)
    return a * torch.sigmoid(b)


def log_softmax(input: Tensor, dim: int, **_: object) -> Tensor:  # noqa: A002
    """Return the logarithm of the softmax."""
    return input - torch.log(torch.exp(input).sum(dim, keepdim=True))


COMPOSITES: dict[str, Callable[..., Any]] = {
    "addcmul": add_product,
    **dict.fromkeys(["div", "__truediv__", "divide", "true_divide"], divide),
    "__rtruediv__": lambda b, a: divide(a, b),
    **dict.fromkeys(["pow", "__pow__"], power),
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "scaled_dot_product_attention": attention,
    "glu": glu,
    "log_softmax": log_softmax,
    "lstm": unrolled(lstm_sequence),
    "gru": unrolled(gru_sequence),
    "rnn_tanh": unrolled(rnn_sequence, "tanh"),
    "rnn_relu": unrolled(rnn_sequence, "relu"),
}
