"""Plain gradients of a network's input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cistron.explain.rules.operations import frozen


def gradients(
    body: nn.Module, x: Tensor, weights: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the gradient of the weighted logits by x, of its shape, and these, shape (batch,)."""
    with frozen(body):
        x = x.detach().requires_grad_()
        logits = body(x) if mask is None else body(x, mask)
        output = (logits * weights).sum(dim=1)
        (found,) = torch.autograd.grad(output.sum(), x)
    return found, output.detach()
