"""Variants of a VCF file, plain or gzip, one alternative allele at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cistron.base.errors import InputError
from cistron.base.files import looks_like, open_input
from cistron.samples.genome.chromosomes import LARGEST_POSITION, read_position
from cistron.samples.records import decode_utf8

LONGEST = 1000  # bases of an allele, by default
_SEQUENCE = re.compile(r"[ACGTNRYSWKMBDHVacgtnryswkmbdhv]+")
_FIELDS = 5


@dataclass(frozen=True)
class Variant:
    """One alternative allele.

    Parameters
    ----------
    line : int
        Of the file, 1-based.
    chromosome : str
        As in the file.
    position : int
        0-based place of the first base of `reference`.
    reference, alternative : str
        In upper case.
    name : str
        The ID column; "." where there is none.
    skipped : str
        Why nothing can be predicted, or "".
    """

    line: int
    chromosome: str
    position: int
    reference: str
    alternative: str
    name: str = "."
    skipped: str = ""

    @property
    def trimmed(self) -> tuple[int, int, str]:
        """The bases that are replaced, 0-based half-open, and what stands there instead.

        Letters that both alleles begin with, and then those that both end with, are left out.
        """
        old, new, start = self.reference, self.alternative, self.position
        same = 0
        while same < min(len(old), len(new)) and old[same] == new[same]:
            same += 1
        old, new, start = old[same:], new[same:], start + same
        tail = 0
        while tail < min(len(old), len(new)) and old[-1 - tail] == new[-1 - tail]:
            tail += 1
        return start, start + len(old) - tail, new[: len(new) - tail]


def read_variants(path: str | Path, longest: int = LONGEST) -> Iterator[Variant]:
    """Read a VCF in constant memory; lines of several alternative alleles are split.

    Alleles that are no sequence (symbolic ones, breakends) are given out as skipped.

    Parameters
    ----------
    path : path
        Plain, gzip or bgzip; "-" is standard input.
    longest : int
        Bases of an allele beyond which it is skipped.

    Raises
    ------
    InputError
        If the file is no VCF, or a line is damaged.
    """
    with open_input(path) as source:
        kind, remedy = looks_like(source.head)
        if source.head.startswith(b"BCF"):
            kind, remedy = "a BCF file", "Make a VCF of it: bcftools view."
        if kind and kind != "a VCF file":
            raise InputError(f"{source.name} looks like {kind}, not VCF. {remedy}")
        headed = False
        for number, raw in enumerate(source.stream, 1):
            line = decode_utf8(raw.rstrip(b"\r\n"), f"{source.name}, line {number:,}")
            if line.startswith("#"):
                headed = headed or line.startswith(("#CHROM", "##fileformat=VCF"))
                continue
            if not line.strip():
                continue
            if not headed:
                raise InputError(
                    f"{source.name} is no VCF: line {number:,} stands before any header, and a VCF "
                    "begins with ##fileformat=VCF… and #CHROM."
                )
            yield from _variants(line, number, source.name, longest)
        if not headed:
            raise InputError(f"{source.name} is no VCF: it has no header.")


def _variants(line: str, number: int, name: str, longest: int) -> Iterator[Variant]:
    fields = line.split("\t", _FIELDS)
    if len(fields) < _FIELDS:
        raise InputError(
            f"{name}, line {number:,}: a variant has CHROM, POS, ID, REF and ALT, divided by tabs, "
            f"and here are {len(fields)} fields. The file is damaged or no VCF."
        )
    chromosome, position, identifier, reference, alternatives = fields[:_FIELDS]
    place = read_position(position)
    if place is None:
        raise InputError(
            f"{name}, line {number:,}: POS is {position[:40]!r} and has to be a number below "
            f"{LARGEST_POSITION:,}."
        )
    for alternative in alternatives.split(","):
        yield Variant(
            number,
            chromosome,
            place - 1,
            reference.upper(),
            alternative.upper(),
            identifier,
            _why_not(place, reference, alternative, longest),
        )


def _why_not(position: int, reference: str, alternative: str, longest: int) -> str:
    """Return why an allele is not predicted, or an empty string."""
    if position < 1:
        return "before the first base (POS 0, a telomere)"
    if not _SEQUENCE.fullmatch(reference):
        return "REF is no sequence of bases"
    if alternative in (".", ""):
        return "no alternative allele"
    if alternative == "*":
        return "deleted by another variant (*)"
    if alternative.startswith("<"):
        return "symbolic allele"
    if "[" in alternative or "]" in alternative or alternative.startswith("."):
        return "breakend"
    if not _SEQUENCE.fullmatch(alternative):
        return "ALT is no sequence of bases"
    if reference.upper() == alternative.upper():
        return "ALT is the same as REF"
    if max(len(reference), len(alternative)) > longest:
        return f"allele of more than {longest:,} bases"
    return ""
