"""Windows of a genome, cut again where a variant changes it.

The changed chromosome is cut around the same anchors, so that windows keep their length. An
anchor lies between two bases and stays between them. Where both are deleted, or the stretch around
it is replaced, it stays as far behind the first replaced base as it was, at most behind the last
new one. What is inserted exactly at an anchor comes to lie on its right on the forward strand.
So an insertion pushes bases out at the end of the region that is far from the anchor, and a
deletion takes bases in there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.arrays import Array
from cistron.samples.alphabet import DNA
from cistron.samples.genome.windows import Loci, Windows, first_base

Codes = NDArray[np.uint8]
Keep = Literal["start", "center", "end"]


@dataclass(frozen=True, eq=False)
class Edit:
    """Bases of a chromosome that are replaced.

    Parameters
    ----------
    start, end : int
        0-based, half-open; an insertion replaces nothing.
    codes : ndarray of uint8
        What stands there instead.
    """

    start: int
    end: int
    codes: Codes

    @property
    def longer(self) -> int:
        """Bases by which the chromosome becomes longer."""
        return len(self.codes) - (self.end - self.start)

    def moved(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where places between bases come to lie."""
        inside = self.start + np.minimum(places - self.start, len(self.codes))
        behind = np.where(places >= self.end, places + self.longer, inside)
        return np.where(places <= self.start, places, behind)

    def applied(self, codes: Codes, low: int) -> Codes:
        """Return a stretch that begins at `low`, changed."""
        start, end = self.start - low, self.end - low
        return np.concatenate([codes[: max(start, 0)], self.codes, codes[max(end, 0) :]])


class WindowSet(Protocol):
    """Windows that variants may fall into."""

    ids: NDArray[np.object_]
    chromosomes: frozenset[str]

    def touched(self, chromosome: str, edit: Edit) -> list[int]:
        """Return the windows that read what is replaced, or what lies beside an insertion."""

    def within(self, row: int, edit: Edit) -> bool:
        """Whether a window reads a replaced base, or the bases on both sides of an insertion."""

    def span(self, row: int) -> tuple[int, int]:
        """Return the first base of a window and that behind its last one."""

    def cut(self, row: int, codes: Codes, low: int, edit: Edit | None = None) -> Codes:
        """Return a window from a stretch of its chromosome that begins at `low`."""

    def place(self, row: int, position: int) -> tuple[str, str, int]:
        """Return strand, name of the region, and distance from its anchor along the strand."""


class _Intervals:
    """Half-open intervals on chromosomes, and which of them a stretch meets."""

    def __init__(self, chromosome: Array, start: Array, end: Array, rows: Array) -> None:
        self.by_name: dict[str, tuple[Array, Array, Array, int]] = {}
        for name, members in pd.Series(chromosome).groupby(chromosome).indices.items():
            order = members[np.argsort(start[members], kind="stable")]
            longest = int((end[order] - start[order]).max())
            self.by_name[str(name)] = (start[order], end[order], rows[order], longest)

    def meeting(self, chromosome: str, start: int, end: int) -> set[int]:
        """Return the rows of intervals that meet `start` to `end`; of an empty one, touch it."""
        if chromosome not in self.by_name:
            return set()
        first, last, rows, longest = self.by_name[chromosome]
        reach = 1 if start == end else 0
        low = np.searchsorted(first, start - longest - reach, side="left")
        high = np.searchsorted(first, end + reach, side="left")
        near = slice(int(low), int(high))
        return set(rows[near][last[near] > start - reach].tolist())


