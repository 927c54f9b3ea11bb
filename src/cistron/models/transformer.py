"""A small transformer encoder (Vaswani et al. 2017, arXiv:1706.03762).

Normalisation comes before each layer (Xiong et al. 2020, arXiv:2002.04745), and positions enter
as rotations of queries and keys, so that attention depends on distances alone
(Su et al. 2024, doi:10.1016/j.neucom.2023.127063).
"""

from __future__ import annotations

from typing import Literal, Self

import torch
import torch.nn.functional as F  # noqa: N812
from pydantic import Field, model_validator
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings
from cistron.models.layers import Pooling, PoolingKind, blank


class TransformerSettings(NetworkSettings):
    """Settings of the `transformer`."""

    kind: Literal["transformer"] = "transformer"
    hidden: int = Field(64, ge=1, description="channels of each position")
    layers: int = Field(2, ge=1, le=24, description="transformer layers, one upon the other")
    heads: int = Field(
        4,
        ge=1,
        description="attention heads of each layer; the number must divide `hidden` into even "
        "parts",
    )
    pooling: PoolingKind = Field("attention", description="how positions become one vector")
    dropout: Dropout = 0.1

    @model_validator(mode="after")
    def _even_heads(self) -> Self:
        if self.hidden % (2 * self.heads):
            raise ValueError(
                f"hidden ({self.hidden}) must be a multiple of 2 x heads ({2 * self.heads})"
            )
        return self

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return Transformer(self, channels, outputs)


class SelfAttention(nn.Module):
    """Every valid position attends to every valid position."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.queries_keys_values = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor, mask: Tensor, rotation: Tensor) -> Tensor:
        """Return shape (batch, time, hidden)."""
        split = self.queries_keys_values(x).unflatten(2, (3, self.heads, -1))
        queries, keys, values = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, time, width)
        # Dropout of attention weights would cost three times the time: PyTorch's fused kernel for
        # the CPU has none.
        y = F.scaled_dot_product_attention(
            rotate(queries, rotation),
            rotate(keys, rotation),
            values,
            attn_mask=mask[:, None, None, :],
        )
        return self.out(y.transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward network, each added to what it read."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(hidden)
        self.attention = SelfAttention(hidden, heads)
        self.feedforward_norm = nn.LayerNorm(hidden)
        self.feedforward = nn.Sequential(
            nn.Linear(hidden, 4 * hidden), nn.GELU(), nn.Linear(4 * hidden, hidden)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, rotation: Tensor) -> Tensor:
        """Return shape (batch, time, hidden)."""
        x = x + self.dropout(self.attention(self.attention_norm(x), mask, rotation))
        return x + self.dropout(self.feedforward(self.feedforward_norm(x)))


class Transformer(nn.Module):
    """Linear → encoder layers → layer norm → pooling → dropout → linear."""

    def __init__(self, settings: TransformerSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.width = s.hidden // s.heads
        self.input = nn.Linear(channels, s.hidden)
        self.layers = nn.ModuleList(
            EncoderLayer(s.hidden, s.heads, s.dropout) for _ in range(s.layers)
        )
        self.norm = nn.LayerNorm(s.hidden)
        self.pooling = Pooling(s.pooling, s.hidden)
        self.head = nn.Sequential(nn.Dropout(s.dropout), nn.Linear(self.pooling.width, outputs))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, time, channels)."""
        x = self.input(blank(x, mask))
        rotation = angles(x.shape[1], self.width, x.device)
        for layer in self.layers:
            x = layer(x, mask, rotation)
        return self.head(self.pooling(self.norm(x), mask))


def angles(time: int, width: int, device: torch.device) -> Tensor:
    """Return cosine and sine of each position's angles, shape (2, time, width / 2)."""
    speeds = 10_000 ** (-torch.arange(0, width, 2, device=device) / width)
    turned = torch.arange(time, device=device).unsqueeze(1) * speeds
    return torch.stack([turned.cos(), turned.sin()])


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Turn each pair of channels of x, shape (…, time, width), by its position's angle."""
    cosine, sine = rotation.to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)
