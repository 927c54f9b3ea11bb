"""The forward pass of any encoder of transformers: proteins side by side, padded and masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from cistron.training.device import autocast


@dataclass(frozen=True, eq=False)
class PaddedForward:
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
    """

    model: Any
    layer: int | None
    padding: int
    precision: str

    def __call__(self, tokens: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Return hidden states, shape (tokens, width), float32.

        Parameters
        ----------
        tokens : tensor of int64, shape (tokens,)
            Of all proteins, end to end.
        lengths : sequence of int
            Tokens of each protein.
        """
        rows = pad_sequence(
            list(tokens.split(list(lengths))), batch_first=True, padding_value=self.padding
        )
        sizes = torch.tensor(lengths, device=tokens.device)
        inside = torch.arange(rows.shape[1], device=tokens.device) < sizes[:, None]
        with autocast(tokens.device, self.precision):
            found = self.model(
                input_ids=rows,
                attention_mask=inside.long(),
                output_hidden_states=self.layer is not None,
            )
        hidden = found.last_hidden_state if self.layer is None else found.hidden_states[self.layer]
        return hidden[inside].float()
