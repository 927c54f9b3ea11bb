"""Genes of a GTF or GFF3 annotation, plain or gzip; positions are 0-based and half-open."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.base.errors import InputError
from cistron.base.files import looks_like, open_input
from cistron.samples.genome.annotation_lines import (
    CROSS_REFERENCE,
    Feature,
    attribute_pattern,
    check_lines,
    is_feature,
    parse,
    rows_with,
    value_of,
)
from cistron.samples.genome.chromosomes import is_organelle, tells_organelle
from cistron.samples.records import decode_utf8

BIOTYPES = ("gene_biotype", "gene_type", "biotype", "locus_type")
_IN_PARTS = re.compile(
    r'(?<![^;\s])(?:exception(?:=|\s+"?)trans[-_ ]splicing|part(?:=|\s+"?)\d)', re.IGNORECASE
)
_SEQUENCES = ("region", "chromosome", "contig", "supercontig", "scaffold")
_OF_GENES = ("transcript", "mRNA", "exon", "CDS")


@dataclass(frozen=True, eq=False)
class Annotation:
    """The lines of an annotation, and its genes.

    Parameters
    ----------
    name : str
        What messages call the file.
    lines : list of str
    is_gtf : bool
        GTF (`key "value"`) or GFF3 (`key=value`).
    genes : DataFrame
        `id`, `key` (by which GFF3 children name it), `name`, `biotype` ("" where the file
        says none), `chromosome`, `start`, `end`, `strand` ("+", "-" or what the file says), `parts`
        (one of several parts that lie apart: trans-spliced) and `line` (1-based), in the order of
        the file. Ids are not made unique.
    id_attribute : str
        Attribute that the ids are taken from.
    notes : tuple of str
    organelles : frozenset of str
        Chromosomes of mitochondria and plastids, by name or by what the file says of them.
    circular : dict of str to int
        Length of each circular chromosome.
    """

    name: str
    lines: list[str]
    is_gtf: bool
    genes: pd.DataFrame
    id_attribute: str
    notes: tuple[str, ...] = ()
    organelles: frozenset[str] = frozenset()
    circular: dict[str, int] = field(default_factory=dict)

    def features(self, kinds: Iterable[str]) -> Iterator[Feature]:
        """Yield the lines of some kinds of features (third column)."""
        rows = rows_with(self.lines, [f"\t{kind}\t" for kind in kinds])
        return parse(self.lines, rows, self.name, self.circular)

    def attribute(self, name: str) -> re.Pattern[str]:
        """Return a pattern that captures the value of an attribute."""
        return attribute_pattern(name, self.is_gtf)


def read_annotation(path: str | Path, id_attribute: str | None = None) -> Annotation:
    """Read the genes of an annotation.

    In GTF, a gene without a `gene` line spans the transcripts, exons and CDS of its `gene_id` that
    overlap on one strand; those that lie apart are genes of one id.

    Parameters
    ----------
    path : path
        GTF or GFF3, told by its content; plain or gzip.
    id_attribute : str, optional
        Attribute with the gene's id, or the name of a data base that Dbxref or db_xref refers to
        (GeneID). By default `gene_id`; in GFF3 without it `ID`, without its "gene:" or "gene-",
        then `Name`.

    Raises
    ------
    InputError
        If it cannot be read, is no GTF or GFF3, or a gene has no id or impossible positions.
    """
    with open_input(path) as source:
        kind, remedy = looks_like(source.head)
        if kind and not kind.startswith("a GFF"):
            raise InputError(f"{source.name} looks like {kind}, not GTF or GFF3. {remedy}")
        lines = decode_utf8(source.stream.read(), source.name).split("\n")
        lines = lines[: _end_of_features(lines)]
        is_gtf = check_lines(lines, source)
        name = source.name
    organelles, circular = _told_of_sequences(lines, name, is_gtf)
    rows = rows_with(lines, ["gene\t"])
    features = [f for f in parse(lines, rows, name, circular) if f.kind.endswith("gene")]
    notes: list[str] = []
    if is_gtf and (without_line := _genes_without_line(lines, features, name, circular)):
        count = f" for {len(without_line):,} of its genes" if features else ""
        notes.append(
            f"{name} has no gene lines{count}: a gene spans the lines of its gene_id that overlap "
            "on one strand."
        )
        features += without_line
    if not features:
        kinds = sorted({line.split("\t")[2] for line in lines if is_feature(line)})
        raise InputError(
            f"{name} has no gene: no line has `gene` in its third column (there: "
            f"{', '.join(kinds[:8])}). Use the full annotation of the genome."
        )
    genes, used = _gene_table(features, is_gtf, id_attribute, name)
    if not is_gtf and (strays := _without_gene(lines, genes["key"])):
        notes.append(f"Transcripts of {name} whose Parent is no gene there, not used: {strays:,}.")
    if not genes["biotype"].ne("").any():
        notes.append(f"{name} states no biotypes: every gene is taken as protein coding.")
    round_ones = genes["chromosome"].isin(list(circular))
    # Bacteria have circular chromosomes too; beside linear ones with most genes it is an organelle.
    organelles |= {*circular} if round_ones.mean() < 0.5 else set()
    organelles |= {*filter(is_organelle, genes["chromosome"].unique())}
    return Annotation(
        name, lines, is_gtf, genes, used, tuple(notes), frozenset(organelles), circular
    )


def plain_id(text: str) -> str:
    """Return an id without what Ensembl and NCBI write before that of a gene."""
    return text[5:] if text.startswith(("gene:", "gene-")) else text


def _end_of_features(lines: list[str]) -> int:
    """Return where GFF3's sequence part begins."""
    fasta = [n for n, line in enumerate(lines) if line[:1] == ">" or line[:7] == "##FASTA"]
    return fasta[0] if fasta else len(lines)


