"""A genome of which any stretch can be read, while little of it is in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.samples.genome.chromosomes import Names, iter_chromosomes


@contextmanager
def open_genome(
    path: str | Path,
    wanted: frozenset[str],
    aliases: Mapping[str, str],
    *,
    organelles: bool = True,
) -> Iterator[dict[str, NDArray[np.uint8]]]:
    """Give the letter codes of each wanted chromosome, by the name it is wanted by.

    They are written to a temporary file, a byte each, and mapped from there: a plain, gzip or
    bgzip file serves alike, and variants may come in any order.

    Parameters
    ----------
    path : path
        FASTA.
    wanted : frozenset of str
    aliases : mapping
        Name in the genome: name that is wanted.
    organelles : bool
        Whether chromosomes are read whose header names an organelle.

    Raises
    ------
    InputError
        If the genome cannot be read, or has none of the chromosomes.
    """
    names = Names(wanted, aliases)
    spans: dict[str, tuple[int, int]] = {}
    seen: list[str] = []
    with tempfile.TemporaryFile() as file:
        for chromosome in iter_chromosomes(path):
            seen.append(chromosome.name)
            name = names.find(chromosome)
            if name is not None and (organelles or not chromosome.is_organelle):
                start = file.tell()
                file.write(chromosome.codes.tobytes())
                spans[name] = start, file.tell()
        if not spans:
            raise InputError(
                f"No chromosome of {path} ({', '.join(map(repr, seen[:3]))}) has windows (on "
                f"{', '.join(map(repr, sorted(wanted)[:3]))}). Take files of one source."
            )
        file.flush()
        whole = np.memmap(file, dtype=np.uint8, mode="r")
        yield {name: whole[start:end] for name, (start, end) in spans.items()}
