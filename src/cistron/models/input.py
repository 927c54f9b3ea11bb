"""What an encoder hands over → what a network reads, on the device and in the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from cistron.base.encoded import InputShape
from cistron.base.errors import InputError
from cistron.models.families import NetworkSettings
from cistron.models.layers import blank, reversal


class Network(nn.Module):
    """A network with its input: codes become channels here, and padding is blanked.

    `body` is the architecture. Where the shape has a complement (DNA on both strands), logits are
    the mean over the sequence and its reverse complement; in training, where the shape has each
    strand as a row, they are those of the sequences and then those of their reverse complements.
    A body with a single logit z for two classes gives the logits (0, z).

    Parameters
    ----------
    shape : InputShape
        What the encoder makes of a sample.
    settings : NetworkSettings
        Of the architecture.
    outputs : int
        Classes.
    exclusive : bool
        Whether each sample has one class: only then can a single logit tell two apart.

    Raises
    ------
    InputError
        If the architecture cannot read what the encoder makes.
    """

    table: Tensor
    complement: Tensor

    def __init__(
        self, shape: InputShape, settings: NetworkSettings, outputs: int, exclusive: bool = True
    ) -> None:
        super().__init__()
        require_fit(shape, settings)
        self.kind = shape.kind
        self.both_strands = shape.complement is not None
        self.strands_as_rows = shape.strands_as_rows
        self.single_logit = settings.single_logit and outputs == 2 and exclusive
        self.padding = shape.letters  # the code that stands for no letter
        self.embedding: nn.Module | None = None
        self.pooled = shape.pooled
        table = complement = None
        if shape.embedding is not None:
            self.embedding = shape.embedding()
        elif shape.kind == "codes" and shape.table is None:
            self.embedding = nn.Embedding(shape.letters + 1, shape.width, self.padding)
        elif shape.table is not None:
            table = F.pad(torch.tensor(shape.table, dtype=torch.float32), (0, 0, 0, 1))
        if shape.complement is not None:
            complement = torch.tensor([*shape.complement.tolist(), self.padding])
        self.register_buffer("table", table)
        self.register_buffer("complement", complement)
        self.body = settings.build(shape.width, 1 if self.single_logit else outputs)

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        noise: Tensor | None = None,
        turned: Tensor | None = None,
    ) -> Tensor:
        """Return logits.

        Parameters
        ----------
        x : tensor
            Codes, uint8, shape (batch, time); channels, float, shape (batch, time, channels); or
            vectors, float, shape (batch, features).
        lengths : tensor of int64, shape (batch,), optional
            Positions of each sample, at least 1; what lies behind counts for nothing. None for
            vectors.
        noise : tensor of float, shape (batch,), optional
            Standard deviation of Gaussian noise on the channels of each sample. It is added here
            because codes have no room for it: there are channels only inside the network.
        turned : tensor of bool, shape (batch,), optional
            Samples whose other strand is read. Each sample then counts on one strand alone.

        Returns
        -------
        tensor, shape (batch, outputs); (2 * batch, outputs) in training with strands as rows
        """
        if lengths is None:
            return self._logits(x)
        if self.pooled:
            return self._logits(self.channels(x, lengths)[0])
        if turned is not None:
            x = torch.where(turned[:, None], self.reverse_complement(x, lengths), x)
        if turned is not None or not self.both_strands:
            return self._logits(*self.channels(x, lengths, noise))
        both = torch.cat([x, self.reverse_complement(x, lengths)])
        noise = None if noise is None else noise.repeat(2)
        logits = self._logits(*self.channels(both, lengths.repeat(2), noise))
        if self.training and self.strands_as_rows:
            return logits
        return logits.unflatten(0, (2, -1)).mean(dim=0)

    def _logits(self, *inputs: Tensor) -> Tensor:
        logits = self.body(*inputs)
        return F.pad(logits, (1, 0)) if self.single_logit else logits

    def channels(
        self, x: Tensor, lengths: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return what the architecture reads.

        Returns
        -------
        x : tensor of float, shape (batch, time, channels)
            Zero at padding.
        mask : tensor of bool, shape (batch, time)
            True on the first `lengths` positions.

        Where the embedding pools, x has the shape (batch, channels).
        """
        mask = valid(x, lengths)
        if self.kind == "channels":
            channels = blank(x, mask)
        else:
            codes = x.masked_fill(~mask, self.padding).int()
            known = self.embedding
            channels = F.embedding(codes, self.table) if known is None else known(codes)
        if noise is not None:
            channels = channels + blank(torch.randn_like(channels) * noise[:, None, None], mask)
        return channels, mask

    def reverse_complement(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return the codes of the other strand, shape (batch, time), aligned left."""
        mask = valid(x, lengths)
        codes = x.masked_fill(~mask, self.padding).gather(1, reversal(mask))
        return self.complement[codes.long()].to(x.dtype)


def valid(x: Tensor, lengths: Tensor) -> Tensor:
    """Return the mask of the positions within each sample's length, shape (batch, time)."""
    return torch.arange(x.shape[1], device=x.device) < lengths.unsqueeze(1)


def require_fit(shape: InputShape, settings: NetworkSettings) -> None:
    """Check that an architecture can read what an encoder makes.

    Raises
    ------
    InputError
        If it cannot.
    """
    given = shape.gives
    if given != settings.reads:
        words = {"positions": "a sequence of positions", "vector": "one vector a sample"}
        raise InputError(
            f"model.kind: {settings.kind!r} reads {words[settings.reads]}, and the encoder gives "
            f"{words[given]}. Choose another encoder or another model."
        )
    if shape.complement is not None and shape.kind != "codes":
        raise InputError("encoder: only codes of DNA can be read on both strands.")