class GeneWindows:
    """Windows of genes: regions around their anchors.

    Parameters
    ----------
    table : DataFrame
        `id`, `chromosome` and `strand` of each gene.
    loci : Loci
    windows : Windows
    """

    def __init__(self, table: pd.DataFrame, loci: Loci, windows: Windows) -> None:
        self.ids = table["id"].to_numpy(dtype=object)
        self.strand = table["strand"].to_numpy(dtype=object)
        self.chromosomes = frozenset(table["chromosome"])
        self.loci, self.windows = loci, windows
        self.first = np.stack([first_base(region, loci) for region in windows.regions])
        lengths = np.array([region.length for region in windows.regions])
        self.last = self.first + lengths[:, None]
        chromosome = np.tile(table["chromosome"].to_numpy(dtype=object), len(lengths))
        genes = np.tile(np.arange(len(table)), len(lengths))
        self._met = _Intervals(chromosome, self.first.ravel(), self.last.ravel(), genes)

    def touched(self, chromosome: str, edit: Edit) -> list[int]:
        """Return the genes whose regions an edit meets."""
        return sorted(self._met.meeting(chromosome, edit.start, edit.end))

    def within(self, row: int, edit: Edit) -> bool:
        """Whether a region holds a replaced base, or both neighbours of an insertion."""
        inside = (self.first[:, row] < max(edit.end, edit.start + 1)) & (
            self.last[:, row] > edit.start
        )
        if edit.start == edit.end:
            inside &= self.first[:, row] < edit.start
        return bool(inside.any())

    def span(self, row: int) -> tuple[int, int]:
        """Return the first base that any region reads, and that behind the last one."""
        return int(self.first[:, row].min()), int(self.last[:, row].max())

    def cut(self, row: int, codes: Codes, low: int, edit: Edit | None = None) -> Codes:
        """Return the window of a gene."""
        one = self.loci.take(np.array([row]))
        places = np.stack([one.start, one.end, one.coding_start, one.coding_end])
        if edit is not None:
            places = np.where(places >= 0, edit.moved(places), places)
            codes = edit.applied(codes, low)
        start, end, coding_start, coding_end = np.where(places >= 0, places - low, places)
        return self.windows.cut(codes, Loci(start, end, coding_start, coding_end, one.minus))[0][0]

    def place(self, row: int, position: int) -> tuple[str, str, int]:
        """Return strand, region, and distance from its anchor: the base behind it is 0."""
        inside = (self.first[:, row] <= position) & (position < self.last[:, row])
        number = int(inside.argmax())
        region, one = self.windows.regions[number], self.loci.take(np.array([row]))
        anchor = int(one.place(region.anchor)[0])
        distance = anchor - 1 - position if one.minus[0] else position - anchor
        return str(self.strand[row]), region.name, distance


class PlainWindows:
    """Stretches of a genome, each as it is.

    Parameters
    ----------
    table : DataFrame
        `id`, `chromosome`, `start`, `end` (0-based, half-open) and `strand`.
    keep : {"start", "center", "end"}
        Along the strand, which place is the anchor.
    """

    def __init__(self, table: pd.DataFrame, keep: Keep = "center") -> None:
        self.ids = table["id"].to_numpy(dtype=object)
        self.strand = table["strand"].to_numpy(dtype=object)
        self.minus = self.strand == "-"
        self.start, self.end = (table[n].to_numpy(dtype=np.int64) for n in ("start", "end"))
        chromosome = table["chromosome"].to_numpy(dtype=object)
        self.chromosomes = frozenset(chromosome)
        self.anchor = {
            "start": np.where(self.minus, self.end, self.start),
            "center": (self.start + self.end) // 2,
            "end": np.where(self.minus, self.start, self.end),
        }[keep]
        self._met = _Intervals(chromosome, self.start, self.end, np.arange(len(table)))

    def touched(self, chromosome: str, edit: Edit) -> list[int]:
        """Return the windows that an edit meets."""
        return sorted(self._met.meeting(chromosome, edit.start, edit.end))

    def within(self, row: int, edit: Edit) -> bool:
        """Whether the window holds a replaced base, or both neighbours of an insertion."""
        low, high = self.start[row], self.end[row]
        if edit.start == edit.end:
            return bool(low < edit.start < high)
        return bool(low < edit.end and edit.start < high)

    def span(self, row: int) -> tuple[int, int]:
        """Return the window."""
        return int(self.start[row]), int(self.end[row])

    def cut(self, row: int, codes: Codes, low: int, edit: Edit | None = None) -> Codes:
        """Return the window; N where it passes the end of the chromosome."""
        start, end = self.span(row)
        if edit is not None:
            moved = int(edit.moved(self.anchor[row : row + 1])[0] - self.anchor[row])
            start, end = start + moved, end + moved
            codes = edit.applied(codes, low)
        found = np.full(end - start, DNA.unknown, dtype=np.uint8)
        left, right = max(start - low, 0), min(end - low, len(codes))
        if left < right:
            found[left + low - start : right + low - start] = codes[left:right]
        return DNA.complement[found[::-1]] if self.minus[row] else found

    def place(self, row: int, position: int) -> tuple[str, str, int]:
        """Return strand, "", and distance from the first base along the strand."""
        last = int(self.end[row]) - 1
        distance = last - position if self.minus[row] else position - int(self.start[row])
        return str(self.strand[row]), "", distance
