"""A genome's chromosomes, one after another, as letter codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.files import BYTE_ORDER_MARK, Input, looks_like, open_input
from cistron.samples.alphabet import DNA, INVALID, SKIPPED
from cistron.samples.letters import check_alphabet
from cistron.samples.records import decode, decode_utf8

BLOCK = 1 << 22  # bytes read at once
_TABLE = bytes(DNA.codes.tolist())
_SKIPPED = bytes(np.flatnonzero(DNA.codes == SKIPPED).tolist())

# What a chromosome's name holds beside its number: "Chr01", "chromosome_1", tomato's "SL4.0ch01".
_DECORATED = re.compile(
    r"^(?:[a-z]{1,4}\d+(?:\.\d+)*)?ch(?:r|rom|romosome)?[_. ]?0*([1-9]\d*[a-z]?|[ivx]+|x|y|z|w|un)$"
)
_ORGANELLES = {
    "mitochondrion": ("m", "mt", "mito", "mitochondria", "mitochondrion", "mitochondrial"),
    "chloroplast": ("c", "pt", "cp", "chloroplast", "plastid"),
}
_ORGANELLE = re.compile(
    r"\b(?:mitochondrion|mitochondrial|kinetoplast|chloroplast|plastid|apicoplast|chromoplast|"
    r"leucoplast|cyanelle|hydrogenosome)\b",
    re.IGNORECASE,
)
# Records that lie beside their chromosome, although their headers name it.
_BESIDE = re.compile(
    r"scaffold|contig|unplaced|unlocalized|\bpatch\b|alternate loc|\balt_ref", re.IGNORECASE
)
LARGEST_POSITION = 1 << 40  # beyond any chromosome, and far inside of 64 bits
_IN_HEADER = (
    re.compile(r"\[(?:chromosome|location)=([^\]]+)\]", re.IGNORECASE),
    re.compile(r"\bchromosome:?\s+([0-9A-Za-z]+)", re.IGNORECASE),
    re.compile(r"\b(mitochondrion|chloroplast|plastid)\b", re.IGNORECASE),
)


def read_position(text: str) -> int | None:
    """Return a coordinate, or None where the text is no whole number that a chromosome may have."""
    if not text.isdecimal():  # nearly all are, and annotations have millions
        text = text.strip()
    if not text.isdecimal() or len(text) > 13:
        return None
    number = int(text)
    return number if number < LARGEST_POSITION else None


@dataclass(frozen=True, eq=False)
class Chromosome:
    """One chromosome.

    Parameters
    ----------
    name : str
        First word of its header.
    header : str
    codes : ndarray of uint8, shape (bases,)
        Codes into `DNA.letters`, read only.
    """

    name: str
    header: str
    codes: NDArray[np.uint8]

    @property
    def description(self) -> str:
        """What stands in the header behind the name."""
        return self.header[len(self.name) :]

    @property
    def is_organelle(self) -> bool:
        """Whether it is that of a mitochondrion or plastid, by its name or its header."""
        return is_organelle(self.name) or tells_organelle(self.description)


def iter_chromosomes(path: str | Path) -> Iterator[Chromosome]:
    """Read a genome, one chromosome in memory at a time.

    Parameters
    ----------
    path : path
        FASTA, plain, gzip or bgzip.

    Raises
    ------
    InputError
        If it cannot be read, is no FASTA of DNA, or names a chromosome twice.
    """
    with open_input(path) as source:
        _check_start(source)
        seen: set[str] = set()
        for header, pieces in _records(source):
            name = header.split(maxsplit=1)[0] if header else ""
            if not name or name in seen:
                what = f"{name!r} stands there twice" if name else "one has no name"
                raise InputError(
                    f"{source.name}: every chromosome needs a name of its own, and {what}."
                )
            seen.add(name)
            codes = np.frombuffer(b"".join(pieces), dtype=np.uint8)
            if codes.max(initial=0) == INVALID:
                where = int(np.flatnonzero(codes == INVALID)[0]) + 1
                raise InputError(
                    f"{source.name}: base {where:,} of {name} is no DNA letter. RNA is written "
                    "with T for U; proteins have no chromosomes."
                )
            yield Chromosome(name, header, codes)


def read_sizes(path: str | Path) -> dict[str, int]:
    """Return the length of each chromosome, in the order of the file.

    Parameters
    ----------
    path : path
        FASTA (its index, FASTA.fai, is read where that is there), such an index, or a table
        without header of names and lengths.

    Raises
    ------
    InputError
        If it cannot be read, or a line holds no name and length.
    """
    path = Path(path)
    index = path.with_name(path.name + ".fai")
    if not path.name.endswith((".fai", ".sizes")):
        if not index.is_file():
            return {chromosome.name: len(chromosome.codes) for chromosome in iter_chromosomes(path)}
        if index.stat().st_mtime >= path.stat().st_mtime:
            path = index
        else:
            raise InputError(f"{index} is older than its FASTA. Make it anew: samtools faidx.")
    sizes: dict[str, int] = {}
    with open_input(path) as source:
        for number, line in enumerate(source.stream, 1):
            fields = decode(line).rstrip("\r\n").split("\t")
            size = read_position(fields[1]) if len(fields) > 1 else None
            if size is None or fields[0] in sizes:
                raise InputError(
                    f"{source.name}, line {number}: expected a name of its own and a length, "
                    "separated by a tab, as `samtools faidx` writes them."
                )
            sizes[fields[0]] = size
    return sizes


def _check_start(source: Input) -> None:
    kind, remedy = looks_like(source.head)
    if kind:
        raise InputError(f"{source.name} looks like {kind}, not FASTA. {remedy}")
    text = source.head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not text.startswith(b">"):
        shown = decode(text.split(b"\n", 1)[0])[:40]
        raise InputError(
            f"{source.name}: {shown!r} is no FASTA header. A genome is FASTA, one record >name a "
            "chromosome."
        )
    first = text.split(b"\n>", 1)[0].partition(b"\n")[2]
    check_alphabet([first], DNA, source.name)


def _records(source: Input) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the header of each record, and its codes in pieces."""
    header: str | None = None
    count = 1
    pieces: list[bytes] = []
    held = b""
    while chunk := held + (data := source.stream.read(BLOCK)):
        line = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        # A header is never cut; a line of sequence may be, for some chromosomes are one line.
        cut = line if data and chunk[line : line + 1] == b">" else len(chunk)
        chunk, held = chunk[:cut], chunk[cut:]
        starts = [*_starts(chunk), len(chunk)]
        pieces.append(chunk[: starts[0]].translate(_TABLE, _SKIPPED))
        for start, end in pairwise(starts):
            if header is not None:
                yield header, pieces
            name, body = _first_line(chunk[start + 1 : end])
            where = f"{source.name}, record {count:,}"
            count += 1
            header, pieces = decode_utf8(name, where).strip(), [body.translate(_TABLE, _SKIPPED)]
    if header is not None:
        yield header, pieces


