"""What is marked along a sequence: regions of a window, ends and patterns of a protein.

Patterns are named as what they look like. That a stretch looks like a signal does not say that it
is one, nor that the model takes it for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cistron.samples.genome.regions import Region, Spacer
from cistron.samples.genome.stretches import NAMES, Stretch

FIRST, LAST = (20, 50), 20  # residues of a protein that are marked at its ends


@dataclass(frozen=True)
class Mark:
    """A named stretch, in 0-based half-open positions of a sample."""

    start: int
    end: int
    name: str


@dataclass(frozen=True)
class Pattern:
    """How a known signal is written.

    Parameters
    ----------
    name : str
    expression : str
        Regular expression.
    first : int, optional
        It begins within so many residues.
    at_end : bool
        It ends with the protein.
    """

    name: str
    expression: str
    first: int | None = None
    at_end: bool = False


PATTERNS = (
    # Munro & Pelham 1987, doi:10.1016/0092-8674(87)90086-9
    Pattern("KDEL or HDEL end", "[KHR]DEL", at_end=True),
    # Gould et al. 1989, doi:10.1083/jcb.108.5.1657
    Pattern("SKL-like end", "[SAC][KRH][LM]", at_end=True),
    # Swinkels et al. 1991, doi:10.1002/j.1460-2075.1991.tb04889.x
    Pattern("PTS2-like", "[RK][LVI].{5}[HQ][LA]", first=40),
    # Kalderon et al. 1984, doi:10.1016/0092-8674(84)90457-4: PKKKRKV
    Pattern("basic, NLS-like", "[KR]{4,}"),
    Pattern("CaaX-like end", "C[AVLIM]{2}.", at_end=True),
    Pattern("hydrophobic stretch", "[AILMFVWC]{9,}"),
)


def patterns_in(text: str, positions: NDArray[np.int64], length: int | None) -> list[Mark]:
    """Return what looks like a known signal of a protein.

    Parameters
    ----------
    text : str
        The residues that were read.
    positions : ndarray of int64
        Where each stands in the protein; a part in the middle may be missing.
    length : int, optional
        Residues of the whole protein; without it nothing is said of its end.
    """
    found = []
    jumps = np.flatnonzero(np.diff(positions) != 1) + 1
    edges = [0, *jumps.tolist(), len(text)]
    for begin, stop in pairwise(edges):
        offset = int(positions[begin]) - begin if stop > begin else 0
        for pattern in PATTERNS:
            end = r"\Z" if pattern.at_end else ""
            if pattern.at_end and stop + offset != length:
                continue
            for match in re.finditer(pattern.expression + end, text[begin:stop]):
                start = match.start() + begin + offset
                if pattern.first is None or start < pattern.first:
                    found.append(Mark(start, start + len(match[0]), pattern.name))
    return found


def ends_of(length: int | None) -> list[Mark]:
    """Return the ends of a protein."""
    marks = [Mark(0, number, f"first {number}") for number in FIRST]
    if length is not None:
        marks.append(Mark(max(length - LAST, 0), length, f"last {LAST}"))
    return marks


def regions_of(parts: Sequence[Region | Spacer]) -> list[Mark]:
    """Return the regions of a window."""
    found, column = [], 0
    for part in parts:
        length = part.spacer if isinstance(part, Spacer) else part.length
        if isinstance(part, Region):
            found.append(Mark(column, column + length, part.name.replace("_", " ")))
        column += length
    return found


@dataclass(frozen=True)
class Axis:
    """How positions are called.

    Parameters
    ----------
    stretches : sequence of Stretch
        Counted from their anchors; from 1 up where there are none.
    """

    stretches: Sequence[Stretch] = ()

    def called(self, position: int) -> str:
        """Return the name of a position."""
        for stretch in self.stretches:
            if stretch.begin <= position < stretch.end:
                distance = position - stretch.zero
                name = NAMES.get(stretch.anchor, stretch.anchor)
                if distance == 0:
                    return name
                sign = "+" if distance > 0 else "\N{MINUS SIGN}"
                return f"{name} {sign}{abs(distance):,}"
        return "" if self.stretches else f"{position + 1:,}"

    def round(self, position: int, step: int) -> bool:
        """Whether a tick stands at a position, where ticks stand every `step`."""
        for stretch in self.stretches:
            if stretch.begin <= position < stretch.end:
                return (position - stretch.zero) % step == 0
        return not self.stretches and ((position + 1) % step == 0 or position == 0)
