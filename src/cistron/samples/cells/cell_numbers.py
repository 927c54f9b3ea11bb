"""One pass over the numbers of cells: what they add up to, and whether they are what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.arrays import Array
from cistron.base.counts import Counts
from cistron.base.errors import InputError

MITOCHONDRIAL = ("mt-", "mt:")  # symbols of human, mouse, fly; letters of either case
OTHERWISE = (
    "Name the layer with the counts (samples.layer, samples.raw), or set samples.counts: false if "
    "these are other numbers, normalised already perhaps."
)
LACKING = (
    "Set samples.missing: true, so that the encoder imputes what is missing, or mend the input."
)


@dataclass(frozen=True, eq=False)
class Numbers:
    """What the numbers of cells add up to.

    Parameters
    ----------
    counts : ndarray of float64, shape (cells,)
        Sum of a cell's numbers.
    detected : ndarray of int64, shape (cells,)
        Genes above zero.
    mitochondrial : ndarray of float64, shape (cells,)
        Share of the sum that is of mitochondrial genes; nan where the sum is zero, or the share
        was not asked for.
    silent : ndarray of bool, shape (genes,)
        Genes that are zero in all cells.
    missing : int
        Numbers that are missing (NaN).
    """

    counts: NDArray[np.float64]
    detected: NDArray[np.int64]
    mitochondrial: NDArray[np.float64]
    silent: NDArray[np.bool_]
    missing: int

    @property
    def notes(self) -> list[str]:
        """What is to be said of them."""
        lines = []
        if self.silent.any():
            lines.append(
                f"genes that are zero in all cells: {self.silent.sum():,} of {len(self.silent):,}."
            )
        silent = int((self.detected == 0).sum())
        if silent:
            lines.append(f"cells with no gene above zero: {silent:,}.")
        if self.missing:
            lines.append(f"numbers that are missing (NaN), to be imputed: {self.missing:,}.")
        return lines

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the numbers of several files, one behind the other."""
        return cls(
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.detected for part in parts]),
            np.concatenate([part.mitochondrial for part in parts]),
            np.concatenate([part.silent for part in parts]),
            sum(part.missing for part in parts),
        )

    def spread(self, rows: NDArray[np.int64], size: int) -> Self:
        """Return these numbers as those of the given rows of a longer table; nan elsewhere."""
        counts, shares = np.full(size, np.nan), np.full(size, np.nan)
        detected = np.zeros(size, dtype=np.int64)
        counts[rows], shares[rows], detected[rows] = self.counts, self.mitochondrial, self.detected
        return replace(self, counts=counts, mitochondrial=shares, detected=detected)


def mitochondrial_genes(counts: Counts) -> NDArray[np.bool_]:
    """Return which genes are mitochondrial, by symbol, shape (genes,)."""
    symbols = counts.names.get("symbol", counts.genes)
    return np.array([str(name).casefold().startswith(MITOCHONDRIAL) for name in symbols])


def add_up(
    cells: Counts,
    ids: NDArray[np.object_],
    *,
    promised: bool,
    missing: bool,
    where: str,
    technical: NDArray[np.bool_] | None = None,
    otherwise: str = OTHERWISE,
    lacking: str = LACKING,
) -> Numbers:
    """Read all cells once, block by block.

    Parameters
    ----------
    cells : Counts
    ids : ndarray of object, shape (cells,)
        What messages call the cells.
    promised : bool
        Refuse what is no count: negative numbers and fractions.
    missing : bool
        Allow numbers that are missing.
    where : str
        What messages call the input.
    technical : ndarray of bool, shape (genes,), optional
        The mitochondrial genes, where their share is asked for.
    otherwise : str
        What to do about numbers that are no counts.
    lacking : str
        What to do about numbers that are missing.

    Raises
    ------
    InputError
        Naming the first cell and gene with a number that is not allowed.
    """
    sums, detected, shares = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    seen = np.zeros(len(cells.genes), dtype=bool)
    absent = start = 0
    for block in cells.blocks():
        problem = _problem(block.data, promised, missing, otherwise, lacking)
        if problem is not None:
            names = ids[start : start + block.shape[0]]
            raise InputError(
                f"{where}: {_place(block, names, cells.genes, problem[0])} {problem[1]}"
            )
        start += block.shape[0]
        values, begins = block.data, block.indptr
        gone = np.isnan(values)
        if gone.any():
            absent += int(gone.sum())
            values = np.where(gone, np.float32(0), values)
        total = _row_sums(values, begins)
        sums.append(total)
        above = values > 0
        detected.append(np.diff(begins) if above.all() else _row_sums(above, begins))
        seen[block.indices if above.all() else block.indices[values != 0]] = True
        if technical is None:
            shares.append(np.full(len(total), np.nan))
            continue
        part = _row_sums(np.where(technical[block.indices], values, 0), begins)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares.append(part / total)
    return Numbers(
        np.concatenate(sums),
        np.concatenate(detected).astype(np.int64),
        np.concatenate(shares),
        ~seen,
        absent,
    )


def _row_sums(values: Array, begins: Array) -> NDArray[np.float64]:
    """Return the sum of each row of a sparse matrix, by where its numbers begin."""
    sums = np.zeros(len(begins) - 1)
    filled = np.diff(begins) > 0
    if filled.any():
        sums[filled] = np.add.reduceat(values, begins[:-1][filled], dtype=np.float64)
    return sums


def _problem(
    values: NDArray[np.float32], promised: bool, missing: bool, otherwise: str, lacking: str
) -> tuple[NDArray[np.bool_], str] | None:
    """Return which numbers are not allowed, and why not and what to do."""
    low, high = values.min(initial=0), values.max(initial=0)  # nan where one is missing
    if np.isnan(low) and not missing:
        return np.isnan(values), f"is missing (NaN). {lacking}"
    if not np.isfinite([low, high]).all() and np.isinf(values).any():
        return np.isinf(values), "is infinite. Mend the input."
    if not promised:
        return None
    if not low >= 0 and (negative := values < 0).any():
        return negative, (f"is negative ({values[negative][0]:g}). Counts are not. {otherwise}")
    broken = np.rint(values) != values
    if np.isnan(low):
        broken &= ~np.isnan(values)
    if broken.any():
        return broken, (f"is {values[broken][0]:g}. Counts are whole numbers. {otherwise}")
    return None


def _place(
    block: sparse.csr_matrix,
    ids: NDArray[np.object_],
    genes: NDArray[np.object_],
    which: NDArray[np.bool_],
) -> str:
    """Name the cell and the gene of the first of some numbers, and say how many there are."""
    first = int(np.flatnonzero(which)[0])
    cell = ids[np.searchsorted(block.indptr, first, side="right") - 1]
    several = f"{which.sum():,} such numbers in {block.shape[0]:,} cells; "
    place = f"the number of gene {genes[block.indices[first]]!r} in cell {cell!r}"
    return f"{several}{place}" if which.sum() > 1 else place
