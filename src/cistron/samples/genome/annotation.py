"""Genes of a GTF or GFF3 annotation, plain or gzip.

Positions are 0-based and half-open here, whatever the file counts from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd

from cistron.base.errors import InputError
from cistron.base.files import Input, looks_like, open_input
from cistron.samples.records import decode

BIOTYPES = ("gene_biotype", "gene_type", "biotype", "locus_type")
_FIELDS = 9


class Feature(NamedTuple):
    """One line of an annotation; `start` and `end` are 0-based, half-open."""

    line: int
    chromosome: str
    kind: str
    start: int
    end: int
    strand: str
    attributes: str


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
        says none), `chromosome`, `start`, `end`, `strand` ("+", "-" or what the file says) and
        `line` (1-based), in the order of the file. Ids are not made unique.
    id_attribute : str
        Attribute that the ids are taken from.
    notes : tuple of str
    """

    name: str
    lines: list[str]
    is_gtf: bool
    genes: pd.DataFrame
    id_attribute: str
    notes: tuple[str, ...] = ()

    def features(self, kinds: Iterable[str]) -> Iterator[Feature]:
        """Yield the lines of some kinds of features (third column)."""
        return _features(self.lines, [f"\t{kind}\t" for kind in kinds], self.name)

    def attribute(self, name: str) -> re.Pattern[str]:
        """Return a pattern that captures the value of an attribute."""
        return attribute_pattern(name, self.is_gtf)


def read_annotation(path: str | Path, id_attribute: str | None = None) -> Annotation:
    """Read the genes of an annotation.

    Where a GTF has no `gene` lines, a gene spans the transcripts or exons of its `gene_id`.

    Parameters
    ----------
    path : path
        GTF or GFF3, told by its content; plain or gzip.
    id_attribute : str, optional
        Attribute with the gene's id. By default `gene_id`; in GFF3 without it `ID`, without its
        "gene:" or "gene-", then `Name`.

    Raises
    ------
    InputError
        If it cannot be read, is no GTF or GFF3, or a gene has no id or impossible positions.
    """
    with open_input(path) as source:
        kind, remedy = looks_like(source.head)
        if kind and not kind.startswith("a GFF"):
            raise InputError(f"{source.name} looks like {kind}, not GTF or GFF3. {remedy}")
        lines = decode(source.stream.read()).split("\n")
        lines = lines[: _end_of_features(lines)]
        is_gtf = _check_lines(lines, source)
        name = source.name
    notes: list[str] = []
    features = [f for f in _features(lines, ["gene\t"], name) if f.kind.endswith("gene")]
    if not features and is_gtf:
        features = _spans(lines, name)
        notes.append(f"{name} has no gene lines: a gene spans the lines of its gene_id.")
    if not features:
        kinds = sorted({line.split("\t")[2] for line in lines if _is_feature(line)})
        raise InputError(
            f"{name} has no gene: no line has `gene` in its third column (there: "
            f"{', '.join(kinds[:8])}). Use the full annotation of the genome."
        )
    genes, used = _gene_table(features, is_gtf, id_attribute, name)
    if not genes["biotype"].ne("").any():
        notes.append(f"{name} states no biotypes: every gene is taken as protein coding.")
    return Annotation(name, lines, is_gtf, genes, used, tuple(notes))


def attribute_pattern(name: str, is_gtf: bool) -> re.Pattern[str]:
    """Return a pattern that captures the value of an attribute in the ninth column."""
    # Not part of a longer name ("gene_id" in "my_gene_id"), nor of the value before it.
    value = r'\s+"?([^";]*)' if is_gtf else r"=([^;]*)"
    return re.compile(rf"(?<![^;\s]){re.escape(name)}{value}")


def value_of(pattern: re.Pattern[str], attributes: str) -> str:
    """Return what an attribute says, or an empty string."""
    match = pattern.search(attributes)
    if match is None:
        return ""
    text = match[1].strip()
    return unquote(text) if "%" in text else text


def plain_id(text: str) -> str:
    """Return an id without what Ensembl and NCBI write before that of a gene."""
    return text[5:] if text.startswith(("gene:", "gene-")) else text


