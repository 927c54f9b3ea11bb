"""One transcript for every gene, and the codons its protein begins and ends with."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.samples.genome.annotation import Annotation, plain_id
from cistron.samples.genome.annotation_lines import Feature, value_of

# As Ensembl, NCBI (with a space), TAIR and Phytozome write it.
_CANONICAL = re.compile(
    r"Ensembl_canonical|(?:MANE|RefSeq)(?:_| |%20)Select|canonical_transcript|longest=1"
)
_TRANSCRIPTS = ("mRNA", "transcript")
_CODING = ("CDS", "stop_codon")


@dataclass
class Transcript:
    """A transcript of a gene; positions are 0-based, half-open."""

    gene: int
    start: int
    end: int
    canonical: bool = False
    coding: list[tuple[int, int]] = field(default_factory=list)

    @property
    def rank(self) -> tuple[bool, int, int]:
        """The canonical one first, then the longest protein, then the longest transcript."""
        coded = sum(end - start for start, end in self.coding)
        return self.canonical, coded, self.end - self.start


@dataclass(frozen=True, eq=False)
class Chosen:
    """What the chosen transcript says of each gene, shape (genes,); -1 where it says nothing.

    Parameters
    ----------
    start, end : ndarray of int64
        Of the transcript, 0-based, half-open; the gene's own where no transcript is known.
    coding_start, coding_end : ndarray of int64
        From the lowest to the highest base that is translated, the stop codon included.
    parts : dict
        Gene's row → the coding pieces in rising order.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    coding_start: NDArray[np.int64]
    coding_end: NDArray[np.int64]
    parts: dict[int, list[tuple[int, int]]]


def choose_transcripts(annotation: Annotation) -> Chosen:
    """Choose one transcript a gene: the canonical one, else that of the longest protein.

    In GTF the stop codon is no part of the CDS and stands in lines of its own; in GFF3 it is
    part of the CDS.
    """
    genes = annotation.genes
    transcripts = _of_gtf(annotation) if annotation.is_gtf else _of_gff3(annotation)
    start, end = genes["start"].to_numpy().copy(), genes["end"].to_numpy().copy()
    coding = np.full((2, len(genes)), -1, dtype=np.int64)
    best: dict[int, Transcript] = {}
    for transcript in transcripts:
        before = best.get(transcript.gene)
        if before is None or transcript.rank > before.rank:
            best[transcript.gene] = transcript
    for row, transcript in best.items():
        start[row], end[row] = transcript.start, transcript.end
        if transcript.coding:
            coding[0, row] = min(piece[0] for piece in transcript.coding)
            coding[1, row] = max(piece[1] for piece in transcript.coding)
    parts = {row: _joined(t.coding) for row, t in best.items() if t.coding}
    return Chosen(start, end, coding[0], coding[1], parts)


class _Rows:
    """Finds the gene of a line: that of a key on its chromosome and, of several, where it lies."""

    def __init__(self, genes: pd.DataFrame, key: str) -> None:
        self.of: dict[tuple[str, str], list[tuple[int, int, str, int]]] = defaultdict(list)
        columns = (genes[name] for name in (key, "chromosome", "start", "end", "strand"))
        for row, (name, chromosome, *place) in enumerate(zip(*columns, strict=True)):
            if name:
                self.of[name, chromosome].append((*place, row))

    def find(self, name: str, feature: Feature) -> int | None:
        """Return the row of the gene; None where there is none."""
        genes = self.of.get((name, feature.chromosome), [])
        return min(
            genes,
            key=lambda gene: (
                gene[0] >= feature.end or feature.start >= gene[1],
                gene[2] != feature.strand,
            ),
            default=(0, 0, "", None),
        )[3]


def _of_gtf(annotation: Annotation) -> list[Transcript]:
    gene = annotation.attribute("gene_id")
    identifier = annotation.attribute("transcript_id")
    named = annotation.attribute(annotation.id_attribute)
    rows = _Rows(annotation.genes, "id")
    transcripts: dict[tuple[int, str], Transcript] = {}
    for feature in annotation.features((*_TRANSCRIPTS, "exon", *_CODING)):
        name = value_of(named, feature.attributes) or value_of(gene, feature.attributes)
        row = rows.find(plain_id(name), feature)
        if row is None:
            continue
        key = row, value_of(identifier, feature.attributes)
        transcript = transcripts.setdefault(key, Transcript(row, feature.start, feature.end))
        _extend(transcript, feature)
    return list(transcripts.values())


def _of_gff3(annotation: Annotation) -> list[Transcript]:
    identifier, parent = annotation.attribute("ID"), annotation.attribute("Parent")
    rows = _Rows(annotation.genes, "key")
    transcripts: dict[tuple[str, str], Transcript] = {}
    for feature in annotation.features(_TRANSCRIPTS):
        row = rows.find(value_of(parent, feature.attributes), feature)
        if row is not None:
            transcript = Transcript(row, feature.start, feature.end)
            transcripts[value_of(identifier, feature.attributes), feature.chromosome] = transcript
            _extend(transcript, feature)
    for feature in annotation.features(_CODING):
        for name in value_of(parent, feature.attributes).split(","):
            key = name, feature.chromosome
            row = None if key in transcripts else rows.find(name, feature)
            if row is not None:  # a CDS right under its gene
                gene = annotation.genes.iloc[row]
                transcripts[key] = Transcript(row, int(gene["start"]), int(gene["end"]))
            if key in transcripts:
                _extend(transcripts[key], feature)
    return list(transcripts.values())


def _extend(transcript: Transcript, feature: Feature) -> None:
    transcript.start = min(transcript.start, feature.start)
    transcript.end = max(transcript.end, feature.end)
    transcript.canonical |= _CANONICAL.search(feature.attributes) is not None
    if feature.kind in _CODING:
        transcript.coding.append((feature.start, feature.end))


def _joined(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return pieces in rising order, those that touch or overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
