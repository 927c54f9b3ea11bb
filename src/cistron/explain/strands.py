"""Attributions of one strand of a batch, and the mean of both strands."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cistron.models.layers import gather, reversal


@dataclass(frozen=True, eq=False)
class Part:
    """Attributions of one batch, padded; of one strand, or the mean of both.

    `strands` are the contributions that each strand's reading gives, (batch, time, 2): along the
    first, and along the other written along the first. None of one strand alone.
    """

    contributions: Tensor
    hypothetical: Tensor | None
    output: Tensor
    reference_output: Tensor
    error: Tensor
    strands: Tensor | None = None

    def put(self, rows: NDArray[np.int64], better: Part) -> None:
        """Write what was found anew of some samples over what was found before."""
        for name in (field.name for field in fields(self)):
            mine = getattr(self, name)
            if mine is not None:
                mine[rows] = getattr(better, name).to(mine)


def averaged(parts: list[Part], mask: Tensor) -> Part:
    """Return the mean of both strands, written along the first."""
    onward, other = parts
    index = reversal(mask)

    def mean(name: str) -> Tensor:
        return (getattr(onward, name) + getattr(other, name)) / 2

    turned = other.contributions.gather(1, index) * mask
    hypothetical = None
    if onward.hypothetical is not None and other.hypothetical is not None:
        # The letters A, C, G, T backwards are their complements.
        back = gather(other.hypothetical, index).flip(2) * mask[..., None]
        hypothetical = (onward.hypothetical + back) / 2
    output, reference_output = mean("output"), mean("reference_output")
    # Errors are relative to the difference of each strand; the worse of the two is told.
    error = torch.maximum(onward.error, other.error)
    strands = torch.stack([onward.contributions, turned], dim=2)
    return Part(strands.mean(2), hypothetical, output, reference_output, error, strands)
