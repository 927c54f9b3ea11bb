"""ESM-2's forward pass without padding: the tokens of many proteins end to end.

The weights are those of transformers' `EsmModel`, and so is the arithmetic: rotary positions start
at 0 in every protein, and a protein attends to itself alone. Linear layers see one matrix, with
query, key and value in one product. On a processor, where padding and masks cost what they hold,
this is what makes the difference.

Lin, Z. et al. Evolutionary-scale prediction of atomic-level protein structure with a language
model. Science 379, 1123-1130 (2023). https://doi.org/10.1126/science.ade2574
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch.nn import functional

Linear = Callable[[torch.Tensor], torch.Tensor]
MakeLinear = Callable[[torch.Tensor, torch.Tensor], Linear]

TRAINED_UNMASKED = 1 - 0.15 * 0.8
"""Share of tokens that were not masked in ESM-2's training. Its embeddings are scaled by it, over
the share that is not masked in the sequence, which here is always 1."""


def can_pack(config: Any) -> bool:
    """Whether a configuration of transformers is an ESM-2."""
    return bool(
        config.model_type == "esm"
        and config.position_embedding_type == "rotary"
        and not config.is_decoder
        and not config.is_folding_model
    )


def plain_linear(dtype: torch.dtype) -> MakeLinear:
    """Return what makes linear layers that compute in the given type, whatever they are given."""

    def make(weight: torch.Tensor, bias: torch.Tensor) -> Linear:
        weight, bias = weight.to(dtype), bias.to(dtype)
        return lambda x: functional.linear(x.to(dtype), weight, bias)

    return make


@dataclass(frozen=True, eq=False)
class _Layer:
    attention_norm: torch.nn.LayerNorm
    query_key_value: Linear
    attention_out: Linear
    norm: torch.nn.LayerNorm
    up: Linear
    down: Linear


class PackedEsm:
    """Hidden states of proteins by an ESM-2.

    Parameters
    ----------
    model : transformers.EsmModel
        In evaluation mode.
    layer : int
        Which hidden state, 0 (the embedding) to the number of layers (the last, normalised).
    make_linear : callable
        From weight and bias, what computes a linear layer; in float32 unless it says otherwise.
    """

    def __init__(self, model: Any, layer: int, make_linear: MakeLinear | None = None) -> None:
        config = model.config
        make = make_linear or plain_linear(torch.float32)
        self.heads: int = config.num_attention_heads
        self.embedding: torch.Tensor = model.embeddings.word_embeddings.weight.detach()
        self.scale = TRAINED_UNMASKED if config.token_dropout else 1.0
        self.embedding_norm = model.embeddings.layer_norm
        self.frequencies: torch.Tensor = model.rotary_embeddings.inv_freq.detach().float()
        self.layers = [_read_layer(block, make) for block in model.encoder.layer[:layer]]
        last = layer == config.num_hidden_layers
        self.final_norm = model.encoder.emb_layer_norm_after if last else None

    def __call__(self, tokens: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Return hidden states, shape (tokens, width), float32.

        Parameters
        ----------
        tokens : tensor of int64, shape (tokens,)
            Of all proteins, end to end; none is masked or padding.
        lengths : sequence of int
            Tokens of each protein.
        """
        hidden = self.embedding[tokens] * self.scale
        if self.embedding_norm is not None:
            hidden = self.embedding_norm(hidden)
        bounds = list(pairwise(accumulate(lengths, initial=0)))
        rotation = self._rotation(lengths)
        for layer in self.layers:
            mixed = layer.query_key_value(layer.attention_norm(hidden))
            hidden = hidden + layer.attention_out(self._attention(mixed, bounds, rotation))
            inner = functional.gelu(layer.up(layer.norm(hidden)))
            hidden = hidden + layer.down(inner)
        return self.final_norm(hidden) if self.final_norm is not None else hidden

    def _rotation(self, lengths: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return cosine and sine of every token's angles, shape (tokens, 1, 1, head width / 2)."""
        device = self.frequencies.device
        angles = torch.arange(max(lengths), device=device)[:, None] * self.frequencies
        places = torch.cat([torch.arange(length, device=device) for length in lengths])
        angles = angles[places][:, None, None]
        return angles.cos(), angles.sin()

    def _attention(
        self,
        mixed: torch.Tensor,
        bounds: list[tuple[int, int]],
        rotation: tuple[torch.Tensor, torch.Tensor],
    ) -> torch.Tensor:
        """Let the residues of each protein attend to each other, shape (tokens, width)."""
        cosine, sine = rotation
        mixed = mixed.view(len(mixed), 3, self.heads, -1)
        first, second = mixed[:, :2].float().chunk(2, dim=-1)
        turned = torch.cat(
            [first * cosine - second * sine, second * cosine + first * sine], dim=-1
        ).to(mixed.dtype)
        out = torch.empty_like(mixed[:, 0])
        for start, end in bounds:
            query, key = turned[start:end].permute(1, 2, 0, 3)[:, None]
            value = mixed[start:end, 2].transpose(0, 1)[None]
            attended = functional.scaled_dot_product_attention(query, key, value)
            out[start:end] = attended[0].transpose(0, 1)
        return out.flatten(1)


def _read_layer(block: Any, make: MakeLinear) -> _Layer:
    def linear(*modules: torch.nn.Linear) -> Linear:
        weight = torch.cat([module.weight.detach() for module in modules])
        return make(weight, torch.cat([module.bias.detach() for module in modules]))

    attention = block.attention
    return _Layer(
        attention_norm=attention.LayerNorm,
        query_key_value=linear(attention.self.query, attention.self.key, attention.self.value),
        attention_out=linear(attention.output.dense),
        norm=block.LayerNorm,
        up=linear(block.intermediate.dense),
        down=linear(block.output.dense),
    )
