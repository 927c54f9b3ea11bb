"""Integrated gradients: the mean gradient on the way from a reference.

Sundararajan, M., Taly, A. & Yan, Q. Axiomatic attribution for deep networks. ICML 2017,
arXiv:1703.01365. The way is straight, and the mean is by Gauss-Legendre quadrature. It is defined
for every differentiable network; the completeness error says how good the quadrature was.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from cistron.explain.network_method import NetworkMethod
from cistron.explain.rules.gradients import gradients
from cistron.explain.rules.multipliers import Multipliers

POSITIONS = 1 << 14  # of references whose gradients are computed at once


def integrated_gradients(
    body: nn.Module,
    x: Tensor,
    references: Tensor,
    weights: Tensor,
    mask: Tensor | None = None,
    steps: int = 32,
) -> Multipliers:
    """Return mean gradients between references and what was observed.

    Parameters
    ----------
    body, x, references, weights, mask
        As of `cistron.explain.rules.deeplift.deeplift`.
    steps : int
        Points on the way from each reference.
    """
    places, shares = np.polynomial.legendre.leggauss(steps)
    chunk = max(1, POSITIONS // x[..., 0].numel())
    values, outputs = [], []
    for some in references.split(chunk, dim=1):
        number = some.shape[1]
        start = some.flatten(0, 1)
        away = x.repeat_interleave(number, dim=0) - start
        weight = weights.repeat_interleave(number, dim=0)
        masks = None if mask is None else mask.repeat_interleave(number, dim=0)
        sums = torch.zeros_like(start)
        for place, share in zip((places + 1) / 2, shares / 2, strict=True):
            sums += share * gradients(body, start + place * away, weight, masks)[0]
        values.append(sums.unflatten(0, some.shape[:2]))
        outputs.append(_output(body, start, weight, masks).unflatten(0, some.shape[:2]))
    output = _output(body, x, weights, mask)
    return Multipliers(torch.cat(values, 1), output.unsqueeze(1) - torch.cat(outputs, 1), output)


def _output(body: nn.Module, x: Tensor, weights: Tensor, mask: Tensor | None) -> Tensor:
    with torch.no_grad():
        logits = body(x) if mask is None else body(x, mask)
    return (logits * weights).sum(dim=1)


INTEGRATED_GRADIENTS = NetworkMethod(
    "integrated_gradients",
    "integrated gradients: the mean gradient on the way from references",
    integrated_gradients,
    adds_up=True,
    takes=("steps",),
)
