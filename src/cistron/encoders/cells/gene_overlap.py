"""How the genes of new data meet those of the training cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cistron.base.arrays import Arrays
from cistron.base.counts import Counts
from cistron.base.errors import InputError
from cistron.samples.cells.gene_names import align_genes

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
    told : str
        How all genes of training were found, where they have not all the same name.
    """

    names: NDArray[np.object_]
    present: NDArray[np.bool_]
    columns: NDArray[np.int64]
    shared: NDArray[np.int64] | None
    weight: float
    told: str = ""

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
        """What is missing and how genes were found, as sentences, or an empty string."""
        missing = self.missing
        if not missing:
            return self.told
        more = ", …" if len(missing) > SHOWN else ""
        return (
            f"{len(missing):,} of {len(self.names):,} genes that the classifier reads are not in "
            f"the data and were imputed: {', '.join(missing[:SHOWN])}{more}. {self.told}"
        ).strip()

    def require(self, least: float) -> None:
        """Refuse data that have too few of the chosen genes.

        Raises
        ------
        InputError
            If their share is below `least`.
        """
        if self.share < least or not self.present.any():
            examples = ", ".join(self.missing[:SHOWN])
            raise InputError(
                f"The data have {int(self.present.sum()):,} of the {len(self.names):,} genes that "
                f"the classifier reads ({self.share:.0%}; not {examples}, …), and at least "
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
    aliases : dict of str to str
        Other name → name.
    """

    names: dict[str, NDArray[np.object_]]
    share: NDArray[np.float64]
    chosen: NDArray[np.int64]
    aliases: dict[str, str] = field(default_factory=dict)
    _met: list[tuple[Counts, GeneOverlap]] = field(default_factory=list, repr=False)

    @classmethod
    def of(
        cls,
        counts: Counts,
        chosen: NDArray[np.int64],
        share: NDArray[np.float64],
        aliases: dict[str, str],
    ) -> Self:
        """Return the genes of training cells."""
        return cls({"gene": counts.genes, **counts.names}, share, chosen, aliases)

    @property
    def chosen_names(self) -> NDArray[np.object_]:
        """Names of the genes that are read."""
        return self.names["gene"][self.chosen]

    def meet(self, counts: Counts) -> GeneOverlap:
        """Return which of the genes other cells have (see `cistron.samples.cells.gene_names`).

        What was found of the data set met last is kept: cells that are streamed come in blocks of
        the same genes.
        """
        for known, overlap in self._met:
            if _same_genes(known, counts):
                return overlap
        place, note = self._places(counts)
        present = place[self.chosen] >= 0
        there = place >= 0
        shared, weight = None, 1.0
        if there.sum() < max(len(place), len(counts.genes)):
            shared = np.sort(place[there])
            weight = float(self.share[there].sum())
        columns = place[self.chosen][present]
        overlap = GeneOverlap(self.chosen_names, present, columns, shared, weight, note)
        self._met[:] = [(counts.span(0, 0), overlap)]
        return overlap

    def _places(self, counts: Counts) -> tuple[NDArray[np.int64], str]:
        """Return the column of each training gene in other cells, -1 without; and what to say."""
        training = self.names["gene"]
        if np.array_equal(training, counts.genes):
            return np.arange(len(training), dtype=np.int64), ""
        further = {kind: names.tolist() for kind, names in self.names.items() if kind != "gene"}
        aligned = align_genes(counts, training, names=further, aliases=self.aliases, least=0.0)
        plain = aligned.found.get("name", 0) == len(training)
        return aligned.index, "" if plain else aligned.note

    def arrays(self) -> Arrays:
        """Return all as arrays; names as the bytes of lines."""
        lines = {f"names.{kind}": _lines(names) for kind, names in self.names.items()}
        if self.aliases:
            lines["aliases"] = _lines(f"{a}\t{b}" for a, b in self.aliases.items())
        return {**lines, "share": self.share, "chosen": self.chosen}

    @classmethod
    def restore(cls, arrays: Arrays) -> Self:
        """Rebuild the genes from their arrays."""
        names = {
            key.removeprefix("names."): np.array(_texts(lines), dtype=object)
            for key, lines in arrays.items()
            if key.startswith("names.")
        }
        aliases = {}
        if "aliases" in arrays:
            aliases = dict(line.split("\t", 1) for line in _texts(arrays["aliases"]))
        share, chosen = arrays["share"], arrays["chosen"]
        if {len(share)} != {len(lines) for lines in names.values()} or share.ndim != 1:
            raise ValueError("the names of the genes and their shares differ in number")
        if chosen.dtype.kind not in "iu" or not np.isin(chosen, np.arange(len(share))).all():
            raise ValueError("a gene was chosen that is not there")
        return cls(names, share, chosen, aliases)


def _lines(texts: Iterable[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(texts).encode(), dtype=np.uint8)


def _texts(lines: NDArray[np.uint8]) -> list[str]:
    return lines.tobytes().decode().split("\n")


def _same_genes(first: Counts, second: Counts) -> bool:
    if first.genes is second.genes and first.names is second.names:
        return True
    return first.names.keys() == second.names.keys() and all(
        np.array_equal(a, b) for a, b in zip(first.known, second.known, strict=True)
    )
