"""Genes on one scale: sparse cells stay sparse, and what all have in common is one row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from cistron.base.arrays import Array
from cistron.base.settings import Settings
from cistron.encoders.cells.gene_moments import Moments, extremes


class ZScore(Settings):
    """Settings of genes with mean 0 and variance 1 over the training cells."""

    kind: Literal["z_score"] = "z_score"
    clip: float | None = Field(
        10.0, gt=0, description="standard deviations beyond which a value is cut; null: no value is"
    )


class MinMax(Settings):
    """Settings of genes from 0 to 1 over the training cells."""

    kind: Literal["min_max"] = "min_max"
    clip: bool = Field(False, description="whether values of new cells are cut to 0 and 1")


class Unscaled(Settings):
    """Settings of genes as they are."""

    kind: Literal["none"] = "none"


ScaleSettings = Annotated[ZScore | MinMax | Unscaled, Field(discriminator="kind")]
"""Any scaling, told apart by `kind`."""


@dataclass(frozen=True, eq=False)
class Scaler:
    """A fitted scaling: (value - centre) / spread, cut at `low` and `high`.

    A cell is written as a sparse row plus `shared`, the scaled value of zero, which is the same
    for every cell: what is stored of a gene that is not seen is still nothing.

    Parameters
    ----------
    centre, spread : ndarray of float64, shape (genes,)
        A constant gene has spread 1.
    low, high : float
        Infinite where nothing is cut.
    """

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    low: float
    high: float

    @classmethod
    def fit(
        cls,
        settings: ZScore | MinMax | Unscaled,
        training: Moments,
        blocks: Iterable[sparse.csr_matrix],
    ) -> Scaler:
        """Estimate the scaling on the moments of training cells, or, for their range, on them."""
        genes = training.sums.shape[1]
        if isinstance(settings, ZScore):
            spread = np.sqrt(training.variance()[0])
            cut = np.inf if settings.clip is None else settings.clip
            return cls(training.mean[0], np.where(spread > 1e-12, spread, 1.0), -cut, cut)
        if isinstance(settings, MinMax):
            least, largest = extremes(blocks, genes)
            spread = largest - least
            low, high = (0.0, 1.0) if settings.clip else (-np.inf, np.inf)
            return cls(least, np.where(spread > 0, spread, 1.0), low, high)
        return cls(np.zeros(genes), np.ones(genes), -np.inf, np.inf)

    @property
    def shared(self) -> NDArray[np.float32]:
        """The scaled value of zero, shape (genes,)."""
        return self._of(np.zeros(len(self.centre)), slice(None)).astype(np.float32)

    def scaled(self, block: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return scaled values less `shared`, stored where the block stores values."""
        genes = block.indices
        data = (
            self._of(block.data, genes) - self._of(np.zeros(len(self.centre)), slice(None))[genes]
        )
        data = data.astype(np.float32)
        return sparse.csr_matrix((data, genes, block.indptr), shape=block.shape)

    def _of(self, values: Array, genes: NDArray[np.int32] | slice) -> NDArray[np.float64]:
        scaled = (values - self.centre[genes]) / self.spread[genes]
        if np.isfinite(self.high):
            np.clip(scaled, self.low, self.high, out=scaled)
        return scaled
