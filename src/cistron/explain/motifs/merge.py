"""Patterns that are the same, or each other's reverse complement, become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.base.motif import reverse_complement
from cistron.explain.motifs.patterns import Pattern, Seqlets, from_seqlets, ranked

SAME = 0.9
"""Cosine of the contributions from which two patterns of one sign are the same."""


@dataclass(frozen=True)
class Alignment:
    """How one pattern lies on another.

    Parameters
    ----------
    similarity : float
        Cosine of the contributions of the cores, bases outside of the overlap counting as zero;
        -1 to 1.
    offset : int
        Column of the first pattern on which the first column of the second one lies.
    reverse : bool
        Whether the second one is read on the other strand.
    """

    similarity: float
    offset: int
    reverse: bool


def align(first: Pattern, second: Pattern) -> Alignment:
    """Return the best alignment of the second pattern to the first, on either strand."""
    ours = _core_only(first)
    best = Alignment(-1.0, 0, False)
    for reverse in (False, True):
        theirs = _core_only(second)
        theirs = reverse_complement(theirs) if reverse else theirs
        norm = np.linalg.norm(ours) * np.linalg.norm(theirs)
        for offset in range(1 - len(theirs), len(ours)):
            a, b = max(offset, 0), min(offset + len(theirs), len(ours))
            similarity = float((ours[a:b] * theirs[a - offset : b - offset]).sum() / norm)
            if similarity > best.similarity + 1e-9:
                best = Alignment(similarity, offset, reverse)
    return best


def merge_same(patterns: Sequence[Pattern], one_hot: Array, hypothetical: Array) -> list[Pattern]:
    """Merge patterns of one sign that are the same on either strand.

    The smaller one goes into the larger where the cosine of their contributions is at least
    `SAME`. Its seqlets are laid on those of the larger one; such as would have the middle of their
    core beyond the end of their sequence, or lie where the larger one has a seqlet already, are
    left out.

    Parameters
    ----------
    patterns : sequence of Pattern
    one_hot, hypothetical : ndarray, shape (n, length, 4)

    Returns
    -------
    list of Pattern
        Renamed by rank; `merged` has the former names of what went into each.
    """
    kept: list[Pattern] = []
    for pattern in ranked(patterns):
        of_sign = [i for i, other in enumerate(kept) if other.sign == pattern.sign]
        alignments = [(align(kept[i], pattern), i) for i in of_sign]
        alignment, place = max(alignments, key=lambda pair: pair[0].similarity, default=(None, -1))
        if alignment is None or alignment.similarity < SAME:
            kept.append(pattern)
            continue
        larger = kept[place]
        seqlets = _joined(larger, pattern, alignment, one_hot.shape[1])
        made = from_seqlets(larger, seqlets, one_hot, hypothetical)
        kept[place] = replace(made, merged=(*larger.merged, pattern.name))
    return ranked(kept)


def _core_only(pattern: Pattern) -> NDArray[np.float64]:
    """Return the contributions with zeros outside of the core."""
    made = np.zeros_like(pattern.contributions)
    made[pattern.core] = pattern.contributions[pattern.core]
    return made


def _joined(larger: Pattern, smaller: Pattern, alignment: Alignment, length: int) -> Seqlets:
    """Return the seqlets of both, those of the smaller one moved to the columns of the larger."""
    width, seqlets = len(larger.probabilities), smaller.seqlets
    reverse = seqlets.reverse ^ alignment.reverse
    # Read on its own strand, the larger pattern begins `offset` columns before the smaller one.
    start = np.where(
        reverse, seqlets.end + alignment.offset - width, seqlets.start - alignment.offset
    )
    taken = set(zip(larger.seqlets.row.tolist(), _middles(larger.seqlets), strict=True))
    moved = Seqlets(seqlets.row, start, start + width, reverse)
    half = (larger.core.start + larger.core.stop) // 2
    middle = np.where(reverse, start + width - half, start + half)
    inside = (middle >= 0) & (middle < length)
    new = [place not in taken for place in zip(seqlets.row.tolist(), _middles(moved), strict=True)]
    moved = moved.take(np.flatnonzero(inside & np.array(new, dtype=bool)))
    both = [
        np.concatenate([getattr(larger.seqlets, name), getattr(moved, name)])
        for name in ("row", "start", "end", "reverse")
    ]
    return Seqlets(*both)


def _middles(seqlets: Seqlets) -> list[int]:
    return ((seqlets.start + seqlets.end) // 2).tolist()
