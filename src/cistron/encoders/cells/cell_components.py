"""Principal components of cells, exactly, from blocks that are read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.errors import InputError

MOST_GENES = 6000  # whose products are all held: 288 MB


@dataclass(frozen=True, eq=False)
class Components:
    """Directions in which training cells vary most, in falling order.

    Parameters
    ----------
    loadings : ndarray of float64, shape (components, genes)
        Orthonormal rows; the largest loading of each is positive.
    centre : ndarray of float64, shape (genes,)
        Mean of the training cells' sparse rows.
    share : ndarray of float64, shape (components,)
        Share of the variance.
    """

    loadings: NDArray[np.float64]
    centre: NDArray[np.float64]
    share: NDArray[np.float64]

    @classmethod
    def fit(cls, blocks: Iterable[sparse.csr_matrix], genes: int, number: int) -> Components:
        """Decompose the covariance of all genes, summed in double precision.

        Nothing is random, so that the same cells give the same components.

        Raises
        ------
        InputError
            If there are too many genes, or fewer genes or cells than components.
        """
        if genes > MOST_GENES:
            raise InputError(
                f"encoder.components: components of {genes:,} genes are not computed (at most "
                f"{MOST_GENES:,}). Choose fewer genes (encoder.genes), or no components."
            )
        products, sums, cells = np.zeros((genes, genes)), np.zeros(genes), 0
        for block in blocks:
            dense = block.toarray().astype(np.float64)
            products += dense.T @ dense
            sums += dense.sum(axis=0)
            cells += len(dense)
        if number > min(genes, cells - 1):
            raise InputError(
                f"encoder.components: {number} components need more than {number} training cells "
                f"and as many genes, and there are {cells:,} and {genes:,}. Lower it."
            )
        centre = sums / cells
        products -= cells * np.outer(centre, centre)
        variance, loadings = _leading(products, number)
        total = np.trace(products)
        return cls(loadings, centre, variance / (total if total > 0 else 1.0))

    def project(self, block: sparse.csr_matrix) -> NDArray[np.float32]:
        """Return where cells lie, shape (cells, components)."""
        return (block @ self.loadings.T - self.loadings @ self.centre).astype(np.float32)


def _leading(
    products: NDArray[np.float64], number: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.linalg import eigh

    genes = len(products)
    values, vectors = eigh(products, subset_by_index=(genes - number, genes - 1))
    loadings = vectors.T[::-1].copy()
    largest = loadings[np.arange(number), np.abs(loadings).argmax(axis=1)]
    loadings *= np.sign(largest)[:, None]
    return values[::-1], loadings
