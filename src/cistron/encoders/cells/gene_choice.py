"""Which genes of the training cells a model reads."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from cistron.base.errors import InputError, nearest
from cistron.base.settings import InputPath, Settings
from cistron.encoders.cells.marker_genes import best_of_each, welch_t, wilcoxon
from cistron.encoders.cells.normalise import TrainingCells
from cistron.encoders.cells.technical_genes import Technical, technical
from cistron.encoders.cells.variable_genes import (
    most_variable,
    standardised_dispersion,
    standardised_variance,
)
from cistron.samples.genome.gene_ids import FEWEST, match_overlap
from cistron.samples.samples import Samples

SHOWN = 5  # names in a message


class GeneSettings(Settings):
    """What all ways of choosing genes have in common."""

    min_cells: int = Field(
        3, ge=1, description="training cells in which a gene must be seen to be chosen"
    )
    leave_out: tuple[Technical, ...] = Field(
        (), description="technical genes that are not chosen, by their names"
    )
    leave_out_pattern: str | None = Field(
        None, description="regular expression of further names that are not chosen"
    )

    @field_validator("leave_out_pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"this is no regular expression: {error}") from error
        return value

    def choose(self, cells: TrainingCells, samples: Samples) -> tuple[NDArray[np.int64], list[str]]:
        """Return the genes to read, in the order of the cells' genes, and what is to be said.

        Parameters
        ----------
        cells : TrainingCells
        samples : Samples
            The same cells with labels and groups.

        Raises
        ------
        InputError
            If none can be chosen.
        """
        raise NotImplementedError

    @property
    def columns(self) -> tuple[str, ...]:
        """Group columns of the samples that are read."""
        return ()

    def allowed(self, cells: TrainingCells) -> NDArray[np.bool_]:
        """Return which genes are seen in enough cells and are not to be left out.

        Raises
        ------
        InputError
            If there are none.
        """
        enough = cells.survey.detected >= self.min_cells
        if self.leave_out or self.leave_out_pattern:
            enough &= ~technical(cells.counts.known, self.leave_out, self.leave_out_pattern)
        if not enough.any():
            raise InputError(
                f"encoder.genes: no gene is seen in {self.min_cells} of {len(cells.counts):,} "
                "training cells, technical genes left out. Lower min_cells or leave out less."
            )
        return enough


class VariableGenes(GeneSettings):
    """Settings of genes that vary most between training cells."""

    kind: Literal["highly_variable"] = "highly_variable"
    number: int = Field(2000, ge=1, description="genes to choose; fewer where fewer are allowed")
    method: Literal["seurat_v3", "seurat"] = Field(
        "seurat_v3",
        description="seurat_v3: standardised variance of the counts; seurat: dispersion of "
        "normalised values",
    )
    by: str | None = Field(
        None,
        description="group column (a batch, a patient) within which genes are ranked, before the "
        "ranks are merged; null: all cells together",
    )
    span: float = Field(
        0.3,
        gt=0,
        le=1,
        description="share of the genes that the regression of seurat_v3 uses at each point",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The column within whose values genes are ranked."""
        return () if self.by is None else (self.by,)

    def choose(self, cells: TrainingCells, samples: Samples) -> tuple[NDArray[np.int64], list[str]]:
        """Return the most variable genes."""
        allowed = self.allowed(cells)
        codes, groups = np.zeros(len(samples), dtype=np.int64), 1
        if self.by is not None:
            if self.by not in samples.groups:
                raise InputError(
                    f"encoder.genes.by: {self.by!r} is not declared under samples.groups (there "
                    f"are: {', '.join(samples.groups) or 'none'})."
                    f"{nearest(self.by, samples.groups)}"
                )
            codes = samples.group([self.by])
            groups = int(codes.max()) + 1
        if self.method == "seurat_v3":
            scores = standardised_variance(cells, codes, groups, self.span)
        else:
            scores = standardised_dispersion(cells, codes, groups)
        rows = np.flatnonzero(allowed)
        names = cells.counts.genes
        return rows[most_variable(scores[:, rows], names[rows], self.number)], []


