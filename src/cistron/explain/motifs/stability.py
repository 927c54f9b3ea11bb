"""Whether patterns come back: over folds, seeds, or other explanations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.base.motif import Motif
from cistron.explain.motifs.match import compare, q_values


@dataclass(frozen=True, eq=False)
class Signed:
    """A pattern, as far as comparing needs it.

    Parameters
    ----------
    name : str
    sign : int
    probabilities : ndarray of float64, shape (width, 4)
        Of its core.
    """

    name: str
    sign: int
    probabilities: NDArray[np.float64]


def found_again(
    patterns: Sequence[Signed],
    others: Sequence[Sequence[Signed]],
    database: Sequence[Motif],
    threshold: float = 0.05,
) -> list[list[str | None]]:
    """Return the pattern of every other explanation that each pattern is found as.

    Compared by TOMTOM with the other's patterns of the same sign; the p-values are against the
    columns of these and of the database, the q-values over these alone.

    Parameters
    ----------
    patterns : sequence of Signed
    others : sequence of sequence of Signed
        The patterns of each other fold or seed.
    database : sequence of Motif
    threshold : float
        Largest q-value.

    Returns
    -------
    list of list of (str or None)
        For each pattern, for each other: the name of the most similar one, None where none is.
    """
    background = [motif.probabilities for motif in database]
    names: list[list[str | None]] = [[] for _ in patterns]
    for other in others:
        targets = [pattern.probabilities for pattern in other]
        p = compare([x.probabilities for x in patterns], [*targets, *background]).p
        for number, pattern in enumerate(patterns):
            of_sign = [i for i, theirs in enumerate(other) if theirs.sign == pattern.sign]
            q = q_values(p[number, of_sign]) if of_sign else np.ones(0)
            best = int(q.argmin()) if of_sign else -1
            again = bool(of_sign) and q[best] <= threshold
            names[number].append(other[of_sign[best]].name if again else None)
    return names
