"""What each method that looks into a network returns."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Multipliers(NamedTuple):
    """What a difference at each input counts in the output.

    values : tensor, shape (batch, references, …), the shape of the references
    difference : tensor, shape (batch, references)
        Output of the observed inputs less that of each reference.
    output : tensor, shape (batch,)
        Of the observed inputs.
    """

    values: Tensor
    difference: Tensor
    output: Tensor
