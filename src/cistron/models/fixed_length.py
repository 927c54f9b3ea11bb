"""Networks that read a fixed number of positions: what they share.

A shorter sample is filled up with empty positions; a longer one is refused, so that nothing is cut
off unseen: cropping is the encoder's, which says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from cistron.base.errors import InputError
from cistron.models.families import ModelSettings, NetworkSettings
from cistron.models.layers import blank


class FixedLengthSettings(NetworkSettings):
    """Settings of a network that reads `length` positions."""

    if TYPE_CHECKING:  # each network has the key itself, with its usual value
        length: int

    @property
    def most_positions(self) -> int:
        """No sample may have more."""
        return self.length


class Positions(Protocol):
    """Settings of an encoder, as far as they say how many positions it hands over."""

    @property
    def most_positions(self) -> int | None:
        """Most positions of a sample; None without a bound."""


def require_length(encoder: Positions, model: ModelSettings, where: str = "") -> None:
    """Refuse an encoder that may hand over more positions than a network can read.

    Parameters
    ----------
    encoder : EncoderSettings
    model : ModelSettings
    where : str
        What the message begins with: the experiment file.

    Raises
    ------
    InputError
        If the encoder's bound is above that of the model, or absent.
    """
    length, given = model.most_positions, encoder.most_positions
    if length is None or (given is not None and given <= length):
        return
    longest = "has no bound" if given is None else f"is {given:,}"
    raise InputError(
        f"{where}encoder.max_length {longest}, and the network {model.kind!r} reads {length:,} "
        f"positions (model.length). Set encoder.max_length to {length} or less, or model.length "
        "to what the encoder gives."
    )


def fill_up(x: Tensor, mask: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Return x and its mask with exactly `length` positions.

    Raises
    ------
    InputError
        If a sample has more.
    """
    missing = length - x.shape[1]
    if missing < 0 and bool(mask[:, length:].any()):
        raise InputError(
            f"A sample has {int(mask.sum(dim=1).max()):,} positions, and this network reads "
            f"{length:,}. Crop it: encoder.max_length."
        )
    return F.pad(x, (0, 0, 0, missing)), F.pad(mask, (0, missing))


def read_empty(x: Tensor, mask: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Return x with exactly `length` positions, all of which count; zeros behind each sample.

    Raises
    ------
    InputError
        If a sample has more.
    """
    x, mask = fill_up(blank(x, mask), mask, length)
    return x, torch.ones_like(mask)
