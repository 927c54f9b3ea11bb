"""The lines of a GTF or GFF3 annotation, and what their ninth column says.

Positions are 0-based and half-open here, whatever the file counts from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple
from urllib.parse import unquote

from cistron.base.errors import InputError
from cistron.base.files import Input
from cistron.samples.genome.chromosomes import LARGEST_POSITION, read_position

CROSS_REFERENCE = "Dbxref:"  # before the name of a data base: "Dbxref:GeneID"
_FIELDS = 9
_BARE = re.compile(r"[^\s\"=;]+;?")


class Feature(NamedTuple):
    """One line of an annotation; `start` and `end` are 0-based, half-open."""

    line: int
    chromosome: str
    kind: str
    start: int
    end: int
    strand: str
    attributes: str


def attribute_pattern(name: str, is_gtf: bool) -> re.Pattern[str]:
    """Return a pattern that captures the value of an attribute in the ninth column.

    "Dbxref:GeneID" is what `Dbxref=GeneID:850289,…` and `db_xref "GeneID:850289"` say.
    """
    if name.startswith(CROSS_REFERENCE):
        base = re.escape(name.removeprefix(CROSS_REFERENCE))
        start = r'db_xref\s+"?' if is_gtf else r"Dbxref=(?:[^;]*,)?"
        return re.compile(rf'(?<![^;\s]){start}{base}:([^";,]*)', re.IGNORECASE)
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


def is_feature(line: str) -> bool:
    """Whether a line is neither empty nor a comment."""
    return line[:1] != "#" and bool(line.strip())


def check_lines(lines: list[str], source: Input) -> bool:
    """Return whether it is GTF, having looked at the number of fields of every line.

    Raises
    ------
    InputError
        If a line has not nine fields, or there is none.
    """
    told = (line for line in lines if is_feature(line))
    first = next(told, None)
    if first is None:
        raise InputError(f"{source.name} holds only comments: there is no feature in it.")
    _refuse_bed(first, source.name)
    wrong = [n for n, line in enumerate(lines) if line.count("\t") != _FIELDS - 1]
    wrong = [n for n in wrong if is_feature(lines[n])]
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
    ninth = (line.split("\t")[8].strip() for line in chain([first], told))
    # AUGUSTUS writes an id alone in GTF; a dot says nothing.
    telling = (text for text in ninth if text not in (".", "") and not _BARE.fullmatch(text))
    attributes = next(telling, "")
    return "=" not in attributes.split(" ", 1)[0].split('"', 1)[0]


def _refuse_bed(line: str, name: str) -> None:
    fields = line.rstrip("\r").split("\t")
    numbers = [read_position(text) is not None for text in fields[1:5]]
    browser = line.startswith(("track ", "browser "))
    if browser or (len(numbers) > 1 and all(numbers[:2]) and not all(numbers[2:] or [False])):
        how = (
            "bedToGenePred FILE stdout | genePredToGtf file stdin genes.gtf"
            if len(fields) == 12 or browser
            else "agat_convert_bed2gff.pl --bed FILE -o genes.gff3"
        )
        raise InputError(
            f"{name} looks like BED, not GTF or GFF3. BED does not say which lines are genes, nor "
            f"their biotypes: take the annotation of the genome, or convert the file ({how})."
        )


def rows_with(lines: list[str], marks: Sequence[str]) -> list[int]:
    """Return which lines, 0-based, hold one of some strings."""
    rows = sorted({n for mark in marks for n, line in enumerate(lines) if mark in line})
    return [n for n in rows if lines[n][0] != "#"]


def parse(
    lines: list[str], rows: Iterable[int], name: str, circular: Mapping[str, int]
) -> Iterator[Feature]:
    """Yield some lines as features.

    Parameters
    ----------
    lines : list of str
    rows : iterable of int
        0-based.
    name : str
        What messages call the file.
    circular : mapping of str to int
        Length of each circular chromosome: there a feature that ends before it starts passes the
        origin, and its end counts on.

    Raises
    ------
    InputError
        If positions are impossible.
    """
    for row in rows:
        fields = lines[row].rstrip("\r").split("\t")
        chromosome, _, kind, start, end, _, strand, _, attributes = fields
        first, last = read_position(start) or 0, read_position(end) or 0
        if 0 < last < first:
            last += circular.get(chromosome, 0)
        if first < 1 or last < first:
            raise InputError(
                f"{name}, line {row + 1}: the feature starts at {start[:40]!r} and ends at "
                f"{end[:40]!r}. Both have to be whole numbers from 1 up, the start not above the "
                f"end, the end below {LARGEST_POSITION:,}."
            )
        if _BARE.fullmatch(attributes):
            attributes = _spelled_out(kind, attributes.rstrip(";"))
        yield Feature(row + 1, chromosome, kind, first - 1, last, strand, attributes)


def _spelled_out(kind: str, word: str) -> str:
    """Return the attributes that AUGUSTUS and BRAKER mean where they write only an id."""
    if kind == "gene":
        return f'gene_id "{word}";'
    if kind in ("transcript", "mRNA"):
        return f'gene_id "{word.rpartition(".")[0] or word}"; transcript_id "{word}";'
    return word
