"""The genes of one genome: which are used, why others are not, and their windows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.arrays import Array
from cistron.base.errors import InputError
from cistron.base.settings import InputPath, Settings
from cistron.samples.genome.annotation import Annotation, read_annotation
from cistron.samples.genome.chromosomes import Chromosome, Names, iter_chromosomes
from cistron.samples.genome.gene_filters import (
    GeneFilters,
    drop_genes,
    filter_genes,
    require_once,
)
from cistron.samples.genome.gene_ids import match_ids
from cistron.samples.genome.numbers import GeneValues
from cistron.samples.genome.transcripts import choose_transcripts
from cistron.samples.genome.windows import Loci, Windows


class Genome(Settings):
    """A genome and its annotation."""

    genome: InputPath = Field(description="FASTA, plain, gzip or bgzip")
    annotation: InputPath = Field(description="GTF or GFF3, plain or gzip")
    aliases: dict[str, str] = Field(
        default_factory=dict, description="chromosome in the genome: its name in the annotation"
    )
    id_attribute: str | None = Field(
        None,
        description="attribute of a gene's id, or data base of its Dbxref (GeneID); by default "
        "gene_id, ID, Name: what is there",
    )


@dataclass(frozen=True, eq=False)
class GeneWindows:
    """All genes of one genome.

    Parameters
    ----------
    table : DataFrame
        One row for every annotated gene: `id`, `label`, `weight`, `chromosome`, `species` (where
        there are several), `start`, `end` (0-based, half-open), `strand`, `number`, `level`,
        `source`, `record` (line of the annotation), `reason` (why it is not used, or "") and
        `window` (row of `windows`, or -1).
    windows : ndarray of uint8, shape (cut, length)
    unmatched : DataFrame
        Rows of the table of numbers that are no gene: `id`, `source`, `record`, `reason`.
    notes : list of str
    paths : list of Path
    """

    table: pd.DataFrame
    windows: NDArray[np.uint8]
    unmatched: pd.DataFrame
    notes: list[str]
    paths: list[Path]


def read_windows(
    species: str, genome: Genome, values: GeneValues | None, windows: Windows, filters: GeneFilters
) -> GeneWindows:
    """Cut the window of every gene that has a label or a number.

    Parameters
    ----------
    species : str
        Name, put before chromosomes; "" where there is only one.
    genome : Genome
    values : GeneValues, optional
        What the table of numbers says; all genes are used without it.
    windows : Windows
    filters : GeneFilters

    Raises
    ------
    InputError
        If files cannot be read or do not belong together.
    """
    annotation = read_annotation(genome.annotation, genome.id_attribute)
    notes = [*annotation.notes]
    table = annotation.genes.drop(columns=["key", "name"])
    table["reason"] = ""
    filter_genes(table, annotation, filters)
    unmatched = _join(table, annotation, values, notes)
    cut = _cut_used(table, annotation, genome, windows, filters, notes)
    table["weight"], table["source"] = 1.0, str(genome.annotation)
    table = table.rename(columns={"line": "record"}).drop(columns=["biotype"])
    if species:
        table["species"] = species
        table["chromosome"] = species + ":" + table["chromosome"]
        notes = [f"{species}: {note}" for note in notes]
    paths = [genome.genome, genome.annotation, *([values.path] if values else [])]
    return GeneWindows(table, cut, unmatched, notes, paths)


def read_named_windows(
    genome: Genome,
    annotation: Annotation,
    named: NDArray[np.bool_],
    windows: Windows,
    filters: GeneFilters,
) -> tuple[pd.DataFrame, NDArray[np.uint8], list[str]]:
    """Cut the windows of some genes of an annotation that was read.

    Parameters
    ----------
    genome : Genome
    annotation : Annotation
        Of this genome.
    named : ndarray of bool, shape (genes,)
    windows : Windows
    filters : GeneFilters

    Returns
    -------
    table : DataFrame
        `id`, `reason` (why a gene is not used, or "") and `window` of the named genes.
    windows : ndarray of uint8, shape (cut, length)
    notes : list of str

    Raises
    ------
    InputError
        If the files cannot be read or do not belong together.
    """
    table, notes = annotation.genes.drop(columns=["key", "name"]), list[str]()
    table["reason"] = np.where(named, "", "not named")
    filter_genes(table, annotation, filters)
    cut = _cut_used(table, annotation, genome, windows, filters, notes)
    return table.loc[named, ["id", "reason", "window"]], cut, notes


def _cut_used(
    table: pd.DataFrame,
    annotation: Annotation,
    genome: Genome,
    windows: Windows,
    filters: GeneFilters,
    notes: list[str],
) -> NDArray[np.uint8]:
    """Cut the windows of the genes that are used so far; add `window`, reasons and notes."""
    loci = _usable(table, annotation, windows, filters, notes)
    wanted = (table["reason"] == "").to_numpy()
    cut = _cut(table, annotation, genome, loci, windows, filters)
    on_chromosomes = (table["chromosome_size"] > 0).to_numpy()
    require_once(table, annotation, filters, wanted & on_chromosomes)
    _tell(table, loci, windows, filters, notes)
    return cut


def read_loci(
    genome: Genome, windows: Windows, filters: GeneFilters
) -> tuple[pd.DataFrame, Loci, list[str]]:
    """Return all genes whose windows can be cut, without cutting them.

    Parameters
    ----------
    genome : Genome
        Its annotation is read.
    windows : Windows
    filters : GeneFilters

    Returns
    -------
    table : DataFrame
        `id`, `chromosome`, `start`, `end` (0-based, half-open) and `strand`.
    loci : Loci
    notes : list of str

    Raises
    ------
    InputError
        If the annotation cannot be read, or no gene is left.
    """
    annotation = read_annotation(genome.annotation, genome.id_attribute)
    table, notes = annotation.genes.drop(columns=["key", "name"]), [*annotation.notes]
    table["reason"] = ""
    filter_genes(table, annotation, filters)
    loci = _usable(table, annotation, windows, filters, notes)
    require_once(table, annotation, filters, (table["reason"] == "").to_numpy())
    rows = np.flatnonzero(table["reason"] == "")
    if not len(rows):
        raise InputError(f"{annotation.name}: no gene is left to cut a window of.")
    columns = ["id", "chromosome", "start", "end", "strand"]
    return table[columns].iloc[rows].reset_index(drop=True), loci.take(rows), notes


def _usable(
    table: pd.DataFrame,
    annotation: Annotation,
    windows: Windows,
    filters: GeneFilters,
    notes: list[str],
) -> Loci:
    """Return where genes lie; mark those without what their windows hang on."""
    loci = _loci(annotation, windows, filters)
    if windows.coded:
        drop_genes(table, loci.coding_start < 0, "no coding sequence in the annotation")
    elif windows.knows_codons:
        without = (table["reason"] == "") & (loci.coding_start < 0)
        if without.any():
            notes.append(f"Genes without a CDS, so that no codon is masked: {without.sum():,}.")
    if filters.short_genes == "drop":
        drop_genes(table, windows.meets(loci), "shorter than what is read inside of a gene")
    return loci


def _join(
    table: pd.DataFrame, annotation: Annotation, values: GeneValues | None, notes: list[str]
) -> pd.DataFrame:
    """Give every gene its number and label; return the rows that are no gene."""
    if values is None:
        table["number"] = table["level"] = np.nan
        table["label"] = pd.Series([None] * len(table), dtype=object)
        return pd.DataFrame({name: [] for name in ("id", "source", "record", "reason")})
    notes += values.notes
    rows, match_notes = match_ids(annotation.genes, values.ids, str(values.path))
    notes += match_notes
    has_value = rows >= 0

    def column(given: Array | None, missing: object, dtype: type) -> Array:
        filled: Array = np.full(len(rows), missing, dtype=dtype)
        if given is not None:
            filled[has_value] = given[rows[has_value]]
        return filled

    table["number"] = column(values.number, np.nan, float)
    table["level"] = column(values.level, np.nan, float)
    table["label"] = pd.Series(column(values.label, None, object), dtype=object)
    drop_genes(table, ~has_value, "no number: not in the table")
    reason = column(values.reason, "", object)
    for text in sorted(set(reason) - {""}):
        drop_genes(table, reason == text, text)
    unmatched = np.setdiff1d(np.arange(len(values.ids)), rows)
    return pd.DataFrame(
        {
            "id": pd.Series([values.ids[row] for row in unmatched], dtype=object),
            "source": pd.Series([str(values.path)] * len(unmatched), dtype=object),
            "record": values.record[unmatched],
            "reason": pd.Series(["not in the annotation"] * len(unmatched), dtype=object),
        }
    )


def _loci(annotation: Annotation, windows: Windows, filters: GeneFilters) -> Loci:
    """Return where each gene begins and ends."""
    genes = annotation.genes
    minus = (genes["strand"] == "-").to_numpy()
    start, end = genes["start"].to_numpy(), genes["end"].to_numpy()
    none = np.full(len(genes), -1, dtype=np.int64)
    if filters.boundaries == "gene" and not windows.knows_codons:
        return Loci(start, end, none, none, minus)
    chosen = choose_transcripts(annotation)
    if filters.boundaries == "transcript":
        start, end = chosen.start, chosen.end
    return Loci(start, end, chosen.coding_start, chosen.coding_end, minus)


def _cut(
    table: pd.DataFrame,
    annotation: Annotation,
    genome: Genome,
    loci: Loci,
    windows: Windows,
    filters: GeneFilters,
) -> NDArray[np.uint8]:
    """Cut windows chromosome by chromosome; add the columns `window` and, by reasons, losses."""
    names = Names(table["chromosome"].unique(), genome.aliases)
    used = (table["reason"] == "").to_numpy()
    window = np.where(used, np.cumsum(used) - 1, -1)
    whole = _room(int(used.sum()), windows)
    seen: list[str] = []
    sizes: dict[str, int] = {}
    for chromosome in iter_chromosomes(genome.genome):
        seen.append(chromosome.name)
        name = names.find(chromosome)
        if name is None:
            continue
        size = len(chromosome.codes)
        on_it = (table["chromosome"] == name).to_numpy()
        organelle = chromosome.is_organelle or name in annotation.organelles
        left_out = organelle and filters.organelles == "exclude"
        sizes[name] = 0 if left_out else size
        if left_out:
            drop_genes(table, on_it, f"on an organelle ({name})")
        elif organelle or name in annotation.circular:
            over = on_it & (table["start"] < size) & (table["end"] > size)
            drop_genes(table, over, f"over the origin of a circular chromosome ({name})")
        rows = np.flatnonzero(on_it & (table["reason"] == ""))
        if len(rows) == 0:
            continue
        _require_inside(table.iloc[rows], chromosome, genome)
        here = loci.take(rows)
        whole[window[rows]], unknown = windows.cut(chromosome.codes, here)
        if filters.edges == "drop":
            outside = np.zeros(len(table), dtype=bool)
            outside[rows] = windows.outside(here, size)
            drop_genes(table, outside, "its window passes an end of the chromosome")
        mostly = np.zeros(len(table), dtype=bool)
        mostly[rows] = unknown > filters.max_unknown
        drop_genes(table, mostly, f"more than {filters.max_unknown:.0%} of its bases are unknown")
    if not sizes:
        raise InputError(
            f"No chromosome of {genome.genome} ({', '.join(map(repr, seen[:3]))}) is in "
            f"{genome.annotation} ({', '.join(repr(n) for n in table['chromosome'].unique()[:3])})."
            " Say which is which with the key aliases, or take files of one source."
        )
    for name in sorted(names.wanted - set(sizes)):
        drop_genes(table, table["chromosome"] == name, f"no sequence of its chromosome ({name})")
    table["window"] = window
    table["chromosome_size"] = table["chromosome"].map(sizes).fillna(0).astype(np.int64)
    return whole


def _room(genes: int, windows: Windows) -> NDArray[np.uint8]:
    """Return an array for the windows of so many genes."""
    try:
        return np.empty((genes, windows.length), dtype=np.uint8)
    except (MemoryError, ValueError) as error:
        raise InputError(
            f"samples.regions: the windows of {genes:,} genes have {windows.length:,} columns each "
            f"and take {genes * windows.length / 1e9:,.0f} GB of memory. Give upstream and "
            "downstream fewer bases."
        ) from error


def _require_inside(genes: pd.DataFrame, chromosome: Chromosome, genome: Genome) -> None:
    size = len(chromosome.codes)
    past = genes[genes["end"] > size]
    if len(past):
        gene = past.iloc[0]
        raise InputError(
            f"{genome.annotation}, line {gene['line']:,}: {gene['id']} ends at {gene['end']:,}, "
            f"and {chromosome.name} of {genome.genome} has {size:,} bases ({len(past):,} such "
            "genes there). The annotation is that of another assembly: take both from one release."
        )


def _tell(
    table: pd.DataFrame, loci: Loci, windows: Windows, filters: GeneFilters, notes: list[str]
) -> None:
    """Note how many windows do not fit."""
    used = (table["reason"] == "").to_numpy()
    outside = used & windows.outside(loci, table.pop("chromosome_size").to_numpy())
    if outside.any():
        notes.append(f"Windows that pass an end of their chromosome, N there: {outside.sum():,}.")
    short = used & windows.meets(loci)
    if short.any():
        what = "each side reads to the middle, N behind"
        what = what if filters.short_genes == "split" else "these bases are read twice"
        notes.append(f"Genes shorter than what is read inside: {short.sum():,} ({what}).")
