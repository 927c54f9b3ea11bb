"""Find the layer where multipliers do not add up."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from cistron.explain.inputs import Inputs
from cistron.explain.rules.operations import Operations, frozen

Passes = dict[str, list[tuple[Tensor, Tensor]]]
"""Inputs and outputs of each layer, each time that it ran."""


def diagnose(body: nn.Module, inputs: Inputs, weights: Tensor) -> str:
    """Return a sentence that names the layer at fault.

    What a layer's inputs add up to, through that layer, must be what its outputs add up to: the
    layer where it is not is at fault.

    Parameters
    ----------
    body : Module
    inputs : Inputs
        Of which the first sample and its first reference are looked at.
    weights : tensor, shape (batch, outputs)
    """
    defects = layer_defects(body, inputs, weights)
    if not defects:
        return "No single layer is at fault."
    name = max(defects, key=lambda layer: defects[layer])
    return f"The layer at fault is {name}, which loses {defects[name]:.1e} of the output."


def layer_defects(body: nn.Module, inputs: Inputs, weights: Tensor) -> dict[str, float]:
    """Return for each innermost layer how far its inputs are from adding up to its outputs."""
    observed: Passes = {}
    paired: Passes = {}

    def note(into: Passes, name: str, _: nn.Module, args: tuple[Tensor, ...], y: object) -> None:
        y = y[0] if isinstance(y, tuple) else y
        if isinstance(y, Tensor) and y.requires_grad and args[0].requires_grad:
            into.setdefault(name, []).append((args[0], y))

    def run(into: Passes, x: Tensor, mode: Operations) -> Tensor:
        handles = [
            module.register_forward_hook(partial(note, into, f"{name} ({type(module).__name__})"))
            for name, module in body.named_modules()
            if name and not any(module.children())
        ]
        mask = None if inputs.mask is None else inputs.mask[:1]
        try:
            with mode:
                return body(x) if mask is None else body(x, mask)
        finally:
            for handle in handles:
                handle.remove()

    with frozen(body):
        recorded = Operations()
        run(observed, inputs.x[:1].detach().requires_grad_(), recorded)
        x0 = inputs.references[:1, 0].detach().requires_grad_()
        logits = run(paired, x0, Operations(recorded.tape))
        noted = [
            (name, *pair, *seen)
            for name, pairs in paired.items()
            for pair, seen in zip(pairs, observed[name], strict=True)
        ]
        output = (logits * weights[:1]).sum()
        outputs = [y0 for _, _, y0, _, _ in noted]
        multipliers = torch.autograd.grad(output, outputs, retain_graph=True, allow_unused=True)
        defects = dict.fromkeys(paired, 0.0)
        for (name, x0, y0, x, y), after in zip(noted, multipliers, strict=True):
            if after is not None:
                (before,) = torch.autograd.grad(y0, x0, after, retain_graph=True)
                defects[name] += abs(_total(after, y - y0) - _total(before, x - x0))
    return defects


def _total(multipliers: Tensor, difference: Tensor) -> float:
    return float((multipliers * difference.nan_to_num(0)).detach().sum())
