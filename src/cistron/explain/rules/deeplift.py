"""DeepLIFT/SHAP: contributions that add up to the difference from references, exactly.

Shrikumar et al. 2017 (arXiv:1704.02685), averaged over references as Lundberg & Lee 2017
(arXiv:1705.07874) do; `rules` has the rules.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from cistron.base.errors import InputError
from cistron.explain.network_method import NetworkMethod
from cistron.explain.rules.integrated_gradients import INTEGRATED_GRADIENTS
from cistron.explain.rules.multipliers import Multipliers
from cistron.explain.rules.operations import Operations, frozen, named

# Numbers that non-linear operations read of the references that are propagated at once: on a CPU
# what stays near its cache, elsewhere what keeps the device busy.
ELEMENTS, ELEMENTS_ON_DEVICE = 1 << 23, 1 << 27


def deeplift(
    body: nn.Module,
    x: Tensor,
    references: Tensor,
    weights: Tensor,
    mask: Tensor | None = None,
) -> Multipliers:
    """Return DeepLIFT multipliers of a network's input.

    Each observed input runs through the network once, however many references it has.

    Parameters
    ----------
    body : Module
        `body(x, mask)` or `body(x)` gives logits, shape (batch, outputs).
    x : tensor, shape (batch, time, channels) or (batch, features)
        What was observed.
    references : tensor, shape (batch, references, …)
        What it is compared with, as long as the observed.
    weights : tensor, shape (batch, outputs)
        The output that is explained is the logits times these, summed: for one class, a one-hot.
    mask : tensor of bool, shape (batch, time), optional
        Positions that are no padding.

    Raises
    ------
    InputError
        If the network does something that no rule is known for; the layer is named.
    """
    with frozen(body), named(body):
        recorded = Operations()
        x = x.detach().requires_grad_()
        with recorded:
            logits = body(x) if mask is None else body(x, mask)
        _require_same(body, x, mask, logits)
        output = (logits.detach() * weights).sum(dim=1)
        read = sum(operand.numel() for operands in recorded.tape for operand in operands)
        most = ELEMENTS if x.device.type == "cpu" else ELEMENTS_ON_DEVICE
        pieces = math.ceil(references.shape[1] * read / most)
        values, differences = [], []
        for some in references.tensor_split(min(max(pieces, 1), references.shape[1]), dim=1):
            found, reached = _replayed(body, some, weights, mask, recorded.tape)
            values.append(found)
            differences.append(output.unsqueeze(1) - reached)
    return Multipliers(torch.cat(values, dim=1), torch.cat(differences, dim=1), output)


def _require_same(body: nn.Module, x: Tensor, mask: Tensor | None, logits: Tensor) -> None:
    """Refuse a network that gives something else when it is followed operation by operation."""
    with torch.no_grad():
        native = body(x) if mask is None else body(x, mask)
    rounding = 1e-4 * max(1.0, float(native.abs().max()))
    if not torch.allclose(logits.detach(), native, rtol=1e-3, atol=rounding):
        raise InputError(
            "The network gives other logits when it is followed operation by operation, so its "
            "attributions would not be exact. Use --method integrated_gradients."
        )


def _replayed(
    body: nn.Module,
    references: Tensor,
    weights: Tensor,
    mask: Tensor | None,
    tape: list[list[Tensor]],
) -> tuple[Tensor, Tensor]:
    """Return multipliers and outputs of references, paired with the tape of the observed."""
    number = references.shape[1]
    x0 = references.flatten(0, 1).detach().requires_grad_()
    with Operations(tape):
        masks = None if mask is None else mask.repeat_interleave(number, dim=0)
        logits = body(x0) if masks is None else body(x0, masks)
    output = (logits * weights.repeat_interleave(number, dim=0)).sum(dim=1)
    (values,) = torch.autograd.grad(output.sum(), x0)
    shape = references.shape[:2]
    return values.unflatten(0, shape), output.detach().unflatten(0, shape)


DEEPLIFT = NetworkMethod(
    "deeplift",
    "DeepLIFT/SHAP: the difference from references, shared among what was read",
    deeplift,
    adds_up=True,
    fall_back=INTEGRATED_GRADIENTS,
)
