"""Cells as the expression of chosen genes: normalised, imputed, scaled, and their components."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from cistron.base.arrays import Arrays
from cistron.base.cell_vectors import CellVectors, Transformed
from cistron.base.counts import Counts
from cistron.base.document import Document
from cistron.base.encoded import Gives, InputShape, State
from cistron.base.errors import InputError
from cistron.base.settings import InputPath
from cistron.base.untrusted import checked, require_arrays
from cistron.encoders.cells.cell_components import Components
from cistron.encoders.cells.cell_scaling import Scaler, ScaleSettings, ZScore
from cistron.encoders.cells.gene_choice import GeneChoice, VariableGenes
from cistron.encoders.cells.gene_moments import moments
from cistron.encoders.cells.gene_overlap import GeneOverlap, KnownGenes
from cistron.encoders.cells.impute import Imputer, ImputeSettings
from cistron.encoders.cells.normalise import (
    NormaliseSettings,
    TrainingCells,
    columns,
    row_sums,
    zeroed,
)
from cistron.encoders.cells.value_range import ValueRange
from cistron.encoders.settings import EncoderSettings
from cistron.samples.cells.gene_names import read_aliases
from cistron.samples.samples import Samples

AXES = {
    "chosen": ["chosen"],
    "fill": ["chosen"],
    "deviation": ["chosen"],
    "centre": ["chosen"],
    "spread": ["chosen"],
    "component_centre": ["chosen"],
    "component_share": ["components"],
    "loadings": ["components", "chosen"],
    "neighbours": ["cells", "chosen"],
}
"""What the axes of the arrays count that are saved."""


@dataclass(frozen=True)
class Learned:
    """What `Expression.state` returns beside its arrays."""

    target: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    low: Annotated[float, Field(allow_inf_nan=False)] | None
    high: Annotated[float, Field(allow_inf_nan=False)] | None
    notes: tuple[str, ...]
    values: ValueRange | None = None


class ExpressionSettings(EncoderSettings):
    """Settings of the `expression` encoder; each step is fitted on training cells only."""

    reads: ClassVar[frozenset[str]] = frozenset({"genes"})
    gives: ClassVar[Gives] = "vector"

    kind: Literal["expression"] = "expression"
    normalise: NormaliseSettings = Field(
        NormaliseSettings(), description="what the matrix holds (input), and the sum of each cell"
    )
    genes: GeneChoice = Field(
        VariableGenes(), description="kind: highly_variable, list, markers or all, with their keys"
    )
    impute: ImputeSettings = Field(
        ImputeSettings(), description="what stands for missing values and missing genes"
    )
    scale: ScaleSettings = Field(ZScore(), description="kind: z_score, min_max or none")
    components: int | None = Field(
        None, ge=1, description="principal components of the scaled genes; null: the genes"
    )
    min_overlap: float = Field(
        0.5, ge=0, le=1, description="least share of the chosen genes that new data must have"
    )

    aliases: InputPath | None = Field(
        None,
        description="alias table of genes (other name, name), kept in the classifier: by it too "
        "the genes of new data are found",
    )

    @property
    def matrix(self) -> str:
        """What the numbers are taken for."""
        return self.normalise.input

    @property
    def needs_columns(self) -> dict[str, tuple[str, ...]]:
        """The column within whose values genes are ranked."""
        return {"encoder.genes.by": self.genes.columns}

    def fit(self, samples: Samples) -> Expression:
        """Learn every step from training cells, in a few passes over them.

        Raises
        ------
        InputError
            If the matrix does not hold what `normalise.input` promises, or no gene can be chosen.
        """
        self.require_possible()
        aliases = {} if self.aliases is None else read_aliases(self.aliases)
        cells = TrainingCells.look(_cells(samples), self.normalise)
        genes, notes = self.genes.choose(cells, samples)
        training = moments(cells.blocks(genes), len(genes))
        imputer = self.impute.fit(cells, genes, training)

        def values() -> Iterator[sparse.csr_matrix]:
            return imputer.all_filled(cells.blocks(genes))

        if cells.survey.missing[genes].any():
            training = moments(values(), len(genes))
        scaler = Scaler.fit(self.scale, training, values())
        components = None
        if self.components is not None:
            scaled = (scaler.scaled(block) for block in values())
            components = Components.fit(scaled, len(genes), self.components)
        share = cells.survey.sums / max(cells.survey.sums.sum(), 1e-12)
        return Expression(
            self,
            KnownGenes.of(cells.counts, genes, share, aliases),
            cells.target,
            imputer,
            scaler,
            components,
            np.sqrt(training.variance()[0]),
            tuple(notes),
            cells.values,
        )

    def restore(self, document: Document, arrays: Arrays) -> Expression:
        """Rebuild the encoder from its state."""
        axes = {name: counted for name, counted in AXES.items() if name in arrays}
        require_arrays(arrays, axes | {"spread": ["chosen"]}, ["spread"])
        components = None
        if self.components is not None:
            components = Components(
                *(arrays[name] for name in ("loadings", "component_centre", "component_share"))
            )
        learned = checked(Learned, document)
        low = -np.inf if learned.low is None else learned.low
        high = np.inf if learned.high is None else learned.high
        if low >= high:
            raise ValueError("low: it should be less than high")
        return Expression(
            self,
            KnownGenes.restore(arrays),
            learned.target,
            Imputer(self.impute, arrays["fill"], arrays.get("neighbours")),
            Scaler(arrays["centre"], arrays["spread"], low, high),
            components,
            arrays["deviation"],
            tuple(learned.notes),
            learned.values,
        )

    def require_possible(self) -> None:
        """Refuse steps that cannot follow each other.

        Raises
        ------
        InputError
            If counts are ranked where none are given.
        """
        choice = self.genes
        if (
            isinstance(choice, VariableGenes)
            and choice.method == "seurat_v3"
            and not self.normalise.by_size
        ):
            raise InputError(
                "encoder.genes.method: 'seurat_v3' ranks genes by their counts, and "
                f"encoder.normalise.input is {self.normalise.input!r}. Use seurat, or give counts."
            )


@dataclass(frozen=True, eq=False)
class Expression:
    """A fitted encoder of cells.

    Parameters
    ----------
    settings : ExpressionSettings
    known : KnownGenes
        Genes of the training cells and which of them were chosen.
    target : float
        What the counts of a cell are made to add up to.
    imputer : Imputer
    scaler : Scaler
    components : Components, optional
    deviation : ndarray of float64, shape (chosen,)
        Standard deviation of each chosen gene's normalised values over the training cells.
    notes : tuple of str
        What is to be said of the choice of genes.
    values : ValueRange, optional
        What the numbers of the training cells looked like; not known of older classifiers.
    """

    settings: ExpressionSettings
    known: KnownGenes
    target: float
    imputer: Imputer
    scaler: Scaler
    components: Components | None
    deviation: NDArray[np.float64]
    notes: tuple[str, ...] = ()
    values: ValueRange | None = None

    @property
    def shape(self) -> InputShape:
        """One vector a cell."""
        return InputShape("vector", len(self.names))

    @property
    def genes(self) -> list[str]:
        """Names of the chosen genes."""
        return self.known.chosen_names.tolist()

    @property
    def names(self) -> list[str]:
        """Names of the features: of the genes, or "component 1" and so on."""
        if self.components is None:
            return self.genes
        return [f"component {number + 1}" for number in range(len(self.components.loadings))]

    def encode(self, samples: Samples) -> CellVectors | NDArray[np.float32]:
        """Return vectors of cells, of which no step is fitted again.

        Genes are aligned by name with those of training; what new data lack is imputed.

        Returns
        -------
        CellVectors
            Genes: sparse in memory, or, of cells in a file, still there.
        ndarray of float32, shape (n, components)
            Components, computed block by block.

        Raises
        ------
        InputError
            If too few of the chosen genes are there (`min_overlap`), or the matrix does not hold
            what was promised.
        """
        if self.components is None:
            return self.scaled(samples)
        return self.projected(self._unread(samples))

    def scaled(self, samples: Samples) -> CellVectors:
        """Return the chosen genes of cells, before components are made of them (see `encode`)."""
        vectors = self._unread(samples)
        return vectors if vectors.chunk else CellVectors.held(vectors.read(), vectors.shared)

    def projected(self, vectors: CellVectors) -> CellVectors | NDArray[np.float32]:
        """Return what `encode` does, of cells whose genes are `scaled`."""
        if self.components is None:
            return vectors
        blocks = [self.components.project(block) for block in vectors.blocks()]
        return np.concatenate([np.empty((0, len(self.names)), dtype=np.float32), *blocks])

    def _unread(self, samples: Samples) -> CellVectors:
        """Return vectors of genes that are made of the numbers whenever they are read."""
        counts = _cells(samples)
        matrix = Transformed(counts.matrix, self._transform(counts), len(self.genes))
        return CellVectors(matrix, counts.rows, self.scaler.shared)

    def scaled_genes(self, samples: Samples) -> sparse.csr_matrix:
        """Return what components are made of: scaled genes less `scaler.shared`, of few cells."""
        counts = _cells(samples)
        read = self._transform(counts)
        empty = sparse.csr_matrix((0, len(self.genes)), dtype=np.float32)
        return sparse.vstack([empty, *(read(block) for block in counts.blocks())], format="csr")

    def overlap(self, samples: Samples) -> GeneOverlap:
        """Return how the genes of these samples meet those of training."""
        return self.known.meet(_cells(samples))

    def warnings(self, samples: Samples) -> list[str]:
        """Say which cells have no counts; of genes that all lack, `overlap` has the note."""
        if "counts" not in samples.table:
            return [""] * len(samples)
        return ["no counts" if total == 0 else "" for total in samples.table["counts"].tolist()]

    def to_genes(self, multipliers: NDArray[np.floating]) -> tuple[list[str], NDArray[np.float64]]:
        """Carry coefficients or gradients of features back to genes, through components and scale.

        Parameters
        ----------
        multipliers : ndarray, shape (…, features)
            Change of an output for a unit of each feature.

        Returns
        -------
        genes : list of str
        values : ndarray of float64, shape (…, genes)
            Change of the output for a unit of each gene's normalised expression, signed. Times
            `deviation` it is the change for one standard deviation; times a cell's difference
            from a reference, the gene's contribution to a linear model.
        """
        values = np.asarray(multipliers, dtype=np.float64)
        if self.components is not None:
            values = values @ self.components.loadings
        return self.genes, values / self.scaler.spread

    def state(self) -> State:
        """Return names and numbers of every step."""
        low, high = (v if np.isfinite(v) else None for v in (self.scaler.low, self.scaler.high))
        document: Document = {
            "target": self.target,
            "low": low,
            "high": high,
            "notes": list(self.notes),
        }
        if self.values is not None:
            document["values"] = asdict(self.values)
        arrays = self.known.arrays()
        arrays |= {"fill": self.imputer.fill, "deviation": self.deviation}
        arrays |= {"centre": self.scaler.centre, "spread": self.scaler.spread}
        if self.imputer.kept is not None:
            arrays["neighbours"] = self.imputer.kept
        if self.components is not None:
            arrays["loadings"] = self.components.loadings
            arrays["component_centre"] = self.components.centre
            arrays["component_share"] = self.components.share
        return document, arrays

    def _transform(self, counts: Counts) -> Callable[[sparse.csr_matrix], sparse.csr_matrix]:
        """Return what makes sparse rows of blocks of these cells."""
        overlap = self.known.meet(counts)
        overlap.require(self.settings.min_overlap)
        return partial(self._rows, overlap, _constant_columns(overlap, self.imputer.fill))

    def _rows(
        self,
        overlap: GeneOverlap,
        lacking: Callable[[sparse.csr_matrix], sparse.csr_matrix] | None,
        block: sparse.csr_matrix,
    ) -> sparse.csr_matrix:
        normalise = self.settings.normalise
        normalise.require_promised(block)
        if self.values is not None:
            self.values.require_alike(block.data, normalise.input)
        chosen = columns(block, overlap.columns)
        totals = np.ones(block.shape[0])
        if normalise.by_size:
            lost = np.isnan(block.data)
            whole = zeroed(block, lost) if lost.any() else block
            if overlap.shared is not None:
                whole = columns(whole, overlap.shared)
            totals = row_sums(whole)
        values = normalise.values(chosen, totals, self.target * overlap.weight)
        if lacking is not None:
            values = lacking(values)
        return self.scaler.scaled(self.imputer.filled(values))


def _constant_columns(
    overlap: GeneOverlap, fill: NDArray[np.float32]
) -> Callable[[sparse.csr_matrix], sparse.csr_matrix] | None:
    """Return what puts lacking genes, as their constants, among those that are there."""
    absent = np.flatnonzero(~overlap.present)
    if not len(absent):
        return None
    order = np.argsort(np.concatenate([np.flatnonzero(overlap.present), absent]))
    return partial(_put, fill[absent], order)


def _put(
    fill: NDArray[np.float32], order: NDArray[np.int64], block: sparse.csr_matrix
) -> sparse.csr_matrix:
    constants = sparse.csr_matrix(np.tile(fill, (block.shape[0], 1)))
    return columns(sparse.hstack([block, constants], format="csr"), order)


def _cells(samples: Samples) -> Counts:
    if not isinstance(samples.payload, Counts):
        raise InputError("encoder: 'expression' reads cells, and these samples are sequences.")
    return samples.payload
