"""Attention over genes: each gene has an embedding, and a cell is what its genes add up to."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cistron.models.families import Dropout, NetworkSettings, Reads


class GeneAttentionSettings(NetworkSettings):
    """Settings of `gene_attention`.

    A gene's expression becomes a token through an embedding of that gene; learned queries attend
    to the tokens, as Set Transformer pools a set (Lee et al. 2019,
    https://doi.org/10.48550/arXiv.1810.00825). The order of the genes means nothing to it. That
    genes of a cell can be read by attention, and what it attends to looked at, is shown by TOSICA
    (Chen et al. 2023, https://doi.org/10.1038/s41467-023-35923-4).
    """

    reads: ClassVar[Reads] = "vector"

    kind: Literal["gene_attention"] = "gene_attention"
    width: int = Field(32, ge=1, description="numbers of a gene's embedding")
    queries: int = Field(4, ge=1, description="learned queries, each with weights of its own")
    hidden: int = Field(128, ge=1, description="units of the layer behind them")
    dropout: Dropout = 0.2

    def build(self, channels: int, outputs: int) -> nn.Module:
        """Return the network."""
        return GeneAttention(self, channels, outputs)


class GeneAttention(nn.Module):
    """Embedding of each gene x its expression → attention by learned queries → perceptron.

    A gene that is not seen is a token too: that it is silent may be what tells.
    """

    def __init__(self, settings: GeneAttentionSettings, channels: int, outputs: int) -> None:
        super().__init__()
        s = settings
        self.slope = nn.Parameter(torch.randn(channels, s.width))
        self.level = nn.Parameter(torch.randn(channels, s.width) * 0.1)
        self.queries = nn.Linear(s.width, s.queries, bias=False)
        self.norm = nn.LayerNorm(s.queries * s.width)
        self.head = nn.Sequential(
            nn.Dropout(s.dropout),
            nn.Linear(s.queries * s.width, s.hidden),
            nn.ReLU(),
            nn.Dropout(s.dropout),
            nn.Linear(s.hidden, outputs),
        )

    def attend(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens, shape (batch, genes, width), and weights, (batch, genes, queries).

        The weights of each query sum to 1 over the genes.
        """
        tokens = torch.addcmul(self.level, x.unsqueeze(2), self.slope).tanh()
        return tokens, self.queries(tokens).softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (batch, outputs), of x, shape (batch, features)."""
        tokens, weights = self.attend(x)
        pooled = weights.transpose(1, 2) @ tokens
        return self.head(self.norm(pooled.flatten(1)))
