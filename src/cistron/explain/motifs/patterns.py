"""Patterns: what TF-MoDISco found, with the stretches of sequence it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.motif import consensus

TRIM = 0.3
"""Share of what the strongest column contributes, from which a column is strong."""
GAP = 3
"""Columns that are not strong within a core, side by side, at most."""
NARROWEST = 6
"""Columns that are left at least."""


@dataclass(frozen=True, eq=False)
class Seqlets:
    """Stretches of the explained sequences, aligned to one another.

    Parameters
    ----------
    row : ndarray of int64, shape (seqlets,)
        Which sequence.
    start, end : ndarray of int64, shape (seqlets,)
        0-based half-open columns of that sequence, over whose ends they may reach.
    reverse : ndarray of bool, shape (seqlets,)
        Whether the pattern reads it on the other strand.
    """

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    reverse: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, kept: Array) -> Seqlets:
        """Return some of them."""
        return Seqlets(self.row[kept], self.start[kept], self.end[kept], self.reverse[kept])


@dataclass(frozen=True, eq=False)
class Pattern:
    """What recurs where the network looks.

    Parameters
    ----------
    name : str
        "positive 1", "negative 2", …: sign and rank by the number of seqlets.
    sign : int
        1 where it speaks for the class explained, -1 against it.
    probabilities : ndarray of float64, shape (width, 4)
        Share of each base (A, C, G, T) among the seqlets (PWM); unknown ones count a quarter each.
    contributions : ndarray of float64, shape (width, 4)
        Mean contribution of the bases that are there (CWM).
    hypothetical : ndarray of float64, shape (width, 4)
        Mean hypothetical contribution of every base.
    seqlets : Seqlets
    merged : tuple of str
        Patterns that were the same, on either strand, and are part of this one.
    """

    name: str
    sign: int
    probabilities: NDArray[np.float64]
    contributions: NDArray[np.float64]
    hypothetical: NDArray[np.float64]
    seqlets: Seqlets
    merged: tuple[str, ...] = ()

    @property
    def core(self) -> slice:
        """Columns around the strongest one that contribute.

        From there on both sides to the last strong column before more than `GAP` that are not: a
        strong one has a summed absolute contribution of at least `TRIM` of the largest. Widened on
        both sides to `NARROWEST` columns.
        """
        strength = np.abs(self.contributions).sum(axis=1)
        strong = np.flatnonzero(strength >= TRIM * strength.max())
        breaks = np.flatnonzero(np.diff(strong) > GAP + 1) + 1
        part = np.searchsorted(breaks, np.searchsorted(strong, strength.argmax()), side="right")
        own = np.split(strong, breaks)[int(part)]
        start, end = int(own[0]), int(own[-1]) + 1
        while end - start < min(NARROWEST, len(strength)):
            start, end = max(start - 1, 0), min(end + 1, len(strength))
        return slice(start, end)

    @property
    def trimmed(self) -> NDArray[np.float64]:
        """Probabilities of the core, shape (core width, 4)."""
        return self.probabilities[self.core]

    @property
    def consensus(self) -> str:
        """The most probable bases of the core."""
        return consensus(self.trimmed)

    @property
    def strength(self) -> float:
        """Mean summed contribution of the core in a seqlet, in logits, with its sign."""
        return float(self.contributions[self.core].sum())


def read_patterns(path: str | Path) -> list[Pattern]:
    """Read the patterns of an HDF5 file that modisco-lite wrote; positive ones first.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of Pattern
        Of each sign in the order of their number of seqlets.
    """
    patterns = []
    with h5py.File(path, "r") as file:
        for group, sign in (("pos_patterns", 1), ("neg_patterns", -1)):
            stored = file.get(group) or {}
            patterns += [_read(stored[name], name, sign) for name in stored]
    return ranked(patterns)


def _read(stored: h5py.Group, name: str, sign: int) -> Pattern:
    seqlets = stored["seqlets"]
    return Pattern(
        name,
        sign,
        stored["sequence"][:].astype(np.float64),
        stored["contrib_scores"][:].astype(np.float64),
        stored["hypothetical_contribs"][:].astype(np.float64),
        Seqlets(
            seqlets["example_idx"][:].astype(np.int64),
            seqlets["start"][:].astype(np.int64),
            seqlets["end"][:].astype(np.int64),
            seqlets["is_revcomp"][:].astype(bool),
        ),
    )


def ranked(patterns: Sequence[Pattern]) -> list[Pattern]:
    """Return patterns by sign and number of seqlets, named by their rank."""
    named = []
    for sign, word in ((1, "positive"), (-1, "negative")):
        of_sign = sorted((p for p in patterns if p.sign == sign), key=lambda p: -len(p.seqlets))
        named += [replace(p, name=f"{word} {rank}") for rank, p in enumerate(of_sign, 1)]
    return named


def from_seqlets(
    pattern: Pattern, seqlets: Seqlets, one_hot: Array, hypothetical: Array
) -> Pattern:
    """Return a pattern made anew from seqlets of its width.

    Parameters
    ----------
    pattern : Pattern
        Gives name and sign.
    seqlets : Seqlets
    one_hot, hypothetical : ndarray, shape (n, length, 4)
        The explained sequences, and the hypothetical contributions of their bases. Columns beyond
        an end count as unknown bases that contribute nothing.
    """
    columns = seqlets.start[:, None] + np.arange(len(pattern.probabilities))
    inside = (columns >= 0) & (columns < one_hot.shape[1])
    at = seqlets.row[:, None], np.where(inside, columns, 0)
    bases, every = (
        _oriented(values[at] * inside[..., None], seqlets.reverse)
        for values in (one_hot, hypothetical)
    )
    shares = np.where(bases.any(axis=2, keepdims=True), bases, 0.25)
    # Sums of many numbers of single precision would depend on their order.
    return replace(
        pattern,
        seqlets=seqlets,
        probabilities=shares.mean(axis=0, dtype=np.float64),
        contributions=(bases * every).mean(axis=0, dtype=np.float64),
        hypothetical=every.mean(axis=0, dtype=np.float64),
    )


def _oriented(windows: Array, reverse: NDArray[np.bool_]) -> Array:
    """Turn the windows of the other strand, shape (seqlets, width, 4)."""
    return np.where(reverse[:, None, None], windows[:, ::-1, ::-1], windows)
