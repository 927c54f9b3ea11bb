"""L2 penalties on the kernels of single layers, which training adds to the loss as Keras does."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def penalise(layer: nn.Module, kernel: str, strength: float) -> None:
    """Let strength x the sum of squares of a parameter of the layer be added to the loss.

    Parameters
    ----------
    layer : Module
    kernel : str
        Name of the parameter in the layer.
    strength : float
        0 or more.
    """
    layer.penalised = (kernel, strength)  # type: ignore[assignment]


def penalty(network: nn.Module) -> Tensor:
    """Return the sum of the penalties of all layers, shape (); 0 of a network without any."""
    total = torch.zeros((), device=next(network.parameters()).device)
    for layer in network.modules():
        kernel, strength = getattr(layer, "penalised", ("", 0.0))
        if strength:
            total = total + strength * layer.get_parameter(kernel).square().sum()
    return total