def _starts(chunk: bytes) -> Iterator[int]:
    """Yield where a line begins with >."""
    place = chunk.find(b">")
    while place >= 0:
        if place == 0 or chunk[place - 1] in b"\r\n":
            yield place
        place = chunk.find(b">", place + 1)


def _first_line(part: bytes) -> tuple[bytes, bytes]:
    """Return a record's header and what follows, whatever its line ends are."""
    newline, carriage = part.find(b"\n"), part.find(b"\r")
    ends = [end for end in (newline, carriage) if end >= 0]
    return (part[: min(ends)], part[min(ends) :]) if ends else (part, b"")


def plain_name(name: str) -> str:
    """Return a chromosome's name without what sources write around it.

    "Chr01", "chr1", "chromosome_1" and "1" are one; so are "MT", "Mito" and "chrM".
    """
    text = name.strip().lower()
    match = _DECORATED.match(text)
    plain = match[1] if match else text.removeprefix("chr")
    for organelle, spellings in _ORGANELLES.items():
        if plain in spellings:
            return organelle
    return plain.lstrip("0") or plain


def is_organelle(name: str) -> bool:
    """Whether a chromosome is that of a mitochondrion or plastid, by its name."""
    return plain_name(name) in _ORGANELLES


def tells_organelle(text: str) -> bool:
    """Whether a description names an organelle ("… mitochondrion, complete genome")."""
    return _ORGANELLE.search(text) is not None


class Names:
    """Finds the annotation's name of each chromosome of a genome.

    In this order: the user's aliases, the same name, the same name but for decoration ("Chr01"
    and "1"), what the header says ("… chromosome 1 …", "[chromosome=I]"). A name that an alias
    gives to one chromosome is given to no other; scaffolds and patches do not take the name of
    the chromosome that their headers tell.

    Parameters
    ----------
    wanted : iterable of str
        Names that the annotation uses.
    aliases : mapping
        Name in the genome: name in the annotation, or the other way round.
    """

    def __init__(self, wanted: Iterable[str], aliases: Mapping[str, str]) -> None:
        self.wanted = set(wanted)
        self.aliases = {**{there: here for here, there in aliases.items()}, **aliases}
        self._plain = {plain_name(name): name for name in sorted(self.wanted, reverse=True)}
        self._given = {name for name in self.aliases.values() if name in self.wanted}
        self._taken: dict[str, str] = {}

    def find(self, chromosome: Chromosome) -> str | None:
        """Return the annotation's name, or None where it has no such chromosome.

        Raises
        ------
        InputError
            If two chromosomes of the genome have one name in the annotation.
        """
        name = self._find(chromosome)
        named = name in (chromosome.name, self.aliases.get(chromosome.name))
        if name in self._given and not named:
            return None
        if name is not None and self._taken.setdefault(name, chromosome.name) != chromosome.name:
            raise InputError(
                f"Both {self._taken[name]!r} and {chromosome.name!r} of the genome look like "
                f"{name!r} of the annotation. Say which is meant with the key aliases, or take one "
                "out."
            )
        return name

    def _find(self, chromosome: Chromosome) -> str | None:
        for name in (self.aliases.get(chromosome.name), chromosome.name):
            if name in self.wanted:
                return name
        if plain_name(chromosome.name) in self._plain:
            return self._plain[plain_name(chromosome.name)]
        if _BESIDE.search(chromosome.description):
            return None
        for pattern in _IN_HEADER:
            match = pattern.search(chromosome.description)
            if match and plain_name(match[1]) in self._plain:
                return self._plain[plain_name(match[1])]
        return None
