"""Which genes of an annotation are used, and why others are not."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator

from cistron.base.errors import InputError
from cistron.base.settings import Settings
from cistron.samples.genome.annotation import Annotation


class GeneFilters(Settings):
    """Which genes are used, and what is done where a window does not fit."""

    biotypes: tuple[str, ...] = Field(
        ("protein_coding",), description="biotypes to use; an empty list uses all genes"
    )
    boundaries: Literal["gene", "transcript"] = Field(
        "gene",
        description="tss and tts are those of the gene, or of its canonical transcript (else that "
        "of the longest protein)",
    )
    organelles: Literal["exclude", "keep"] = Field(
        "exclude", description="whether genes of mitochondria and plastids are used"
    )
    exclude_chromosomes: tuple[str, ...] = Field(
        (), description="chromosomes that are left out, by their names in the annotation"
    )
    edges: Literal["pad", "drop"] = Field(
        "pad", description="windows past the end of a chromosome: N there, or dropped"
    )
    short_genes: Literal["split", "overlap", "drop"] = Field(
        "split",
        description="genes shorter than what is read inside of them: each half reads as far as "
        "the middle and N behind, or the same bases are read twice, or dropped",
    )
    max_unknown: float = Field(
        0.5,
        ge=0,
        le=1,
        description="largest share of unknown bases in a window, those past a chromosome's end too",
    )
    duplicate_genes: Literal["error", "drop"] = Field(
        "error", description="what is done about two genes of one id"
    )

    @field_validator("biotypes", "exclude_chromosomes", mode="before")
    @classmethod
    def _name_or_names(cls, value: object) -> object:
        if isinstance(value, list | tuple):  # YAML reads the name 1 as a number
            return tuple(str(name) for name in value)
        return (str(value),) if isinstance(value, str | int) else value


def drop_genes(table: pd.DataFrame, rows: NDArray[np.bool_] | pd.Series, reason: str) -> None:
    """Mark genes as not used; a reason given before stays."""
    table.loc[np.asarray(rows) & (table["reason"] == "").to_numpy(), "reason"] = reason


def filter_genes(table: pd.DataFrame, annotation: Annotation, filters: GeneFilters) -> None:
    """Mark the genes that the settings leave out.

    Raises
    ------
    InputError
        If a biotype or chromosome is unknown.
    """
    biotype = table["biotype"]
    if filters.biotypes and biotype.ne("").any():
        known = set(biotype)
        if not known & set(filters.biotypes):
            there = ", ".join(biotype.value_counts().index[:8])
            raise InputError(
                f"samples.biotypes: {annotation.name} has no {' or '.join(filters.biotypes)} "
                f"genes. Its biotypes are: {there}."
            )
        for name in sorted(known - set(filters.biotypes)):
            drop_genes(table, biotype == name, f"of another biotype ({name})")
    for strand in sorted(set(table["strand"]) - {"+", "-"}):
        drop_genes(table, table["strand"] == strand, f"on an unknown strand ({strand})")
    for name in filters.exclude_chromosomes:
        if name not in set(table["chromosome"]):
            there = ", ".join(table["chromosome"].unique()[:20])
            raise InputError(
                f"samples.exclude_chromosomes: {annotation.name} has no chromosome {name!r} "
                f"(there are: {there})."
            )
        drop_genes(table, table["chromosome"] == name, f"on an excluded chromosome ({name})")
    if filters.organelles == "exclude":
        for name in sorted(annotation.organelles):
            drop_genes(table, table["chromosome"] == name, f"on an organelle ({name})")
    drop_genes(table, table["parts"], "in parts that lie apart (trans-spliced)")


def require_once(
    table: pd.DataFrame, annotation: Annotation, filters: GeneFilters, among: NDArray[np.bool_]
) -> None:
    """Refuse, or mark, genes whose id stands twice among some of them.

    Parameters
    ----------
    table : DataFrame
    annotation : Annotation
    filters : GeneFilters
    among : ndarray of bool, shape (genes,)
        Those that neither settings nor the table of numbers leave out, on chromosomes that are
        used: a tRNA, or a copy on an organelle or a patch, does not count.

    Raises
    ------
    InputError
        If ids stand twice and `duplicate_genes` does not say to drop them.
    """
    twice = among & table["id"].where(among).duplicated(keep=False).to_numpy()
    if twice.any() and filters.duplicate_genes == "error":
        name = table["id"][twice].iloc[0]
        lines = " and ".join(
            f"{n:,}" for n in table["line"][twice & (table["id"] == name)].iloc[:2]
        )
        raise InputError(
            f"{annotation.name}: the gene id {name!r} stands on lines {lines} (ids that stand "
            f"there twice: {table['id'][twice].nunique():,}). Mend the annotation, name another "
            "samples.id_attribute, or set samples.duplicate_genes to drop (all copies are left "
            "out)."
        )
    drop_genes(table, twice, "its id stands twice in the annotation")
