"""Input of any length, a window of records at a time: what prediction reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cistron.base.files import open_input
from cistron.samples.alphabet import PROTEIN
from cistron.samples.frames import is_table
from cistron.samples.letters import find_alphabet, select
from cistron.samples.records import Block
from cistron.samples.samples import Samples
from cistron.samples.sequences.fasta import fasta_blocks
from cistron.samples.sequences.profiles import holds_profiles, profile_blocks
from cistron.samples.sequences.table import table_blocks

STREAMED = 1 << 20  # bytes read at once: a window's worth, so that memory stays that of a window


def stream(
    path: str | Path,
    alphabet: str = "protein",
    window: int = 4096,
    *,
    id: str = "id",  # noqa: A002 (the key has this name everywhere)
    sequence: str = "sequence",
    skip: int = 0,
) -> Iterator[Samples]:
    """Read FASTA, a table or profiles in constant memory.

    Parameters
    ----------
    path : path
        FASTA, CSV, TSV or parquet, plain or gzip, told by content and name; "-" is standard input.
        For proteins also profiles: a numpy archive, a matrix of PSI-BLAST, or a folder of these.
    alphabet : {"protein", "dna"}
    window : int
        Records read for each Samples.
    id, sequence : str
        Columns of a table.
    skip : int
        Windows to pass over, cheaply, to go on where an earlier run was broken off.

    Yields
    ------
    Samples
        Unlabelled, in the order of the input. Usable and dropped records together are exactly
        `window`, fewer in the last one. Ids are as in the input, not made unique;
        `dropped.record` is the 1-based position in the whole input.

    Raises
    ------
    InputError
        If the input cannot be read, or is not of this alphabet.
    """
    if window < 1 or skip < 0:
        raise ValueError("window must be at least 1, skip at least 0")
    letters = find_alphabet(alphabet)
    if letters is PROTEIN and holds_profiles(path):
        for block in _windows(profile_blocks(path, skip=skip * window), window):
            yield _unlabelled(block, str(path))
        return
    with open_input(path) as source:
        if is_table(source):
            rows = table_blocks(source, letters, (id, sequence), skip=skip * window)
            blocks: Iterator[Block] = (block for block, _ in rows)
        else:
            blocks = fasta_blocks(source, letters, STREAMED, skip=skip * window)
        for block in _windows(blocks, window):
            yield _unlabelled(block, str(path))


def _windows(blocks: Iterable[Block], size: int) -> Iterator[Block]:
    """Cut a stream of blocks anew, into blocks of exactly `size` records (the last: the rest)."""
    held: list[Block] = []
    missing = size
    for block in blocks:
        start = 0
        while len(block) - start >= missing:
            held.append(block.part(start, start + missing))
            yield Block.join(held)
            start, held, missing = start + missing, [], size
        if start < len(block):
            held.append(block.part(start, len(block)))
            missing -= len(block) - start
    if held:
        yield Block.join(held)


def _unlabelled(block: Block, source: str) -> Samples:
    """Return the usable records of a block as Samples without labels, ids as they are."""
    kept = np.array([not problem for problem in block.problems], dtype=bool)
    rows, others = np.flatnonzero(kept).tolist(), np.flatnonzero(~kept)
    table = pd.DataFrame({"id": pd.Series([block.ids[row] for row in rows], dtype=object)})
    table["label"] = pd.Series([None] * len(rows), dtype=object)
    table["weight"] = 1.0
    dropped = pd.DataFrame(
        {
            "id": pd.Series([block.ids[row] for row in others], dtype=object),
            "source": pd.Series([source] * len(others), dtype=object),
            "record": block.first_record + others,
            "reason": pd.Series([block.problems[row] for row in others], dtype=object),
        }
    )
    payload = select(block.sequences, kept)
    return Samples(table, payload, dropped=dropped, notes=tuple(block.notes()))
