"""Which windows a classifier of DNA reads: those of its run, or those that options name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pandas as pd
from pydantic import ValidationError

from cistron.base.document import Document
from cistron.base.errors import InputError, nearest
from cistron.base.files import looks_like, open_input
from cistron.base.yaml_text import parse_yaml
from cistron.experiment.file import read_experiment
from cistron.experiment.run_folder import EXPERIMENT
from cistron.explain.export import PLACE
from cistron.explain.variants.windows import GeneWindows, Keep, PlainWindows, WindowSet
from cistron.samples.genome.chromosomes import read_position
from cistron.samples.genome.gene_windows import Genome, read_loci
from cistron.samples.genome.genome import GenomeSamples
from cistron.samples.genome.regions import PRESETS
from cistron.samples.records import decode_utf8

_ASK = (
    "Say where the windows are: --windows BED, or --annotation with --regions (and the genome: "
    "--genome)."
)


@dataclass(frozen=True)
class Where:
    """What options say of the windows; what is missing is taken from the run.

    Parameters
    ----------
    genome, annotation : Path, optional
    regions : str, optional
        Name of a preset, or the YAML of a list of regions as in an experiment file.
    windows : Path, optional
        BED file: windows that are as they are in the genome.
    keep : {"start", "center", "end"}
        Of these, the place that an insertion or deletion leaves where it is, along the strand.
    """

    genome: Path | None = None
    annotation: Path | None = None
    regions: str | None = None
    windows: Path | None = None
    keep: str = "center"


@dataclass(frozen=True, eq=False)
class Found:
    """The windows, and the genome that they are cut from."""

    windows: WindowSet
    genome: Path
    aliases: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    organelles: bool = True


def find_windows(run: str | Path, where: Where) -> Found:
    """Return the windows of a run.

    Raises
    ------
    InputError
        If they are not known, or a file does not fit.
    """
    run = Path(run)
    samples = read_experiment(run / EXPERIMENT).samples if (run / EXPERIMENT).is_file() else None
    of_genome = samples if isinstance(samples, GenomeSamples) else None
    genome = where.genome or (of_genome.genome if of_genome else None)
    keep = _keep(where.keep)
    if where.windows is not None:
        return Found(PlainWindows(read_bed(where.windows), keep), _require_genome(genome))
    if of_genome is not None or (where.annotation and where.regions):
        return _of_genes(of_genome, where)
    table = _placed_samples(run)
    if table is None:
        raise InputError(f"{run} does not say where in a genome its samples lie. {_ASK}")
    return Found(PlainWindows(table, keep), _require_genome(genome))


def _keep(word: str) -> Keep:
    for choice in get_args(Keep):
        if word == choice:
            return choice
    raise InputError(f"--keep {word}: choose start, center or end.{nearest(word, get_args(Keep))}")


def _require_genome(path: Path | None) -> Path:
    if path is None:
        raise InputError("Name the genome that the windows lie in: --genome FASTA.")
    return path


def _of_genes(samples: GenomeSamples | None, where: Where) -> Found:
    """Return windows of genes, as the run cut them but for what options say."""
    changes: Document = {"label": None, "numbers": None, "groups": {}}
    if samples is not None and samples.species and not (where.genome and where.annotation):
        raise InputError(
            f"The run learned from several species ({', '.join(samples.species)}). Say which "
            "genome the variants are of: --genome and --annotation."
        )
    if where.genome is not None or where.annotation is not None:
        changes |= {"species": None}
    changes |= {"genome": where.genome} if where.genome else {}
    changes |= {"annotation": where.annotation} if where.annotation else {}
    known = {} if samples is None else {n: getattr(samples, n) for n in samples.model_fields_set}
    if where.regions is not None:
        changes |= {"regions": _regions(where.regions), "mask": "preset", "ablate": ()}
    elif samples is None:
        raise InputError(f"The run does not say what its windows are made of. {_ASK}")
    try:
        settings = GenomeSamples(**{**known, **changes})
    except ValidationError as error:
        raise InputError(f"--regions: {error.errors()[0]['msg']}. {_ASK}") from error
    if settings.genome is None or settings.annotation is None:
        raise InputError(_ASK)
    windows = settings.windows()
    genome = Genome(
        genome=settings.genome,
        annotation=settings.annotation,
        aliases=settings.aliases,
        id_attribute=settings.id_attribute,
    )
    table, loci, notes = read_loci(genome, windows, settings)
    made = GeneWindows(table, loci, windows)
    organelles = settings.organelles == "keep"
    return Found(made, settings.genome, dict(settings.aliases), tuple(notes), organelles)


def _regions(text: str) -> str | list[object]:
    if text in PRESETS:
        return text
    value = parse_yaml(text, "--regions") if text.lstrip().startswith("[") else None
    if not isinstance(value, list):
        raise InputError(
            f"--regions {text}: there is no such preset.{nearest(text, PRESETS)} Choose one of "
            f"{', '.join(PRESETS)}, or write a list as in an experiment file: "
            '"[{name: promoter, anchor: tss, upstream: 500}]".'
        )
    return value


def _placed_samples(run: Path) -> pd.DataFrame | None:
    """Return the samples whose ids say where they lie (chr1:100-700(-))."""
    path = run / "samples.parquet"
    if not path.is_file():
        return None
    ids = pd.read_parquet(path, columns=["id"])["id"]
    matches = [match for match in map(PLACE.fullmatch, ids.astype(str)) if match]
    matches = [match for match in matches if read_position(match[3]) is not None]
    if not matches:
        return None
    return pd.DataFrame(
        {
            "id": [m[0] for m in matches],
            "chromosome": [m[1] for m in matches],
            "start": [read_position(m[2]) for m in matches],
            "end": [read_position(m[3]) for m in matches],
            "strand": [m[4] or "+" for m in matches],
        }
    )


def read_bed(path: str | Path) -> pd.DataFrame:
    """Read windows: `id`, `chromosome`, `start`, `end` (0-based, half-open) and `strand`.

    Raises
    ------
    InputError
        If a line is none of BED, or the file is empty.
    """
    rows: list[tuple[str, str, int, int, str]] = []
    with open_input(path) as source:
        kind, remedy = looks_like(source.head)
        if kind:
            raise InputError(f"{source.name} looks like {kind}, not BED. {remedy}")
        for number, line in _lines(source.stream, source.name):
            rows.append(_window(line, f"{source.name}, line {number:,}"))
        if not rows:
            raise InputError(f"{source.name} has no window.")
    return pd.DataFrame(rows, columns=["id", "chromosome", "start", "end", "strand"])


def _lines(stream: Iterable[bytes], name: str) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(stream, 1):
        line = decode_utf8(raw.rstrip(b"\r\n"), f"{name}, line {number:,}")
        if line.strip() and not line.startswith(("#", "track", "browser")):
            yield number, line


def _window(line: str, where: str) -> tuple[str, str, int, int, str]:
    fields = line.split("\t") if "\t" in line else line.split()
    start, end = (read_position(text) for text in (*fields, "", "")[1:3])
    if start is None or end is None or start >= end:
        raise InputError(
            f"{where}: a line of BED has chromosome, start and end (0-based, behind the last "
            f"base), and here stands {line[:60]!r}."
        )
    strand = fields[5] if len(fields) > 5 else "+"
    if strand not in ("+", "-", "."):
        raise InputError(f"{where}: the strand is {strand!r} and has to be +, - or a dot.")
    chromosome = fields[0]
    named = len(fields) > 3 and fields[3] not in ("", ".")
    name = fields[3] if named else f"{chromosome}:{start}-{end}({strand})"
    return name, chromosome, start, end, "+" if strand == "." else strand
