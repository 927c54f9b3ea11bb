"""Recurrent layers, step by step, with the multipliers of each step.

`seen` is what the input adds to the gates at each step, shape (rows, time, gates * hidden); the
state begins with zeros. The multipliers of a whole sequence are computed at once; what is left to
do step by step is what a derivative through time takes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.overrides import handle_torch_function, has_torch_function

from cistron.explain.rules.rules import (
    Context,
    Refused,
    Secant,
    grouped,
    half_way,
    sigmoid_secant,
    tanh_secant,
)


def lstm_sequence(seen: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the hidden states of an LSTM, shape (rows, time, hidden)."""
    if has_torch_function((seen,)):
        return handle_torch_function(lstm_sequence, (seen,), seen, weight, bias)
    return _lstm(seen, weight, bias)[0]


def rnn_sequence(seen: Tensor, weight: Tensor, bias: Tensor | None, kind: str) -> Tensor:
    """Return the hidden states of a simple recurrent network; its activation is tanh or relu."""
    if has_torch_function((seen,)):
        return handle_torch_function(rnn_sequence, (seen,), seen, weight, bias, kind)
    return _rnn(seen, weight, bias, getattr(torch, kind))[0]


def _lstm(seen: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return hidden states, what enters the gates (i, f, g, o), and memory, step by step."""
    width = weight.shape[1]
    hidden = memory = seen.new_zeros(len(seen), width)
    states, entered, memories = [], [], []
    for one in seen.unbind(1):
        gates = one + F.linear(hidden, weight, bias)
        kept, forgotten, new, shown = gates.chunk(4, 1)
        memory = forgotten.sigmoid() * memory + kept.sigmoid() * new.tanh()
        hidden = shown.sigmoid() * memory.tanh()
        states.append(hidden)
        entered.append(gates)
        memories.append(memory)
    return torch.stack(states, 1), torch.stack(entered, 1), torch.stack(memories, 1)


def _rnn(
    seen: Tensor, weight: Tensor, bias: Tensor | None, activation: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Return hidden states and what enters the activation, step by step."""
    hidden = seen.new_zeros(len(seen), weight.shape[1])
    states, entered = [], []
    for one in seen.unbind(1):
        gates = one + F.linear(hidden, weight, bias)
        hidden = activation(gates)
        states.append(hidden)
        entered.append(gates)
    return torch.stack(states, 1), torch.stack(entered, 1)


def _secant(secant: Secant, x: Tensor, x0: Tensor) -> Tensor:
    return secant(x.unsqueeze(1), grouped(x0, x)).flatten(0, 1)


class LSTMSequence(Function):
    """An LSTM: the rescale rule for its activations, the bilinear one for its products."""

    @staticmethod
    def forward(
        ctx: Context, seen0: Tensor, seen: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Return the hidden states of the references."""
        states, gates0, memory0 = _lstm(seen0, weight, bias)
        _, gates, memory = _lstm(seen, weight, bias)
        ctx.save_for_backward(gates0, memory0, gates, memory, weight)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Go back through time."""
        gates0, memory0, gates, memory, weight = ctx.saved_tensors
        (i0, f0, g0, o0), (i, f, g, o) = gates0.chunk(4, 2), gates.chunk(4, 2)
        before0, before = (F.pad(part, (0, 0, 1, -1)) for part in (memory0, memory))
        shown = half_way(o0.sigmoid(), o.sigmoid()) * _secant(tanh_secant, memory, memory0)
        lasting = half_way(f0.sigmoid(), f.sigmoid())
        factors = torch.stack(
            [
                half_way(g0.tanh(), g.tanh()) * _secant(sigmoid_secant, i, i0),
                half_way(before0, before) * _secant(sigmoid_secant, f, f0),
                half_way(i0.sigmoid(), i.sigmoid()) * _secant(tanh_secant, g, g0),
                half_way(memory0.tanh(), memory.tanh()) * _secant(sigmoid_secant, o, o0),
            ],
            dim=2,
        )
        changes = torch.empty_like(gates0)
        of_hidden = of_memory = torch.zeros_like(gradient[:, 0])
        for time in reversed(range(gradient.shape[1])):
            of_hidden = of_hidden + gradient[:, time]
            of_memory = of_memory + of_hidden * shown[:, time]
            parts = torch.stack([of_memory, of_memory, of_memory, of_hidden], dim=1)
            changed = (parts * factors[:, time]).flatten(1)
            changes[:, time] = changed
            of_memory = of_memory * lasting[:, time]
            of_hidden = changed @ weight
        return changes, None, None, None


class RNNSequence(Function):
    """A simple recurrent network: the rescale rule for its activation."""

    @staticmethod
    def forward(
        ctx: Context,
        seen0: Tensor,
        seen: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        activation: Callable[[Tensor], Tensor],
        secant: Secant,
    ) -> Tensor:
        """Return the hidden states of the references."""
        states, gates0 = _rnn(seen0, weight, bias, activation)
        gates = _rnn(seen, weight, bias, activation)[1]
        ctx.save_for_backward(gates0, gates, weight)
        ctx.secant = secant
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Go back through time."""
        gates0, gates, weight = ctx.saved_tensors
        factors = _secant(ctx.secant, gates, gates0)
        changes = torch.empty_like(gates0)
        of_hidden = torch.zeros_like(gradient[:, 0])
        for time in reversed(range(gradient.shape[1])):
            changed = (of_hidden + gradient[:, time]) * factors[:, time]
            changes[:, time] = changed
            of_hidden = changed @ weight
        return changes, None, None, None, None, None


def gru_sequence(seen: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the hidden states of a GRU, out of operations that have rules."""
    hidden = seen.new_zeros(len(seen), weight.shape[1])
    states = []
    for one in seen.unbind(1):
        reset_seen, update_seen, new_seen = one.chunk(3, 1)
        reset_held, update_held, new_held = F.linear(hidden, weight, bias).chunk(3, 1)
        reset = torch.sigmoid(reset_seen + reset_held)
        update = torch.sigmoid(update_seen + update_held)
        new = torch.tanh(new_seen + reset * new_held)
        hidden = new + update * (hidden - new)
        states.append(hidden)
    return torch.stack(states, dim=1)


def unrolled(sequence: Callable[..., Tensor], *more: str) -> Callable[..., tuple[Tensor, ...]]:
    """Return torch's function of recurrent layers as one that goes step by step.

    Last states of an LSTM's memory are not computed: they are not a number.
    """

    def recurrent(
        input: Tensor,  # noqa: A002
        begin: Tensor | tuple[Tensor, ...] | list[Tensor],
        weights: list[Tensor],
        *options: float,
    ) -> tuple[Tensor, ...]:
        has_biases, layers, _dropout, train, bidirectional, batch_first = options
        starts = begin if isinstance(begin, list | tuple) else [begin]
        if train or batch_first is not True or any(bool(start.any()) for start in starts):
            raise Refused(
                "A recurrent layer is supported in inference, with batch_first, not packed, and "
                "beginning with zeros."
            )
        each, directions = 4 if has_biases else 2, 2 if bidirectional else 1
        x, last = input, []
        for layer in range(int(layers)):
            outputs = []
            for direction in range(directions):
                number = (layer * directions + direction) * each
                into, within, *biases = weights[number : number + each]
                seen = F.linear(x, into, biases[0] if biases else None)
                seen = seen.flip(1) if direction else seen
                states = sequence(seen, within, biases[1] if biases else None, *more)
                last.append(states[:, -1])
                outputs.append(states.flip(1) if direction else states)
            x = torch.cat(outputs, dim=2)
        hidden = torch.stack(last)
        if len(starts) == 1:
            return x, hidden
        return x, hidden, torch.full_like(hidden, torch.nan)

    return recurrent
