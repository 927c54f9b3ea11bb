"""Saliency: how strongly the logit reacts to each position, without a sign.

Simonyan, K., Vedaldi, A. & Zisserman, A. Deep inside convolutional networks: visualising image
classification models and saliency maps. 2013, arXiv:1312.6034.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cistron.explain.rules.deeplift import Multipliers
from cistron.explain.rules.gradients import gradients


def saliency(
    body: nn.Module,
    x: Tensor,
    references: Tensor,  # noqa: ARG001 (as the other methods)
    weights: Tensor,
    mask: Tensor | None = None,
) -> Multipliers:
    """Return absolute gradients; the difference is not a number. See `deeplift`."""
    values, output = gradients(body, x, weights, mask)
    nothing = torch.full_like(output, torch.nan)[:, None]
    return Multipliers(values.abs().unsqueeze(1), nothing, output)
