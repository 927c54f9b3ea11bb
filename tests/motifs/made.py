"""Made explanations of promoters with planted motifs: what a perfect attribution would say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cistron.motifs.motif import Motif, information, reverse_complement


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