def _told_of_sequences(
    lines: list[str], name: str, is_gtf: bool
) -> tuple[set[str], dict[str, int]]:
    """Return the organelles, and the circular chromosomes with their lengths, of region lines."""
    organelles, circular = set[str](), dict[str, int]()
    genome, is_circular = (attribute_pattern(key, is_gtf) for key in ("genome", "Is_circular"))
    rows = rows_with(lines, [f"\t{kind}\t" for kind in _SEQUENCES])
    for feature in parse(lines, rows, name, {}):
        kind = value_of(genome, feature.attributes)
        if tells_organelle(kind):
            organelles.add(feature.chromosome)
        if value_of(is_circular, feature.attributes).lower() == "true" and feature.start == 0:
            circular[feature.chromosome] = feature.end
    return organelles, circular


def _genes_without_line(
    lines: list[str], genes: list[Feature], name: str, circular: dict[str, int]
) -> list[Feature]:
    """Return a gene for each locus of a gene_id that no gene line has.

    Lines of one transcript are one stretch; stretches of a gene_id that overlap are one locus.
    """
    gene, transcript = (attribute_pattern(key, True) for key in ("gene_id", "transcript_id"))
    known = {value_of(gene, feature.attributes) for feature in genes} | ({""} if genes else set())
    rows = rows_with(lines, [f"\t{kind}\t" for kind in _OF_GENES])
    if genes:
        rows = [row for row in rows if value_of(gene, lines[row]) not in known]
    stretches: dict[tuple[str, str, str, str], list[Feature]] = defaultdict(list)
    for feature in parse(lines, rows, name, circular):
        text = feature.attributes
        key = value_of(gene, text), feature.chromosome, feature.strand, value_of(transcript, text)
        if key[0] not in known:
            stretches[key].append(feature)
    loci: dict[tuple[str, str, str], list[Feature]] = defaultdict(list)
    for stretch in sorted(map(_spanned, stretches.values()), key=lambda f: f.start):
        gene_id = value_of(gene, stretch.attributes)
        here = loci[gene_id, stretch.chromosome, stretch.strand]
        if here and stretch.start < here[-1].end:
            here[-1] = _spanned([here[-1], stretch])
        else:
            here.append(stretch)
    return sorted((locus for here in loci.values() for locus in here), key=lambda f: f.line)


