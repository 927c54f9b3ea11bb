"""Orthologs cut from genomes: the same window around them as around the genes of the samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.samples.alphabet import DNA
from cistron.samples.genome.annotation import Annotation, read_annotation
from cistron.samples.genome.gene_ids import match_overlap
from cistron.samples.genome.gene_windows import Genome, read_named_windows
from cistron.samples.genome.genome import GenomeSamples
from cistron.samples.samples import Samples, Sequences
from cistron.samples.sequences.shuffle import shuffle_windows
from cistron.training.augment.ortholog_tables import listed, read_pairs
from cistron.training.augment.orthologs import Orthologs, genes_of, orthologs_of


@dataclass(frozen=True, eq=False)
class _Cut:
    """Orthologs of one genome: ids as in the tables, and their windows, shape (n, length)."""

    ids: list[str]
    windows: NDArray[np.uint8]
    notes: list[str]


def read_genome_orthologs(
    tables: Iterable[Path],
    genomes: Mapping[str, Genome],
    source: GenomeSamples,
    samples: Samples,
    gene: str | None = None,
) -> Orthologs:
    """Cut the windows of orthologs that tables name from genomes with an annotation.

    Regions, masks and rules are those of the samples, but for `biotypes` and
    `exclude_chromosomes`, since the tables name the genes. Of ids that stand twice in an
    annotation no gene is used.

    Parameters
    ----------
    tables : iterable of Path
        See `cistron.training.augment.ortholog_tables.read_pairs`.
    genomes : dict of str to Genome
        By species.
    source : GenomeSamples
        How the windows of the samples were cut.
    samples : Samples
        Whose orthologs are read.
    gene : str, optional
        Group column with the gene of a sample; its id where not given.

    Raises
    ------
    InputError
        If a file cannot be read or is not what it should be, files do not belong together, no
        gene of the tables is a sample, or a genome has none of the orthologs.
    """
    pairs = read_pairs(tables, list(dict.fromkeys(genes_of(samples, gene))))
    parts, row_of, home = list[_Cut](), dict[str, int](), dict[str, str]()
    for name, genome in genomes.items():
        try:
            part = _cut(name, genome, pairs.orthologs, source, pairs.tables)
        except InputError as error:
            raise InputError(f"augment: phyloaug.genomes.{name}: {error}") from error
        for ortholog in part.ids:
            if ortholog in row_of:
                raise InputError(
                    f"augment: phyloaug.genomes: the ortholog {ortholog!r} is a gene of both "
                    f"{home[ortholog]} and {name}. Leave out one of the genomes, or write their "
                    "ids so that they differ."
                )
            row_of[ortholog], home[ortholog] = len(row_of), name
        parts.append(part)
    codes = np.concatenate([part.windows for part in parts])
    sequences = Sequences(
        codes.reshape(-1), np.arange(len(codes) + 1) * source.windows().length, alphabet=DNA
    )
    notes = [note for part in parts for note in part.notes]
    return orthologs_of(pairs, sequences, row_of, samples=samples, gene=gene, notes=notes)


def _cut(
    name: str, genome: Genome, wanted: Sequence[str], source: GenomeSamples, tables: str
) -> _Cut:
    """Cut the windows of those orthologs that are genes of this genome."""
    annotation = read_annotation(genome.annotation, genome.id_attribute)
    ids = list(dict.fromkeys(annotation.genes["id"]))
    rows, said = match_overlap(ids, wanted, tables)
    called = {gene: wanted[row] for gene, row in zip(ids, rows, strict=True) if row >= 0}
    if not called:
        raise InputError(_stranger(annotation, wanted, tables))
    windows = source.windows()
    rules = source.model_copy(
        update={"biotypes": (), "exclude_chromosomes": (), "duplicate_genes": "drop"}
    )
    named = annotation.genes["id"].isin(list(called)).to_numpy()
    table, codes, notes = read_named_windows(genome, annotation, named, windows, rules)
    used = table[table["reason"] == ""]
    codes = codes[used["window"].to_numpy()]
    if source.shuffle != "none":
        spans = [*windows.columns.values()]
        codes = shuffle_windows(codes, source.shuffle, spans, source.seed)
    lost = table["reason"][table["reason"] != ""].value_counts()
    told = "; ".join(f"{count:,} {reason}" for reason, count in lost.items())
    notes = [
        *said,
        f"{len(used):,} orthologs were cut from it{f', not used were {told}' if told else ''}.",
        *notes,
    ]
    ours = [called[gene] for gene in used["id"]]
    return _Cut(ours, codes, [f"{name}: {note}" for note in notes])


def _stranger(annotation: Annotation, wanted: Sequence[str], tables: str) -> str:
    genes = annotation.genes
    said = (
        f"{annotation.name}: none of the {len(wanted):,} orthologs that {tables} names is a gene "
        f"of it. They are called {listed(wanted, 3)}; the annotation holds "
        f"{listed(genes['id'].tolist(), 3)}."
    )
    if set(wanted) & set(genes["name"]):
        return f"{said} They look like gene names: set id_attribute to Name or gene_name."
    return f"{said} Name the attribute that holds these ids with id_attribute, or leave it out."
