"""PhyloAug: the sequences of orthologs stand in for those of training genes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from cistron.base.errors import InputError, nearest
from cistron.samples.genome.gene_windows import Genome
from cistron.samples.genome.genome import GenomeSamples
from cistron.samples.keys import InputPaths
from cistron.samples.samples import Samples, Sequences
from cistron.samples.settings import SamplesSettings
from cistron.training.augment.ortholog_genomes import read_genome_orthologs
from cistron.training.augment.orthologs import (
    OrthologSource,
    Related,
    SamplesOfOneGene,
    read_orthologs,
)
from cistron.training.augment.settings import AugmentSettings


class PhyloAugSettings(AugmentSettings):
    """Settings of `phyloaug`: in training, orthologs stand in for a sample, anew in every epoch.

    Duncan, Mitchell, Moses 2024, Bioinformatics, doi:10.1093/bioinformatics/btae190. A sample
    that has orthologs is replaced, with a probability, by one of them, drawn at random; the label
    stays. Orthologs come from tables and FASTA files, or tables and genomes; without these they
    are the other samples of the same gene.
    """

    kind: Literal["phyloaug"] = "phyloaug"
    table: InputPaths | None = Field(
        None,
        description="tables of two columns, gene and ortholog, separated by a tab, no header; or "
        "as OrthoFinder writes them",
    )
    fasta: InputPaths | None = Field(
        None, description="sequences of the orthologs; ids as in the table, or id_label"
    )
    genomes: dict[str, Genome] | None = Field(
        None,
        min_length=1,
        description="in place of fasta, by species: genome and annotation, from which the windows "
        "of orthologs are cut like those of the samples (kind: genome)",
    )
    gene: str | None = Field(
        None, description="group column with the gene of each sample; null: the sample's id"
    )
    probability: float = Field(
        0.7, ge=0, le=1, description="probability that a sample with orthologs is replaced by one"
    )
    random_strand: bool = Field(
        False,
        description="whether each draw is read on one strand, drawn at random, in place of both "
        "(published; needs both_strands of the encoder)",
    )
    average_orthologs: bool = Field(
        False,
        description="whether the run is scored on logits averaged over a sample and its orthologs",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = [source for source in (self.fasta, self.genomes) if source is not None]
        if len(sources) > 1:
            raise ValueError("`fasta` and `genomes` are two sources of orthologs: give one")
        if (self.table is None) != (not sources):
            raise ValueError("`table` and `fasta`, or `genomes`, go together: give both or neither")
        if self.table is None and self.gene is None:
            raise ValueError(
                "give `table` and `fasta` or `genomes`, or name the group column `gene` by which "
                "the samples are each other's orthologs"
            )
        if self.probability == 0 and not (self.average_orthologs or self.random_strand):
            raise ValueError(
                "with `probability: 0` and without `average_orthologs: true` orthologs would have "
                "no effect"
            )
        return self

    @property
    def paths(self) -> list[Path]:
        """Every file that is read."""
        genomes = (self.genomes or {}).values()
        files = [path for genome in genomes for path in (genome.genome, genome.annotation)]
        return [*(self.table or ()), *(self.fasta or ()), *files]

    @property
    def changes_epochs(self) -> bool:
        """Whether orthologs stand in for samples, or strands are drawn."""
        return self.probability > 0 or self.random_strand

    @property
    def turns_strands(self) -> bool:
        """Whether each draw is read on one strand."""
        return self.random_strand

    @property
    def brings_sequences(self) -> bool:
        """Whether orthologs are read; else they are other samples."""
        return self.table is not None

    @property
    def cuts_genomes(self) -> bool:
        """Whether orthologs are cut from genomes as the windows of samples are."""
        return bool(self.genomes)

    @property
    def needs_columns(self) -> dict[str, tuple[str, ...]]:
        """The column of the gene."""
        return {} if self.gene is None else {"augment: phyloaug.gene": (self.gene,)}

    def read(self, samples: Samples, source: SamplesSettings | None = None) -> OrthologSource:
        """Read the orthologs of all samples.

        Parameters
        ----------
        samples : Samples
        source : GenomeSamples, optional
            Settings that the samples were read with: `genomes` are cut as they say.

        Raises
        ------
        InputError
            If there is no such group column, a file cannot be read or is not what it should be,
            no gene of the tables is a sample, no sequence is there for its orthologs, or it is
            not known how the windows of the samples were cut.
        """
        if self.gene is not None and self.gene not in samples.groups:
            raise InputError(
                f"augment: phyloaug.gene: {self.gene!r} is not a group column of the samples "
                f"(there are: {', '.join(samples.groups) or 'none'})."
                f"{nearest(self.gene, samples.groups)} Declare it under samples.groups."
            )
        if self.table is None:
            return SamplesOfOneGene(str(self.gene))
        if self.fasta is None:
            if not isinstance(source, GenomeSamples):
                raise InputError(
                    "augment: phyloaug.genomes: orthologs are cut as the windows of the samples, "
                    "and it is not said how these were. Read them with cistron.training.augment."
                    "find_orthologs(augment, samples, source), source being the GenomeSamples "
                    "settings, and give them to `fit` as `orthologs`."
                )
            return read_genome_orthologs(self.table, self.genomes or {}, source, samples, self.gene)
        alphabet = samples.sequences.alphabet.name
        return read_orthologs(self.table, self.fasta, alphabet, samples, self.gene)


def training_orthologs(
    source: OrthologSource | None,
    train: Samples,
    held_out: Samples,
    say: Callable[[str], None] = lambda sentence: None,  # noqa: ARG005
) -> Related | None:
    """Return the orthologs that may stand in for training samples; say what was left out.

    Left out are sequences that are held-out samples or orthologs of one (a gene may be the
    ortholog of several), and orthologs whose own label is another one.
    """
    if source is None:
        return None
    related = source.of(train)
    forbidden = {_bytes(held_out.sequences, row) for row in range(len(held_out))}
    theirs = source.of(held_out).sequences
    forbidden |= {_bytes(theirs, row) for row in range(len(theirs))}
    safe = np.array(
        [_bytes(related.sequences, row) not in forbidden for row in range(len(related))], dtype=bool
    )
    owned = train.table["label"].to_numpy(dtype=object)[related.owners]
    same = np.array(
        [told is None or told == own for told, own in zip(related.labels, owned, strict=True)],
        dtype=bool,
    )
    for note in source.notes:
        say(note)
    if not safe.all():
        say(
            f"Orthologs of training samples that are also held-out samples, or orthologs of one, "
            f"not used in training: {(~safe).sum():,}."
        )
    if not same.all():
        say(
            f"Orthologs whose own label is another than their gene's, not used in training: "
            f"{(~same).sum():,}."
        )
    kept = related.keep(safe & same)
    covered = np.count_nonzero(np.diff(kept.offsets))
    say(f"{len(kept):,} orthologs stand in for {covered:,} of {len(train):,} training samples.")
    return kept


def _bytes(sequences: Sequences, row: int) -> bytes:
    return sequences[row].tobytes()
