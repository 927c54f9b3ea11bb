"""The forward pass of any encoder of transformers, as transformers runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence

from cistron.base.device import autocast


@dataclass(frozen=True, eq=False)
class PlainForward:
    """Hidden states of proteins by a model of transformers.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        In evaluation mode, on its device.
    layer : int or None
        Which of its hidden states; None is the last, with all that the model does to it.
    padding : int
        Token that fills up the batch.
    precision : {"fp32", "bf16"}
    together : bool
        Proteins side by side, padded and masked, as a GPU needs it; or one after another, which
        a processor does no slower, and which leaves each free of the others to the last bit.
    """

    model: torch.nn.Module
    layer: int | None
    padding: int
    precision: str
    together: bool

    def __call__(self, tokens: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Return hidden states, shape (tokens, width), float32.

        Parameters
        ----------
        tokens : tensor of int64, shape (tokens,)
            Of all proteins, end to end.
        lengths : sequence of int
            Tokens of each protein.
        """
        proteins = list(tokens.split(list(lengths)))
        if not self.together:
            return torch.cat(
                [self._hidden(row[None], torch.ones_like(row[None]))[0] for row in proteins]
            )
        rows = pad_sequence(proteins, batch_first=True, padding_value=self.padding)
        sizes = torch.tensor(lengths, device=tokens.device)
        inside = torch.arange(rows.shape[1], device=tokens.device) < sizes[:, None]
        return self._hidden(rows, inside.long())[inside]

    def _hidden(self, rows: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        every = self.layer is not None
        with autocast(rows.device, self.precision):
            output = self.model(input_ids=rows, attention_mask=mask, output_hidden_states=every)
        hidden = (
            output.last_hidden_state if self.layer is None else output.hidden_states[self.layer]
        )
        return hidden.float()