def _without_gene(lines: list[str], keys: pd.Series) -> int:
    """Return how many transcripts of a GFF3 have no gene."""
    parent, known = attribute_pattern("Parent", is_gtf=False), {*keys}
    rows = rows_with(lines, ["\tmRNA\t", "\ttranscript\t"])
    parents = (value_of(parent, lines[row]).split(",") for row in rows)
    return sum(known.isdisjoint(names) for names in parents)


def _spanned(members: list[Feature]) -> Feature:
    """Return a gene from the first to the last base of some lines."""
    first = min(members, key=lambda feature: feature.line)
    start, end = min(f.start for f in members), max(f.end for f in members)
    return first._replace(kind="gene", start=start, end=end)


def _gene_table(
    features: list[Feature], is_gtf: bool, wanted: str | None, name: str
) -> tuple[pd.DataFrame, str]:
    """Return the genes as a table, and the attribute that names them."""
    candidates: tuple[str, ...] = ("gene_id",) if is_gtf else ("gene_id", "ID", "Name")
    if wanted:
        candidates = (
            (wanted,)
            if any(_values(features, wanted, is_gtf))
            else (wanted, CROSS_REFERENCE + wanted.removeprefix(CROSS_REFERENCE))
        )
    ids: list[str] = []
    used = candidates[0]
    for name_of_id in candidates:
        found_ids = _values(features, name_of_id, is_gtf)
        if not ids or sum(map(bool, found_ids)) > sum(map(bool, ids)):
            ids, used = found_ids, name_of_id
        if all(ids):
            break
    without = [f for f, text in zip(features, ids, strict=True) if not text]
    if without:
        absent = " and no ".join(dict.fromkeys(candidates))
        raise InputError(
            f"{name}, line {without[0].line}: this {without[0].kind} has no {absent} "
            f"({len(without):,} of {len(features):,} genes). Name the attribute that identifies a "
            "gene with the key id_attribute."
        )
    keys = ids if used == "ID" or is_gtf else _values(features, "ID", is_gtf)
    names = _values(features, "gene_name" if is_gtf else "Name", is_gtf)
    table = pd.DataFrame(
        {
            "id": pd.Series([plain_id(text) for text in ids], dtype=object),
            "key": pd.Series(keys, dtype=object),
            "name": pd.Series(names, dtype=object),
            "biotype": pd.Series(_biotypes(features, is_gtf), dtype=object),
            "chromosome": pd.Series([f.chromosome for f in features], dtype=object),
            "start": np.array([f.start for f in features], dtype=np.int64),
            "end": np.array([f.end for f in features], dtype=np.int64),
            "strand": pd.Series([f.strand for f in features], dtype=object),
            "parts": np.array([_in_parts(f.attributes) for f in features], dtype=bool),
            "line": np.array([f.line for f in features], dtype=np.int64),
        }
    )
    return table, used


def _values(features: list[Feature], name: str, is_gtf: bool) -> list[str]:
    """Return what an attribute says of each feature."""
    word = name.removeprefix(CROSS_REFERENCE)
    if not any(word in feature.attributes for feature in features):
        return [""] * len(features)
    pattern = attribute_pattern(name, is_gtf)
    return [value_of(pattern, feature.attributes) for feature in features]


def _in_parts(attributes: str) -> bool:
    """Whether a gene is trans-spliced, so that each line is a part of it."""
    possible = "part" in attributes or "splic" in attributes  # quick: most say neither
    return possible and _IN_PARTS.search(attributes) is not None


def _biotypes(features: list[Feature], is_gtf: bool) -> list[str]:
    """Return what each gene says it is; "" where the file says nothing of any."""
    for attribute in BIOTYPES:
        biotypes = _values(features, attribute, is_gtf)
        if any(biotypes):
            break
    else:  # TAIR says Note=protein_coding_gene
        biotypes = _values(features, "Note", is_gtf)
        if "protein_coding_gene" not in biotypes:
            return [""] * len(features)
        biotypes = [text.removesuffix("_gene") for text in biotypes]
    # What has no biotype of its own is what its line is called (pseudogene, ncRNA_gene).
    return [
        text or ("unknown" if feature.kind == "gene" else feature.kind)
        for text, feature in zip(biotypes, features, strict=True)
    ]
