"""Operations taken apart into linear ones, products and functions of one number.

Each is equal to torch's, to rounding; run where `operations` sees its parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def divide(a: Any, b: Tensor) -> Tensor:
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
        from cistron.explain.operations import Refused

        raise Refused(f"The power of {exponent} is not supported.")
    found = x
    for _ in range(int(exponent) - 1):
        found = found * x
    return found


def layer_norm(
    input: Tensor,  # noqa: A002
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Tensor:
    """Return x less its mean, times one over its standard deviation."""
    axes = [-1 - n for n in range(len(normalized_shape))]
    away = input - input.mean(axes, keepdim=True)
    y = away * torch.rsqrt((away * away).mean(axes, keepdim=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def rms_norm(
    input: Tensor,  # noqa: A002
    normalized_shape: Any,
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
    **_: Any,
) -> Tensor:
    """Return softmax(query key') value."""
    if dropout_p or is_causal:
        from cistron.explain.operations import Refused

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


def log_softmax(input: Tensor, dim: int, **_: Any) -> Tensor:  # noqa: A002
    """Return the logarithm of the softmax."""
    return input - torch.log(torch.exp(input).sum(dim, keepdim=True))


# ---------------------------------------------------------------- recurrent layers

Step = Callable[..., tuple[Tensor, ...]]


def _lstm_step(seen: Tensor, state: tuple[Tensor, ...], weight: Tensor, bias: Any) -> Any:
    hidden, memory = state
    gates = seen + F.linear(hidden, weight, bias)
    width = hidden.shape[1]
    logistic = torch.sigmoid(gates.unflatten(1, (4, width))[:, [0, 1, 3]])
    kept, forgotten, shown = logistic.unbind(1)
    memory = forgotten * memory + kept * torch.tanh(gates[:, 2 * width : 3 * width])
    return shown * torch.tanh(memory), memory


def _gru_step(seen: Tensor, state: tuple[Tensor, ...], weight: Tensor, bias: Any) -> Any:
    (hidden,) = state
    reset_seen, update_seen, new_seen = seen.chunk(3, 1)
    reset_held, update_held, new_held = F.linear(hidden, weight, bias).chunk(3, 1)
    reset = torch.sigmoid(reset_seen + reset_held)
    update = torch.sigmoid(update_seen + update_held)
    new = torch.tanh(new_seen + reset * new_held)
    return (new + update * (hidden - new),)


def _rnn_step(activation: Callable[[Tensor], Tensor]) -> Step:
    def step(seen: Tensor, state: tuple[Tensor, ...], weight: Tensor, bias: Any) -> Any:
        return (activation(seen + F.linear(state[0], weight, bias)),)

    return step


def _unrolled(step: Step, states: int) -> Callable[..., tuple[Tensor, ...]]:
    """Return torch's function of a whole recurrent layer, step by step."""

    def recurrent(
        input: Tensor,  # noqa: A002
        begin: Any,
        weights: list[Tensor],
        has_biases: bool,
        layers: int,
        dropout: float,  # noqa: ARG001
        train: bool,
        bidirectional: bool,
        batch_first: bool = False,
        *_: Any,
    ) -> tuple[Tensor, ...]:
        if train or not batch_first or isinstance(begin, Tensor) != (states == 1):
            from cistron.explain.operations import Refused

            raise Refused("A recurrent layer is supported in inference, with batch_first, unpacked.")
        starts = [begin] if states == 1 else list(begin)
        each = 4 if has_biases else 2
        directions = 2 if bidirectional else 1
        last: list[list[Tensor]] = [[] for _ in range(states)]
        x = input
        for layer in range(layers):
            outputs = []
            for direction in range(directions):
                number = layer * directions + direction
                mine = weights[number * each : (number + 1) * each]
                seen_bias, held_bias = mine[2:] if has_biases else (None, None)
                seen = F.linear(x, mine[0], seen_bias).unbind(1)
                state = tuple(start[number] for start in starts)
                found = []
                for one in reversed(seen) if direction else seen:
                    state = step(one, state, mine[1], held_bias)
                    found.append(state[0])
                outputs.append(torch.stack(found[::-1] if direction else found, dim=1))
                for kind, value in zip(last, state, strict=True):
                    kind.append(value)
            x = outputs[0] if directions == 1 else torch.cat(outputs, dim=2)
        return x, *(torch.stack(kind) for kind in last)

    return recurrent


COMPOSITES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(["div", "__truediv__", "divide", "true_divide"], divide),
    "__rtruediv__": lambda b, a: divide(a, b),
    **dict.fromkeys(["pow", "__pow__"], power),
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "scaled_dot_product_attention": attention,
    "glu": glu,
    "log_softmax": log_softmax,
    "lstm": _unrolled(_lstm_step, 2),
    "gru": _unrolled(_gru_step, 1),
    "rnn_tanh": _unrolled(_rnn_step(torch.tanh), 1),
    "rnn_relu": _unrolled(_rnn_step(torch.relu), 1),
}
