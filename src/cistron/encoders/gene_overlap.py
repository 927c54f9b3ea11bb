"""How the genes of new data meet those of the training cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.samples.counts import Counts

SHOWN = 5  # names in a message


@dataclass(frozen=True, eq=False)
class GeneOverlap:
    """Which genes of training another data set has.

    Parameters
    ----------
    names : ndarray of object, shape (chosen,)
        Of the genes that were chosen in training.
    present : ndarray of bool, shape (chosen,)
    columns : ndarray of int64, shape (present,)
        Where those that are there are in the data.
    shared : ndarray of int64, optional
        Columns of all genes that training had too; None where they are all columns.
    weight : float
        Share of the training cells' counts that lies in the genes that are there. A cell's counts
        over these are made to add up to that share of the target, so that a cell does not seem
        richer in every gene because others were not measured.
    """

    names: NDArray[np.object_]
    present: NDArray[np.bool_]
    columns: NDArray[np.int64]
    shared: NDArray[np.int64] | None
    weight: float

    @property
    def share(self) -> float:
        """Share of the chosen genes that are there."""
        return float(self.present.mean())

    @property
    def missing(self) -> list[str]:
        """Names of the chosen genes that are not there."""
        return self.names[~self.present].tolist()

    @property
    def note(self) -> str:
        """One sentence on what is missing, or an empty string."""
        missing = self.missing
        if not missing:
            return ""
        more = ", …" if len(missing) > SHOWN else ""
        return (
            f"{len(missing):,} of {len(self.names):,} genes that the classifier reads are not in "
            f"the data and were imputed: {', '.join(missing[:SHOWN])}{more}."
        )

    def require(self, least: float) -> None:
        """Refuse data that have too few of the chosen genes.

        Raises
        ------
        InputError
            If their share is below `least`.
        """
        if self.share < least or not self.present.any():
            some = ", ".join(self.missing[:SHOWN])
            raise InputError(
                f"The data have {int(self.present.sum()):,} of the {len(self.names):,} genes that "
                f"the classifier reads ({self.share:.0%}; not {some}, …), and at least "
                f"{least:.0%} are needed (encoder.min_overlap). Give the genes the names they had "
                "in training, or train on genes that both data sets have."
            )


@dataclass(frozen=True, eq=False)
class KnownGenes:
    """Genes of the training cells.

    Parameters
    ----------
    names : dict of str to ndarray of object, shape (genes,)
        "gene": as the source had them; then further names, as in `Counts`.
    share : ndarray of float64, shape (genes,)
        Share of all training cells' counts.
    chosen : ndarray of int64, shape (chosen,)
        Which genes are read.
    """

    names: dict[str, NDArray[np.object_]]
    share: NDArray[np.float64]
    chosen: NDArray[np.int64]

    @classmethod
    def of(cls, counts: Counts, chosen: NDArray[np.int64], share: NDArray[np.float64]) -> Self:
        """Return the genes of training cells."""
        return cls({"gene": counts.genes, **counts.names}, share, chosen)

    @property
    def chosen_names(self) -> NDArray[np.object_]:
        """Names of the genes that are read."""
        return self.names["gene"][self.chosen]

    def meet(self, counts: Counts) -> GeneOverlap:
        """Return which of the genes other cells have."""
        place = self._places(counts)
        present = place[self.chosen] >= 0
        columns = place[self.chosen][present]
        there = place >= 0
        shared, weight = None, 1.0
        if there.sum() < max(len(place), len(counts.genes)):
            shared = np.sort(place[there])
            weight = float(self.share[there].sum())
        return GeneOverlap(self.chosen_names, present, columns, shared, weight)

    def _places(self, counts: Counts) -> NDArray[np.int64]:
        """Return the column of each training gene in other cells, -1 where they lack it."""
        own = self.names["gene"]
        if len(own) == len(counts.genes) and (own == counts.genes).all():
            return np.arange(len(own), dtype=np.int64)
        column = {name: number for number, name in enumerate(counts.genes.tolist())}
        return np.array([column.get(name, -1) for name in own.tolist()], dtype=np.int64)

    def arrays(self) -> dict[str, NDArray]:
        """Return all as arrays; names as the bytes of lines."""
        lines = {
            f"names.{kind}": np.frombuffer("\n".join(names).encode(), dtype=np.uint8)
            for kind, names in self.names.items()
        }
        return {**lines, "share": self.share, "chosen": self.chosen}

    @classmethod
    def restore(cls, arrays: dict[str, NDArray]) -> Self:
        """Rebuild the genes from their arrays."""
        names = {
            key.removeprefix("names."): np.array(lines.tobytes().decode().split("\n"), dtype=object)
            for key, lines in arrays.items()
            if key.startswith("names.")
        }
        return cls(names, arrays["share"], arrays["chosen"])
