"""Columns of a window as distances from the start of transcription, its end, or the first base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cistron.samples.genome.regions import Region, Spacer

NAMES = {
    "tss": "TSS",
    "tts": "TTS",
    "start_codon": "start codon",
    "stop_codon": "stop codon",
    "start": "first base",
}


@dataclass(frozen=True)
class Stretch:
    """Columns that are counted from one anchor.

    Parameters
    ----------
    anchor : str
        tss, tts, start_codon, stop_codon; start where nothing but the first column is known; or a
        name that the user gave.
    begin, end : int
        0-based half-open columns.
    zero : int
        The column on whose left the anchor lies: base `zero` is at 0, the one before at -1.
    """

    anchor: str
    begin: int
    end: int
    zero: int


def stretches_of(parts: Sequence[Region | Spacer]) -> list[Stretch]:
    """Return the stretches of a window made of regions; neighbours that go on become one."""
    stretches: list[Stretch] = []
    column = 0
    for part in parts:
        if isinstance(part, Spacer):
            column += part.spacer
            continue
        made = Stretch(part.anchor, column, column + part.length, column + part.upstream)
        column += part.length
        last = stretches[-1] if stretches else None
        if last and (last.anchor, last.end, last.zero) == (made.anchor, made.begin, made.zero):
            stretches[-1] = Stretch(last.anchor, last.begin, made.end, last.zero)
        else:
            stretches.append(made)
    return stretches
