"""What training makes small: the loss of each sample, for one target or for two side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cistron.targets.kinds import target_like
from cistron.targets.target import Target
from cistron.targets.truth import Form

UNKNOWN = -1  # the target of a sample whose class is not known


def losses(
    logits: Tensor,
    targets: Tensor,
    of_numbers: str,
    heads: Sequence[Target] = (),
    smoothing: float = 0.0,
) -> Tensor:
    """Return the loss of each sample, or of each class or head of each sample.

    Parameters
    ----------
    logits : tensor of float, shape (n, outputs)
    targets : tensor
        Classes, int64, shape (n,); of several heads one column each, shape (n, heads), -1 where
        not known. Classes that each sample has, float, shape (n, classes). Numbers, float, (n,).
    of_numbers : {"huber", "mse"}
    heads : sequence of Target, optional
        Where there are several, the outputs of one stand behind those of another. Without any the
        targets say what they are.
    smoothing : float
        Share of the truth that is spread evenly over the classes, or yes and no of each class
        (label smoothing: Szegedy et al. 2016, https://doi.org/10.1109/CVPR.2016.308).

    Returns
    -------
    tensor, of the shape of the targets
        Zero where the class is not known.
    """
    if len(heads) > 1:
        parts = logits.split([head.outputs for head in heads], dim=1)
        columns = [
            _of_one_class(part, targets[:, number], of_numbers, smoothing)
            for number, part in enumerate(parts)
        ]
        return torch.stack(columns, dim=1)
    target = heads[0] if heads else target_like(targets.cpu())
    return LOSSES[target.form](logits, targets, of_numbers, smoothing)


def _of_one_class(logits: Tensor, targets: Tensor, _: str, smoothing: float) -> Tensor:
    return F.cross_entropy(
        logits, targets, reduction="none", ignore_index=UNKNOWN, label_smoothing=smoothing
    )


def _of_each_class(logits: Tensor, targets: Tensor, _: str, smoothing: float) -> Tensor:
    softened = targets * (1 - smoothing) + smoothing / 2
    return F.binary_cross_entropy_with_logits(logits, softened, reduction="none")


def _of_number(logits: Tensor, targets: Tensor, of_numbers: str, _: float) -> Tensor:
    loss = F.huber_loss if of_numbers == "huber" else F.mse_loss
    return loss(logits[:, 0], targets, reduction="none")


LOSSES: dict[Form, Callable[[Tensor, Tensor, str, float], Tensor]] = {
    "softmax": _of_one_class,
    "sigmoid": _of_each_class,
    "number": _of_number,
}
"""How a model answers → the loss of each answer."""


def shared(weights: Tensor) -> Tensor:
    """Return the weights of several heads, scaled so that each head counts the same.

    The weighted mean of all losses is then the mean over the heads of each one's weighted mean.
    A head of which these samples know nothing does not count, and the sum is that of the first.

    Parameters
    ----------
    weights : tensor of float, shape (n, heads)
        0 where the class is not known.
    """
    sums = weights.sum(dim=0)
    known = sums > 0
    return weights * (sums[0] / sums.where(known, torch.ones_like(sums)) / known.sum())