class ListedGenes(GeneSettings):
    """Settings of genes given by name."""

    kind: Literal["list"] = "list"
    names: tuple[str, ...] = Field((), description="names of the genes, any that the samples know")
    file: InputPath | None = Field(
        None, description="text file with the names, one a line, in place of `names`"
    )
    min_cells: int = Field(
        1, ge=1, description="training cells in which a gene must be seen to be read"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> ListedGenes:
        if bool(self.names) == (self.file is not None):
            raise ValueError("give either names or a file with one name a line")
        return self

    def choose(
        self,
        cells: TrainingCells,
        samples: Samples,  # noqa: ARG002
    ) -> tuple[NDArray[np.int64], list[str]]:
        """Return the listed genes; those that are not there, or never seen, are said."""
        wanted = list(dict.fromkeys(self.names if self.file is None else self._read()))
        place: dict[str, int] = {}
        for known in cells.counts.known:
            for number, name in enumerate(known.tolist()):
                if name:
                    place.setdefault(name, number)
        found, notes = match_overlap(list(place), wanted, "encoder.genes", fewest=FEWEST)
        columns = zip(place.values(), found, strict=True)
        place = {wanted[row]: number for number, row in columns if row >= 0}
        there = [name for name in wanted if name in place]
        absent = [name for name in wanted if name not in place]
        if not there:
            raise InputError(
                f"encoder.genes: none of the {len(wanted):,} listed genes is among the "
                f"{len(cells.counts.genes):,} genes of the samples "
                f"({', '.join(map(str, cells.counts.genes[:SHOWN]))}, …). "
                "Use the names that the samples have."
            )
        allowed = self.allowed(cells)
        chosen = np.unique([place[name] for name in there])
        rows = chosen[allowed[chosen]]
        if absent:
            notes.append(_said(absent, len(wanted), "are not in the samples"))
        if len(rows) < len(chosen):
            unseen = cells.counts.genes[chosen[~allowed[chosen]]].tolist()
            notes.append(
                _said(unseen, len(wanted), f"are seen in fewer than {self.min_cells} cells")
            )
        if not len(rows):
            raise InputError(f"encoder.genes: {' '.join(notes)} No gene is left.")
        return rows, notes

    def _read(self) -> list[str]:
        if self.file is None:
            return []
        try:
            lines = self.file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise InputError(
                f"encoder.genes.file: {self.file} cannot be read: {reason}."
            ) from error
        names = [line.strip() for line in lines if line.strip()]
        if not names:
            raise InputError(f"encoder.genes.file: {self.file} names no gene.")
        return names


class MarkerGenes(GeneSettings):
    """Settings of genes that mark the classes of the training cells."""

    kind: Literal["markers"] = "markers"
    test: Literal["welch_t", "wilcoxon"] = Field(
        "welch_t", description="test by which genes of a class are compared with all other cells"
    )
    number: int = Field(
        50, ge=1, description="genes of each class; those with higher expression in it are taken"
    )

    def choose(self, cells: TrainingCells, samples: Samples) -> tuple[NDArray[np.int64], list[str]]:
        """Return the genes that tell each class from all others best."""
        if samples.target.form != "softmax" or len(samples.classes) < 2:
            raise InputError(
                "encoder.genes.kind: 'markers' tests genes between classes, and these samples do "
                "not have one class each. Use highly_variable."
            )
        test = welch_t if self.test == "welch_t" else wilcoxon
        scores = test(cells, samples.truth, len(samples.classes))
        chosen = best_of_each(scores, self.allowed(cells), cells.counts.genes, self.number)
        if not len(chosen):
            raise InputError("encoder.genes: no gene differs between the classes. Use all.")
        return chosen, []


class AllGenes(GeneSettings):
    """Settings of all genes that are seen."""

    kind: Literal["all"] = "all"

    def choose(
        self,
        cells: TrainingCells,
        samples: Samples,  # noqa: ARG002
    ) -> tuple[NDArray[np.int64], list[str]]:
        """Return all that are allowed."""
        return np.flatnonzero(self.allowed(cells)), []


GeneChoice = Annotated[
    VariableGenes | ListedGenes | MarkerGenes | AllGenes, Field(discriminator="kind")
]
"""Any way of choosing genes, told apart by `kind`."""


def _said(names: list[str], of: int, what: str) -> str:
    more = ", …" if len(names) > SHOWN else ""
    return f"{len(names):,} of {of:,} listed genes {what}: {', '.join(names[:SHOWN])}{more}."
