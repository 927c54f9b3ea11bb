"""Plain gradients of a network's input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cistron.explain.rules.multipliers import Multipliers
from cistron.explain.rules.operations import frozen


def gradients(
    body: nn.Module, x: Tensor, weights: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the gradient of the weighted logits by x, of its shape, and these, shape (batch,)."""
    with frozen(body):
        x = x.detach().requires_grad_()
        logits = body(x) if mask is None else body(x, mask)
        output = (logits * weights).sum(dim=1)
        (slopes,) = torch.autograd.grad(output.sum(), x)
    return slopes, output.detach()


def gradient_multipliers(
    body: nn.Module,
    x: Tensor,
    references: Tensor,  # noqa: ARG001 (as `cistron.explain.rules.deeplift.deeplift`)
    weights: Tensor,
    mask: Tensor | None = None,
) -> Multipliers:
    """Return gradients as multipliers; they add up to nothing, so the difference is no number."""
    values, output = gradients(body, x, weights, mask)
    return Multipliers(values.unsqueeze(1), torch.full_like(output, torch.nan)[:, None], output)
