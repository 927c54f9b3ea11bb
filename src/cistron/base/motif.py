"""A motif: how probable each base is at each position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Array

BASES = "ACGT"


@dataclass(frozen=True, eq=False)
class Motif:
    """What a protein binds, as a database says it.

    Parameters
    ----------
    name : str
        Identifier in its database ("MA0570.3").
    factor : str
        Other name, often that of the protein ("ABF1"); may be empty.
    family : str
        Family of the protein; empty where it is not known.
    probabilities : ndarray of float64, shape (width, 4)
        Of A, C, G and T; each row sums to one.
    sites : int
        How many sites it was made from; 0 where it is not known.
    """

    name: str
    factor: str
    family: str
    probabilities: NDArray[np.float64]
    sites: int = 0

    @property
    def label(self) -> str:
        """How a table calls it: the factor where there is one, with the identifier."""
        return f"{self.factor} ({self.name})" if self.factor else self.name


def reverse_complement(matrix: Array) -> Array:
    """Return a matrix of positions × A, C, G, T as the other strand reads it."""
    return matrix[::-1, ::-1]


def consensus(probabilities: Array) -> str:
    """Return the most probable base of each position; of equally probable ones the first."""
    return "".join(BASES[base] for base in probabilities.argmax(axis=1))


def information(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the information of each position against equal bases, in bits, shape (width,)."""
    safe = np.where(probabilities > 0, probabilities, 1.0)
    return 2.0 + (probabilities * np.log2(safe)).sum(axis=1)
