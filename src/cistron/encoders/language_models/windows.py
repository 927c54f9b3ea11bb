"""Proteins longer than a model reads: overlapping windows in which every residue counts once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Windows:
    """Stretches of proteins, each read by the model at once.

    Coordinates are residues of the protein, 0-based and half-open. The windows of a protein
    follow each other, and what is kept of them is the protein, each residue once.

    Parameters
    ----------
    rows : ndarray of int64, shape (windows,)
        Which protein; rising.
    starts, ends : ndarray of int64, shape (windows,)
        What the model reads.
    kept_from, kept_to : ndarray of int64, shape (windows,)
        What is taken of it.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    kept_from: NDArray[np.int64]
    kept_to: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Residues that the model reads, shape (windows,)."""
        return self.ends - self.starts


def cut_windows(lengths: NDArray[np.int64], window: int, overlap: int) -> Windows:
    """Cut proteins into windows.

    A protein of at most `window` residues is one window. Of a longer one, all windows are
    `window` long and start every `window - overlap` residues, but for the last, which ends where
    the protein does. A residue that lies in several windows is taken from the one in which it is
    farthest from an edge, from the earlier of two as far.

    Parameters
    ----------
    lengths : ndarray of int64, shape (proteins,)
    window : int
        Residues, at least 1.
    overlap : int
        Residues that neighbouring windows share, at least; less than `window`.
    """
    if not 0 <= overlap < window:
        raise ValueError(f"overlap must be at least 0 and less than window, not {overlap}")
    step = window - overlap
    counts = np.where(lengths > window, -((overlap - lengths) // step), 1)
    rows = np.repeat(np.arange(len(lengths)), counts)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    latest = np.maximum(lengths - window, 0)[rows]
    starts = np.minimum(number * step, latest)
    ends = np.minimum(starts + window, lengths[rows])
    kept_from, kept_to = starts.copy(), ends.copy()
    inner = np.flatnonzero(rows[1:] == rows[:-1])
    # Residue r is as far from the end of one window as from the start of the next where
    # end - 1 - r = r - start.
    kept_to[inner] = kept_from[inner + 1] = (ends[inner] + starts[inner + 1] + 1) // 2
    return Windows(rows, starts, ends, kept_from, kept_to)
