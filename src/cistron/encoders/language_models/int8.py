"""Linear layers in 8-bit integers, and how far the embeddings drift from those in float32.

Weights have one scale for each output, activations one for each residue, found as they come
(dynamic, symmetric quantisation). A scale for each residue, where a scale for the whole batch is
the rule, keeps a protein's embedding free of what stands beside it. Everything between linear
layers stays in float32.

Dettmers, T. et al. LLM.int8(): 8-bit matrix multiplication for transformers at scale. NeurIPS
2022. https://doi.org/10.48550/arXiv.2208.07339
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.encoders.language_models.packed_esm import Linear

COMPARED = 16  # proteins of which the drift is measured
ROWS = 256  # residues at once: the integers of a layer stay in a core's cache


def quantise(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return int8 rows and what each is to be multiplied with, shape (rows, 1)."""
    scale = x.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12) / 127
    return (x / scale).round_().to(torch.int8), scale


def int8_linear(weight: torch.Tensor, bias: torch.Tensor) -> Linear:
    """Return a linear layer whose product is one of integers, summed in int32."""
    numbers, scale = quantise(weight)
    numbers, scale = numbers.t().contiguous(), scale.t().contiguous()

    def linear(x: torch.Tensor) -> torch.Tensor:
        out = x.new_empty(len(x), len(bias))
        for rows, part in zip(x.split(ROWS), out.split(ROWS), strict=True):
            codes, row_scale = quantise(rows)
            product = torch._int_mm(codes, numbers).float().mul_(row_scale)
            torch.addcmul(bias, product, scale, out=part)
        return out

    return linear


def has_int8() -> bool:
    """Whether the processor multiplies 8-bit integers; without it fp32 is the faster one."""
    return bool(torch.cpu._is_vnni_supported())


@dataclass(frozen=True)
class Drift:
    """How far pooled embeddings are from those in float32.

    Parameters
    ----------
    proteins : int
        How many were compared.
    relative_error : float
        Norm of the difference over the norm in float32, the mean over proteins.
    cosine : float
        Of the angle between the two, the lowest of all proteins.
    """

    proteins: int
    relative_error: float
    cosine: float

    def __str__(self) -> str:
        """Say it in a sentence."""
        return (
            f"Embeddings of the first {self.proteins:,} proteins differ from fp32 by "
            f"{self.relative_error:.2%} on average; the lowest cosine is {self.cosine:.5f}."
        )


def compare(approximate: NDArray[np.float32], exact: NDArray[np.float32]) -> Drift:
    """Return the drift of vectors, both of shape (proteins, width)."""
    size = np.linalg.norm(exact, axis=1)
    error = np.linalg.norm(approximate - exact, axis=1) / size
    cosine = (approximate * exact).sum(axis=1) / (size * np.linalg.norm(approximate, axis=1))
    return Drift(len(exact), float(error.mean()), float(cosine.min()))
