"""What stands for values that are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from cistron.base.settings import Settings
from cistron.encoders.cells.gene_moments import Moments
from cistron.encoders.cells.normalise import TrainingCells


class ImputeSettings(Settings):
    """What stands for a missing value (NaN) of a gene, and for a gene that new data lack."""

    method: Literal["mean", "median", "zero", "nearest"] = Field(
        "mean",
        description="value that stands for a missing one: mean or median of the gene in training "
        "cells, zero, or the mean of the nearest training cells (for genes that new "
        "data lack: the mean of all)",
    )
    neighbours: int = Field(5, ge=1, description="training cells that nearest takes the mean of")
    cells: int = Field(
        1000,
        ge=1,
        description="training cells, spread evenly, that are kept as possible neighbours, or that "
        "medians are taken of",
    )

    def fit(self, cells: TrainingCells, genes: NDArray[np.int64], training: Moments) -> Imputer:
        """Learn the values from training cells and the moments of their known values."""
        fill = np.zeros(len(genes))
        kept = None
        if self.method in ("mean", "nearest"):
            fill = training.mean[0]
        if self.method in ("median", "nearest"):
            kept = self._spread(cells, genes)
        if self.method == "median" and kept is not None:
            known = ~np.isnan(kept).all(axis=0)
            fill[known] = np.nanmedian(kept[:, known], axis=0)
            kept = None
        return Imputer(self, fill.astype(np.float32), kept)

    def _spread(self, cells: TrainingCells, genes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return normalised values of training cells at even distances, at most `cells` of them."""
        total = len(cells.counts)
        chosen = np.unique(np.linspace(0, total - 1, min(self.cells, total)).astype(np.int64))
        kept, start = [], 0
        for block in cells.blocks(genes):
            here = chosen[(chosen >= start) & (chosen < start + block.shape[0])] - start
            kept.append(block[here].toarray())
            start += block.shape[0]
        return np.concatenate(kept).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Imputer:
    """A fitted imputation.

    Parameters
    ----------
    settings : ImputeSettings
    fill : ndarray of float32, shape (genes,)
        What stands for a gene that is missing altogether; without neighbours, for any value.
    kept : ndarray of float32, shape (cells, genes), optional
        Training cells that may be neighbours, with NaN where they have no value.
    """

    settings: ImputeSettings
    fill: NDArray[np.float32]
    kept: NDArray[np.float32] | None = None

    def filled(self, block: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return the cells without missing values; the block itself where there are none."""
        lost = np.isnan(block.data)
        if not lost.any():
            return block
        data = np.where(lost, self.fill[block.indices], block.data)
        filled = sparse.csr_matrix((data, block.indices, block.indptr), shape=block.shape)
        if self.kept is not None:
            rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))[lost]
            touched = np.unique(rows)
            values = self._by_neighbours(block[touched].toarray())
            place = np.searchsorted(touched, rows)
            filled.data[lost] = values[place, block.indices[lost]]
        return filled

    def all_filled(self, blocks: Iterator[sparse.csr_matrix]) -> Iterator[sparse.csr_matrix]:
        """Return every block without missing values."""
        return map(self.filled, blocks)

    def _by_neighbours(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Troyanskaya et al. 2001 (doi:10.1093/bioinformatics/17.6.520), by Euclidean distance."""
        from sklearn.impute import KNNImputer

        imputer = KNNImputer(n_neighbors=self.settings.neighbours, keep_empty_features=True)
        return imputer.fit(self.kept).transform(values)
