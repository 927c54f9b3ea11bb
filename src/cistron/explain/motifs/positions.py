"""Where hits stand, counted from the start of transcription, its end, or the first base."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cistron.samples.genome.stretches import Stretch

BINS = 30


def place(
    columns: NDArray[np.int64], stretches: Sequence[Stretch]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return the anchor of each column and its distance to it, downstream positive.

    Columns of a spacer have the anchor "" and the distance 0.
    """
    anchors = np.full(len(columns), "", dtype=object)
    distances = np.zeros(len(columns), dtype=np.int64)
    for stretch in stretches:
        inside = (columns >= stretch.begin) & (columns < stretch.end)
        anchors[inside] = stretch.anchor
        distances[inside] = columns[inside] - stretch.zero
    return anchors, distances


def histogram(
    middles: NDArray[np.int64], stretches: Sequence[Stretch]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count columns in bins of one width that never cross the end of a stretch.

    Returns
    -------
    edges : ndarray of int64, shape (bins, 2)
        0-based half-open columns of each bin.
    counts : ndarray of int64, shape (bins,)
    """
    width = max(sum(s.end - s.begin for s in stretches) // BINS, 1)
    edges = []
    for stretch in stretches:
        cuts = np.arange(stretch.begin, stretch.end, width)
        edges += [(cut, min(cut + width, stretch.end)) for cut in cuts.tolist()]
    bounds = np.array(edges, dtype=np.int64).reshape(-1, 2)
    counts = [int(((middles >= a) & (middles < b)).sum()) for a, b in edges]
    return bounds, np.array(counts, dtype=np.int64)


def unevenness(middles: NDArray[np.int64], codes: NDArray[np.uint8], width: int) -> float:
    """Return the p-value of hits being spread evenly over where a hit could be.

    The places at which all `width` bases are known are cut into parts of equal room, as many as
    leave five hits each on average, at least 2 and at most 20; a chi-square test compares.

    Parameters
    ----------
    middles : ndarray of int64, shape (hits,)
        Middle column of each hit.
    codes : ndarray of uint8, shape (n, length)
    width : int
        Bases of a hit.
    """
    from scipy.stats import chisquare

    whole = possible(codes, width)
    if len(middles) < 10 or whole.sum() == 0:
        return 1.0
    parts = int(np.clip(len(middles) // 5, 2, 20))
    room = np.zeros(codes.shape[1])
    room[width // 2 : width // 2 + len(whole)] = whole
    before = np.cumsum(room) - room / 2
    part = np.minimum(parts * before / room.sum(), parts - 1).astype(np.int64)
    expected = np.bincount(part, weights=room, minlength=parts)
    counts = np.bincount(part[middles], minlength=parts)
    used = expected > 0
    return float(chisquare(counts[used], expected[used] / room.sum() * counts.sum()).pvalue)


def possible(codes: NDArray[np.uint8], width: int) -> NDArray[np.int64]:
    """Count the sequences whose bases are all known, of every first column of so many bases."""
    if codes.shape[1] < width:
        return np.zeros(0, dtype=np.int64)
    unknown = np.cumsum(np.pad(codes > 3, ((0, 0), (1, 0))), axis=1)
    return (unknown[:, width:] == unknown[:, :-width]).sum(axis=0)


def preferred(middles: NDArray[np.int64], length: int, width: int = 21) -> int | None:
    """Return the column around which most middles lie, within a window of `width` columns."""
    if len(middles) == 0:
        return None
    counts = np.bincount(middles, minlength=length).astype(float)
    smooth = np.convolve(counts, np.hanning(width + 2)[1:-1], mode="same")
    return int(smooth.argmax())
