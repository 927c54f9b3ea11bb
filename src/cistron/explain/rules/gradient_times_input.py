"""Gradient times input: the first-order share of each input in the logit.

Shrikumar, A., Greenside, P., Shcherbina, A. & Kundaje, A. Not just a black box: learning important
features through propagating activation differences. 2016, arXiv:1605.01713.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cistron.explain.rules.deeplift import Multipliers
from cistron.explain.rules.gradients import gradients


def gradient_times_input(
    body: nn.Module,
    x: Tensor,
    references: Tensor,  # noqa: ARG001 (as the other methods)
    weights: Tensor,
    mask: Tensor | None = None,
) -> Multipliers:
    """Return gradients as the multipliers of an empty reference.

    Nothing adds up, so that the difference is not a number. For the parameters see `deeplift`.
    """
    values, output = gradients(body, x, weights, mask)
    return Multipliers(values.unsqueeze(1), torch.full_like(output, torch.nan)[:, None], output)
