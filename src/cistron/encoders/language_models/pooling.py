"""From the residues of windows to the embedding of a protein."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

Pooling = Literal["mean", "max", "cls", "residues"]


def pool_window(
    hidden: torch.Tensor, kept: slice, cls: int | None, pooling: Pooling
) -> torch.Tensor:
    """Return what one window contributes to its protein's embedding.

    Parameters
    ----------
    hidden : tensor, shape (tokens, width)
        Hidden states of one window, special tokens included.
    kept : slice
        Which of them are the residues that this window stands for; never empty.
    cls : int or None
        Place of the token for the whole protein, where there is one.
    pooling : {"mean", "max", "cls", "residues"}

    Returns
    -------
    tensor, shape (width,) or (kept residues, width)
        Sum of the residues (mean); their maximum; the window's CLS token times their number; or
        themselves.
    """
    residues = hidden[kept]
    if pooling == "mean":
        return residues.sum(dim=0)
    if pooling == "max":
        return residues.amax(dim=0)
    if pooling == "residues":
        return residues
    if cls is None:
        raise ValueError("a model without a CLS token has no cls pooling")
    return hidden[cls] * len(residues)


def merge_windows(
    parts: Sequence[NDArray[np.float32]], length: int, pooling: Pooling
) -> NDArray[np.float32]:
    """Return a protein's embedding from what its windows contribute, in their order.

    The mean and the maximum are over all residues, each once; the CLS tokens of windows are
    averaged, each weighted by the residues it stands for.
    """
    if pooling == "residues":
        return np.concatenate(parts)
    if pooling == "max":
        return np.asarray(np.max(parts, axis=0))
    return np.asarray(np.sum(parts, axis=0) / np.float32(length))