def _end_of_features(lines: list[str]) -> int:
    """Return where GFF3's sequence part begins."""
    fasta = [n for n, line in enumerate(lines) if line[:1] == ">" or line[:7] == "##FASTA"]
    return fasta[0] if fasta else len(lines)


def _is_feature(line: str) -> bool:
    return line[:1] != "#" and bool(line.strip())


def _check_lines(lines: list[str], source: Input) -> bool:
    """Return whether it is GTF, having looked at the number of fields of every line."""
    wrong = [n for n, line in enumerate(lines) if line.count("\t") != _FIELDS - 1]
    wrong = [n for n in wrong if _is_feature(lines[n])]
    if wrong:
        line = lines[wrong[0]]
        fields = line.count("\t") + 1
        cause = "Its fields are divided by spaces" if len(line.split()) >= _FIELDS else "It is cut"
        cause = cause if fields < _FIELDS else "There is a tab inside a field"
        raise InputError(
            f"{source.name}, line {wrong[0] + 1}: {fields} fields divided by tabs, and GTF and "
            f"GFF3 have {_FIELDS}. {cause} ({len(wrong):,} such lines). Fetch the annotation "
            "again, or restore the tabs."
        )
    first = next((line for line in lines if _is_feature(line)), None)
    if first is None:
        raise InputError(f"{source.name} holds only comments: there is no feature in it.")
    return "=" not in first.split("\t")[8].split(" ", 1)[0].split('"', 1)[0]


def _features(lines: list[str], marks: Sequence[str], name: str) -> Iterator[Feature]:
    """Yield the lines that hold one of some strings, in the order of the file."""
    rows = sorted({n for mark in marks for n, line in enumerate(lines) if mark in line})
    for row in rows:
        if lines[row][0] == "#":
            continue
        fields = lines[row].rstrip("\r").split("\t")
        chromosome, _, kind, start, end, _, strand, _, attributes = fields
        try:
            first, last = int(start) - 1, int(end)
        except ValueError:
            first, last = -1, -1
        if first < 0 or last <= first:
            raise InputError(
                f"{name}, line {row + 1}: a feature from {start!r} to {end!r} is none. Start and "
                "end are whole numbers from 1 up, the start never above the end."
            )
        yield Feature(row + 1, chromosome, kind, first, last, strand, attributes)


def _spans(lines: list[str], name: str) -> list[Feature]:
    """Return one feature for every gene_id and chromosome, from its first to its last base."""
    pattern = attribute_pattern("gene_id", is_gtf=True)
    spans: dict[tuple[str, str, str], list[Feature]] = {}
    for kinds in (("\ttranscript\t", "\tmRNA\t"), ("\texon\t",), ("\tCDS\t",)):
        for feature in _features(lines, kinds, name):
            key = value_of(pattern, feature.attributes), feature.chromosome, feature.strand
            spans.setdefault(key, []).append(feature)
        if spans:
            break
    return [
        Feature(
            line=members[0].line,
            chromosome=chromosome,
            kind="gene",
            start=min(m.start for m in members),
            end=max(m.end for m in members),
            strand=strand,
            attributes=members[0].attributes,
        )
        for (_, chromosome, strand), members in spans.items()
    ]


def _gene_table(
    features: list[Feature], is_gtf: bool, wanted: str | None, name: str
) -> tuple[pd.DataFrame, str]:
    """Return the genes as a table, and the attribute that names them."""
    candidates = (wanted,) if wanted else ("gene_id",) if is_gtf else ("gene_id", "ID", "Name")
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
        raise InputError(
            f"{name}, line {without[0].line}: this {without[0].kind} has no "
            f"{' and no '.join(candidates)} ({len(without):,} of {len(features):,} genes). Name "
            "the attribute that identifies a gene with the key id_attribute."
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
            "line": np.array([f.line for f in features], dtype=np.int64),
        }
    )
    return table, used


def _values(features: list[Feature], name: str, is_gtf: bool) -> list[str]:
    """Return what an attribute says of each feature."""
    if not any(name in feature.attributes for feature in features):
        return [""] * len(features)
    pattern = attribute_pattern(name, is_gtf)
    return [value_of(pattern, feature.attributes) for feature in features]


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
