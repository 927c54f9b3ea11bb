"""What training makes small: the loss of each sample, for one target or for two side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cistron.targets.heads import Head

UNKNOWN = -1  # the target of a sample whose class is not known


def losses(logits: Tensor, targets: Tensor, of_numbers: str, heads: Sequence[Head] = ()) -> Tensor:
    """Return the loss of each sample, or of each class or head of each sample.

    Parameters
    ----------
    logits : tensor of float, shape (n, outputs)
    targets : tensor
        Classes, int64, shape (n,); of several heads one column each, shape (n, heads), -1 where
        not known. Classes that each sample has, float, shape (n, classes). Numbers, float, (n,).
    of_numbers : {"huber", "mse"}
    heads : sequence of Head, optional
        Where there are several: the outputs of one stand behind those of another.

    Returns
    -------
    tensor, of the shape of the targets
        Zero where the class is not known.
    """
    if heads:
        parts = logits.split([head.outputs for head in heads], dim=1)
        columns = [
            F.cross_entropy(part, targets[:, number], reduction="none", ignore_index=UNKNOWN)
            for number, part in enumerate(parts)
        ]
        return torch.stack(columns, dim=1)
    if targets.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    if targets.is_floating_point():
        loss = F.huber_loss if of_numbers == "huber" else F.mse_loss
        return loss(logits[:, 0], targets, reduction="none")
    return F.cross_entropy(logits, targets, reduction="none")


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
