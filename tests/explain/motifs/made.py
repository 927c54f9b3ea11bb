"""Made explanations of promoters with planted motifs: what a perfect attribution would say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cistron.base.motif import Motif, information, reverse_complement
from cistron.explain.motifs.database import read_database
from cistron.explain.motifs.patterns import Pattern, Seqlets, from_seqlets


@dataclass(frozen=True, eq=False)
class Planted:
    """A motif, whether it speaks for (1) or against (-1) the class, and where it may stand."""

    motif: Motif
    sign: int
    columns: tuple[int, int]
    share: float = 0.6


def explained(
    planted: list[Planted], n: int = 240, length: int = 300, seed: int = 0, noise: float = 0.02
) -> tuple:
    """Return one-hot sequences, hypothetical contributions, and where each motif was put.

    A motif contributes, for every base at every of its positions, how likely the base is against
    chance; elsewhere there is noise.

    Returns
    -------
    one_hot, hypothetical : ndarray of float32, shape (n, length, 4)
    places : ndarray of int64, shape (motifs, n)
        First column of each motif, -1 where it is not.
    """
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (n, length))
    hypothetical = rng.normal(0, noise, (n, length, 4))
    places = np.full((len(planted), n), -1)
    for row in range(n):
        free = np.ones(length, dtype=bool)
        for number, one in enumerate(planted):
            matrix = one.motif.probabilities
            if rng.random() >= one.share:
                continue
            if rng.random() < 0.5:
                matrix = reverse_complement(matrix)
            start = int(rng.integers(*one.columns))
            if not free[max(start - 12, 0) : start + len(matrix) + 12].all():
                continue
            free[start : start + len(matrix)] = False
            for column, chance in enumerate(matrix / matrix.sum(axis=1, keepdims=True)):
                codes[row, start + column] = rng.choice(4, p=chance)
            weights = np.log2(matrix + 0.05) - np.log2(0.25 + 0.05)
            weights = weights * information(matrix)[:, None] / 4
            hypothetical[row, start : start + len(matrix)] += one.sign * weights
            places[number, row] = start
    one_hot = np.eye(4, dtype=np.float32)[codes]
    return one_hot, hypothetical.astype(np.float32), places


def with_patterns(seed: int = 0, n: int = 150, length: int = 200) -> tuple:
    """Return what `explained` does of three motifs of JASPAR, and the motifs."""
    known = {motif.name.split(".")[0]: motif for motif in read_database("jaspar:plants")}
    planted = [
        Planted(known["MA0931"], 1, (25, 165)),  # ABI5, which binds CACGTG
        Planted(known["MA1277"], 1, (120, 140)),  # DOF1.7, AAAAAG, in one place
        Planted(known["MA0589"], -1, (25, 165)),  # WRKY1, TTGACC, repressive
    ]
    return (*explained(planted, n, length, seed), planted)


def planted_pattern(number: int, made: tuple, width: int = 30) -> Pattern:
    """Return the pattern of a planted motif as a perfect search would find it, forward."""
    one_hot, hypothetical, places, planted = made
    row = np.flatnonzero(places[number] >= 0)
    core = planted[number].motif.probabilities
    start = places[number, row] - (width - len(core)) // 2
    inside = (start >= 0) & (start + width <= one_hot.shape[1])
    row, start = row[inside], start[inside]
    # The strand of a place is the one on which it is more like the motif.
    reverse = np.zeros(len(row), dtype=bool)
    for i, (r, s) in enumerate(zip(row, places[number, row], strict=True)):
        word = one_hot[r, s : s + len(core)]
        odds = [(word * np.log(m + 0.01)).sum() for m in (core, reverse_complement(core))]
        reverse[i] = odds[1] > odds[0]
    # On the other strand the core lies in the middle too, one column aside if the rest is odd.
    aside = (width - len(core)) % 2
    start = start - np.where(reverse, aside, 0)
    seqlets = Seqlets(row, start, start + width, reverse)
    empty = np.zeros((width, 4))
    blank = Pattern(f"p{number}", planted[number].sign, empty, empty, empty, seqlets)
    return from_seqlets(blank, seqlets, one_hot, hypothetical)
