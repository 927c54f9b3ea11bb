"""One pass over the numbers of cells: what they add up to, and whether they are what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.errors import InputError
from cistron.samples.counts import Counts

MITOCHONDRIAL = ("mt-", "mt:")  # symbols of human, mouse, fly; letters of either case


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
        Share of the sum that is of mitochondrial genes; nan where the sum is zero.
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
        told = []
        if self.silent.any():
            told.append(
                f"genes that are zero in all cells: {self.silent.sum():,} of {len(self.silent):,}."
            )
        silent = int((self.detected == 0).sum())
        if silent:
            told.append(f"cells with no gene above zero: {silent:,}.")
        if self.missing:
            told.append(f"numbers that are missing (NaN), to be imputed: {self.missing:,}.")
        return told

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
    cells: Counts, ids: NDArray[np.object_], *, promised: bool, missing: bool, where: str = ""
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

    Raises
    ------
    InputError
        Naming the first cell and gene with a number that is not allowed.
    """
    of_mitochondria = mitochondrial_genes(cells).astype(np.float64)
    sums, detected, shares = [], [], []
    seen = np.zeros(len(cells.genes), dtype=bool)
    absent = start = 0
    for block in cells.blocks():
        names = ids[start : start + block.shape[0]]
        _check(block, names, cells.genes, promised, missing, where)
        start += block.shape[0]
        gone = np.isnan(block.data)
        if gone.any():
            absent += int(gone.sum())
            block = sparse.csr_matrix(
                (np.where(gone, 0, block.data), block.indices, block.indptr), shape=block.shape
            )
        total = np.asarray(block.sum(axis=1, dtype=np.float64)).ravel()
        sums.append(total)
        rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        detected.append(np.bincount(rows[block.data > 0], minlength=block.shape[0]))
        with np.errstate(invalid="ignore", divide="ignore"):
            shares.append((block @ of_mitochondria) / total)
        seen[block.indices[block.data != 0]] = True
    empty = np.empty(0)
    return Numbers(
        np.concatenate([empty, *sums]),
        np.concatenate([empty, *detected]).astype(np.int64),
        np.concatenate([empty, *shares]),
        ~seen,
        absent,
    )


def _check(
    block: sparse.csr_matrix,
    ids: NDArray[np.object_],
    genes: NDArray[np.object_],
    promised: bool,
    missing: bool,
    where: str,
) -> None:
    """Refuse numbers that are not allowed."""
    values = block.data
    lowest = values.min(initial=0)  # nan where one is missing
    if np.isnan(lowest) and not missing:
        raise _wrong(
            block,
            np.isnan(values),
            ids,
            genes,
            where,
            "is missing (NaN)",
            "Set samples.missing: true, so that the encoder imputes what is missing, or mend the "
            "input.",
        )
    if np.isinf(values).any():
        raise _wrong(block, np.isinf(values), ids, genes, where, "is infinite", "Mend the input.")
    if promised and (values < 0).any():
        raise _wrong(
            block,
            values < 0,
            ids,
            genes,
            where,
            f"is negative ({values[values < 0][0]:g})",
            "Counts are not: name the layer with the counts (samples.layer, samples.raw), or set "
            "samples.counts: false if these are other numbers.",
        )
    if promised:
        broken = (values != np.rint(values)) & ~np.isnan(values)
        if broken.any():
            raise _wrong(
                block,
                broken,
                ids,
                genes,
                where,
                f"is {values[broken][0]:g}",
                "Counts are whole numbers: name the layer with the counts (samples.layer, "
                "samples.raw), or set samples.counts: false if these were normalised already.",
            )


def _wrong(
    block: sparse.csr_matrix,
    which: NDArray[np.bool_],
    ids: NDArray[np.object_],
    genes: NDArray[np.object_],
    where: str,
    what: str,
    remedy: str,
) -> InputError:
    place = int(np.flatnonzero(which)[0])
    cell = ids[np.searchsorted(block.indptr, place, side="right") - 1]
    more = f" ({which.sum():,} such numbers in {block.shape[0]:,} cells)" if which.sum() > 1 else ""
    start = f"{where}: " if where else ""
    return InputError(
        f"{start}the number of gene {genes[block.indices[place]]!r} in cell {cell!r} {what}{more}. "
        f"{remedy}"
    )
