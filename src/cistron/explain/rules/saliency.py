"""Saliency: how strongly the logit reacts to each position, without a sign.

Simonyan, K., Vedaldi, A. & Zisserman, A. Deep inside convolutional networks: visualising image
classification models and saliency maps. 2013, arXiv:1312.6034.
"""

from __future__ import annotations

from torch import Tensor, nn

from cistron.explain.network_method import NetworkMethod
from cistron.explain.rules.gradients import gradient_multipliers
from cistron.explain.rules.multipliers import Multipliers


def saliency(
    body: nn.Module,
    x: Tensor,
    references: Tensor,
    weights: Tensor,
    mask: Tensor | None = None,
) -> Multipliers:
    """Return absolute gradients. See `gradient_multipliers`."""
    slopes = gradient_multipliers(body, x, references, weights, mask)
    return slopes._replace(values=slopes.values.abs())


SALIENCY = NetworkMethod(
    "saliency",
    "saliency: how strongly the output reacts, without a sign",
    saliency,
    signed=False,
    why_not_averaged="method: saliency is the size of a gradient, and sizes of the members' "
    "gradients do not add up to that of an ensemble. Use deeplift or gradient_times_input.",
)
