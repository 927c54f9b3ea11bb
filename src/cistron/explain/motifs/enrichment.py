"""Whether a motif is commoner in one class: odds ratios with intervals, and exact p-values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z = 1.959963984540054  # of 95 %


@dataclass(frozen=True)
class Enrichment:
    """Sequences with a motif, inside of a class and outside.

    Parameters
    ----------
    inside, of_inside : int
        Sequences of the class with a hit, and all of the class.
    outside, of_outside : int
        The same of all other sequences.
    odds_ratio, low, high : float
        With its 95 % interval.
    p : float
        Fisher's exact test, two-sided.
    """

    inside: int
    of_inside: int
    outside: int
    of_outside: int
    odds_ratio: float
    low: float
    high: float
    p: float


def enrichment(has: NDArray[np.bool_], member: NDArray[np.bool_]) -> Enrichment | None:
    """Return the odds of a hit in a class over the odds outside of it.

    One half is added to each of the four counts (Haldane 1956,
    doi:10.1111/j.1469-1809.1955.tb01285.x; Anscombe 1956, doi:10.1093/biomet/43.3-4.461), and the
    interval is Wald's on the logarithm.

    Parameters
    ----------
    has : ndarray of bool, shape (n,)
        Which sequences have a hit.
    member : ndarray of bool, shape (n,)
        Which are of the class.

    Returns
    -------
    Enrichment or None
        None where all or none of the sequences are of the class.
    """
    from scipy.stats import fisher_exact

    if member.all() or not member.any():
        return None
    inside, outside = int(has[member].sum()), int(has[~member].sum())
    of_inside, of_outside = int(member.sum()), int((~member).sum())
    cells = (inside, of_inside - inside, outside, of_outside - outside)
    a, b, c, d = (cell + 0.5 for cell in cells)
    middle = math.log(a * d / (b * c))
    reach = _Z * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    p = float(fisher_exact([[cells[0], cells[1]], [cells[2], cells[3]]]).pvalue)
    bounds = (math.exp(middle), math.exp(middle - reach), math.exp(middle + reach))
    return Enrichment(inside, of_inside, outside, of_outside, *bounds, p)
