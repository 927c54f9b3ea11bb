"""Counts of cells → values that can be compared between cells: size factors and logarithms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from cistron.base.counts import BLOCK, Counts
from cistron.base.errors import InputError
from cistron.base.settings import Settings
from cistron.encoders.cells.value_range import LEAST_ESTIMATE, ValueRange

KEY = "encoder.normalise.input"
# Natural or binary logarithms of counts stay below it; log(1 + x) of counts that add up to 10,000 a
# cell below LEAST_ESTIMATE, which counts of any depth exceed somewhere.
LARGEST_LOGARITHM = 50.0


class NormaliseSettings(Settings):
    """What the matrix holds, and so what is done to it."""

    input: Literal["counts", "estimated_counts", "normalised", "logarithms"] = Field(
        "counts",
        description="what the matrix holds: counts (whole numbers) or estimated_counts (with "
        "fractions): each cell is divided by its size factor, then log(1 + x); normalised: only "
        "log(1 + x); logarithms: taken as they are",
    )
    target: Annotated[float, Field(gt=0)] | Literal["median"] = Field(
        "median", description="what every cell's counts add up to; median: that of training cells"
    )

    @property
    def by_size(self) -> bool:
        """Whether cells are divided by their size factors."""
        return self.input in ("counts", "estimated_counts")

    def values(
        self, block: sparse.csr_matrix, totals: NDArray[np.float64], target: float
    ) -> sparse.csr_matrix:
        """Return normalised values, float32, of the shape of the block, which stays as it is.

        Parameters
        ----------
        block : csr_matrix of float32, shape (cells, any genes)
        totals : ndarray, shape (cells,)
            Sum of each cell's counts, over all genes.
        target : float
            What they are to be. A cell without counts stays zero.
        """
        data = block.data
        if self.by_size:
            factors = np.divide(target, totals, out=np.zeros(len(totals)), where=totals > 0)
            data = data * np.repeat(factors.astype(np.float32), np.diff(block.indptr))
        if self.input != "logarithms":
            data = np.log1p(data)
        return sparse.csr_matrix((data, block.indices, block.indptr), shape=block.shape)

    def require_promised(self, block: sparse.csr_matrix) -> None:
        """Refuse values that cannot be what `input` promises; missing ones (NaN) can.

        Raises
        ------
        InputError
            Naming the key.
        """
        data = block.data
        if np.isinf(data).any():
            raise InputError("The matrix of expression holds an infinite value. Mend the matrix.")
        if self.input == "logarithms":
            if (data > LARGEST_LOGARITHM).any():
                raise InputError(
                    f"{KEY}: logarithms are promised, and the matrix holds {np.nanmax(data):g}, "
                    "which is the logarithm of nothing that was counted. Set it to counts or "
                    "normalised, whichever the matrix holds, or choose another layer."
                )
            return
        if (data < 0).any():
            raise InputError(
                f"{KEY}: {self.input} is promised, and the matrix holds the negative value "
                f"{np.nanmin(data):g}. Set it to logarithms if these are finished values, or give "
                "the layer with the counts."
            )
        if self.input == "counts":
            broken = data != np.rint(data)
            broken &= ~np.isnan(data)
            if broken.any():
                raise InputError(
                    f"{KEY}: counts are promised, and the matrix holds {data[broken][0]:g}, which "
                    "is no whole number: it may be normalised already. Set it to logarithms, "
                    "normalised or estimated_counts, whichever it holds, or give the layer with "
                    "the counts."
                )

    def require_likely(self, largest: float, whole: bool) -> None:
        """Refuse training cells whose values, taken together, look like something else.

        Parameters
        ----------
        largest : float
            Of all values.
        whole : bool
            Whether all are whole numbers.

        Raises
        ------
        InputError
            Naming the key.
        """
        if self.input in ("normalised", "logarithms") and whole and largest > 1:
            raise InputError(
                f"{KEY}: {self.input} is promised, and all values are whole numbers up to "
                f"{largest:g}, as counts are. Set it to counts, or give the normalised layer."
            )
        fractions = self.input in ("normalised", "estimated_counts") and not whole
        if fractions and largest < LEAST_ESTIMATE:
            raise InputError(
                f"{KEY}: {self.input} is promised, and no value is above {largest:g}: they look "
                "like logarithms. Set it to logarithms, or give the layer with the counts."
            )


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass over the raw values of training cells tells.

    Parameters
    ----------
    totals : ndarray of float64, shape (cells,)
        Sum of each cell's values.
    sums : ndarray of float64, shape (genes,)
        Sum of each gene's values.
    detected : ndarray of int64, shape (genes,)
        Cells in which a gene is not zero.
    missing : ndarray of int64, shape (genes,)
        Cells in which a gene's value is missing (NaN).
    """

    totals: NDArray[np.float64]
    sums: NDArray[np.float64]
    detected: NDArray[np.int64]
    missing: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrainingCells:
    """Training cells and how they are normalised.

    Parameters
    ----------
    counts : Counts
    settings : NormaliseSettings
    survey : Survey
    target : float
        What every cell adds up to; 1 where cells are not divided by size factors.
    values : ValueRange
        What the values looked like.
    """

    counts: Counts
    settings: NormaliseSettings
    survey: Survey
    target: float
    values: ValueRange

    @classmethod
    def look(cls, counts: Counts, settings: NormaliseSettings) -> TrainingCells:
        """Read the cells once, and check that they are what the settings promise.

        Raises
        ------
        InputError
            If they are not, or hold no counts at all.
        """
        genes = len(counts.genes)
        sums, totals = np.zeros(genes), []
        detected, missing = np.zeros(genes, np.int64), np.zeros(genes, np.int64)
        values = ValueRange()
        for block in counts.blocks():
            settings.require_promised(block)
            lost = np.isnan(block.data)
            if lost.any():
                missing += np.bincount(block.indices[lost], minlength=genes)
                block = zeroed(block, lost)
            data = block.data
            totals.append(row_sums(block))
            sums += np.bincount(block.indices, weights=data, minlength=genes)
            if len(data) and not data.all():
                detected += np.bincount(block.indices[data != 0], minlength=genes)
            else:
                detected += np.bincount(block.indices, minlength=genes)
            values = values.joined(ValueRange.of(data))
        if not detected.any():
            raise InputError("encoder: no training cell has a value other than zero.")
        settings.require_likely(values.highest, values.whole)
        survey = Survey(np.concatenate(totals), sums, detected, missing)
        target = 1.0
        if settings.by_size:
            filled = survey.totals[survey.totals > 0]
            target = float(np.median(filled) if settings.target == "median" else settings.target)
        return cls(counts, settings, survey, target, values)

    def raw(self) -> Iterator[sparse.csr_matrix]:
        """Return the cells as they are, block by block; a missing value counts as zero."""
        for block in self.counts.blocks():
            lost = np.isnan(block.data)
            yield zeroed(block, lost) if lost.any() else block

    def blocks(
        self, genes: NDArray[np.int64] | None = None, size: int = BLOCK
    ) -> Iterator[sparse.csr_matrix]:
        """Return normalised values of all genes, or of some, block by block."""
        start = 0
        for block in self.counts.blocks(size):
            totals = self.survey.totals[start : start + block.shape[0]]
            start += block.shape[0]
            chosen = block if genes is None else columns(block, genes)
            yield self.settings.values(chosen, totals, self.target)


def zeroed(block: sparse.csr_matrix, where: NDArray[np.bool_]) -> sparse.csr_matrix:
    """Return a copy in which some of the stored values are zero."""
    data = np.where(where, np.float32(0), block.data)
    return sparse.csr_matrix((data, block.indices, block.indptr), shape=block.shape)


def row_sums(block: sparse.csr_matrix) -> NDArray[np.float64]:
    """Return the sum of every row in double precision, shape (rows,)."""
    rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
    sums = np.bincount(rows, weights=block.data, minlength=block.shape[0])
    return sums.astype(np.float64)


def columns(block: sparse.csr_matrix, chosen: NDArray[np.int64]) -> sparse.csr_matrix:
    """Return some columns in the order given, with sorted indices."""
    picked = block[:, chosen]
    picked.sort_indices()
    return picked
