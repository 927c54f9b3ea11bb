"""Windows cut from a chromosome, 5' to 3' of each gene (anchors: `regions`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cistron.base.errors import InputError, nearest
from cistron.samples.alphabet import DNA
from cistron.samples.genome.regions import (
    CODONS,
    FIVE_PRIME,
    FORMER_MASKS,
    PRESET_COLUMNS,
    PRESETS,
    THREE_PRIME,
    Region,
    Spacer,
    Stretch,
)

UNKNOWN = DNA.unknown
_ROWS = 2048  # windows cut at a time

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Loci:
    """Where genes lie on one chromosome: arrays of shape (genes,), 0-based, half-open.

    Parameters
    ----------
    start, end : ndarray of int64
        Of the transcribed part.
    coding_start, coding_end : ndarray of int64
        Of the translated part, stop codon included; -1 where none is known.
    minus : ndarray of bool
        Genes on the minus strand.
    """

    start: Rows
    end: Rows
    coding_start: Rows
    coding_end: Rows
    minus: NDArray[np.bool_]

    def take(self, rows: Rows) -> Loci:
        """Return some of the genes."""
        return Loci(
            self.start[rows],
            self.end[rows],
            self.coding_start[rows],
            self.coding_end[rows],
            self.minus[rows],
        )

    def place(self, anchor: str) -> Rows:
        """Return the position of an anchor: the number of the base right of it."""
        first, last = {
            "tss": (self.start, self.end),
            "tts": (self.end, self.start),
            "start_codon": (self.coding_start, self.coding_end),
            "stop_codon": (self.coding_end, self.coding_start),
        }[anchor]
        return np.where(self.minus, last, first)

    def offset(self, anchor: str) -> Rows:
        """Return how many bases an anchor lies behind the tss, along the strand."""
        distance = self.place(anchor) - self.place("tss")
        return np.where(self.minus, -distance, distance)


@dataclass(frozen=True)
class Windows:
    """The windows to cut, and what is hidden in them.

    Parameters
    ----------
    parts : tuple of Region or Spacer
        From left to right.
    masked : tuple of Stretch
        Bases that become N wherever they stand in the window.
    hidden : frozenset of str
        Names of regions whose columns are all N.
    split_short : bool
        Where regions from both ends reach into a gene, each reads as far as its middle, and what
        lies behind is N: no base is read twice.
    blank : tuple of (int, int)
        First and last column (exclusive) of what is N in every window, whatever stands there.
    """

    parts: tuple[Region | Spacer, ...]
    masked: tuple[Stretch, ...] = ()
    hidden: frozenset[str] = frozenset()
    split_short: bool = True
    blank: tuple[tuple[int, int], ...] = ()

    @property
    def length(self) -> int:
        """Number of columns."""
        return sum(p.spacer if isinstance(p, Spacer) else p.length for p in self.parts)

    @property
    def regions(self) -> tuple[Region, ...]:
        """The parts that are not spacers."""
        return tuple(part for part in self.parts if isinstance(part, Region))

    @property
    def columns(self) -> dict[str, tuple[int, int]]:
        """First and last column (exclusive) of every region."""
        spans, start = {}, 0
        for part in self.parts:
            length = part.spacer if isinstance(part, Spacer) else part.length
            if isinstance(part, Region):
                spans[part.name] = (start, start + length)
            start += length
        return spans

    @property
    def coded(self) -> bool:
        """Whether a region hangs on a codon."""
        return any(region.anchor in CODONS for region in self.regions)

    @property
    def knows_codons(self) -> bool:
        """Whether codons matter to a region or to what is masked."""
        return self.coded or any(stretch.anchor in CODONS for stretch in self.masked)

    def meets(self, loci: Loci) -> NDArray[np.bool_]:
        """Return the genes so short that regions from both ends would meet, shape (genes,)."""
        far = np.int64(1 << 40)
        left, right = np.full(len(loci.start), -far), np.full(len(loci.start), far)
        for region in self.regions:
            offset = loci.offset(region.anchor)
            if region.anchor in FIVE_PRIME and region.downstream:
                left = np.maximum(left, offset + region.downstream)
            elif region.anchor in THREE_PRIME and region.upstream:
                right = np.minimum(right, offset - region.upstream)
        return left > right

    def outside(self, loci: Loci, size: int | Rows) -> NDArray[np.bool_]:
        """Return the genes whose window passes an end of their chromosome, of that size."""
        past_end = np.zeros(len(loci.start), dtype=bool)
        for region in self.regions:
            first = first_base(region, loci)
            past_end |= (first < 0) | (first + region.length > size)
        return past_end

    def cut(
        self, codes: NDArray[np.uint8], loci: Loci
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return the windows of genes of one chromosome.

        Parameters
        ----------
        codes : ndarray of uint8, shape (bases,)
            The chromosome's plus strand.
        loci : Loci

        Returns
        -------
        windows : ndarray of uint8, shape (genes, length)
            Codes into `DNA.letters`, 5' to 3' of each gene; N past the ends of the chromosome.
        unknown : ndarray of float64, shape (genes,)
            Share of the bases of all regions, hidden ones too, that are none of A, C, G and T.
        """
        windows = np.full((len(loci.start), self.length), UNKNOWN, dtype=np.uint8)
        unknown = np.zeros(len(windows))
        columns = self.columns
        short = self.meets(loci) if self.split_short else np.zeros(len(loci.start), dtype=bool)
        for region in self.regions:
            begin, end = columns[region.name]
            for top in range(0, len(windows), _ROWS):
                rows = np.arange(top, min(top + _ROWS, len(windows)))
                part_loci = loci.take(rows)
                piece = _read(codes, first_base(region, part_loci), region.length, part_loci.minus)
                unknown[rows] += (piece >= DNA.standard).sum(axis=1)
                if region.name not in self.hidden:
                    self._hide(piece, region, part_loci, short[rows])
                    windows[top : top + _ROWS, begin:end] = piece
        for begin, end in self.blank:
            windows[:, begin:end] = UNKNOWN
        return windows, unknown / sum(region.length for region in self.regions)

    def _hide(
        self, piece: NDArray[np.uint8], region: Region, loci: Loci, short: NDArray[np.bool_]
    ) -> None:
        """Make N of what is masked, and of what lies behind the middle of a short gene."""
        first = loci.offset(region.anchor) - region.upstream  # of column 0, counted from the tss
        spans: list[tuple[Rows, Rows]] = []
        for stretch in self.masked:
            place = loci.offset(stretch.anchor) - first
            known = (loci.coding_start >= 0) | (stretch.anchor not in CODONS)
            reach = np.where(known, place + stretch.downstream, 0)
            spans.append((np.where(known, place - stretch.upstream, 0), reach))
        if short.any():
            middle = (loci.end - loci.start + 1) // 2 - first
            behind = np.full_like(middle, region.length)
            if region.anchor in FIVE_PRIME:
                spans.append((np.where(short, middle, behind), behind))
            else:
                spans.append((np.zeros_like(middle), np.where(short, middle, 0)))
        column = np.arange(region.length)
        for begin, end in spans:
            rows = np.flatnonzero((begin < end) & (end > 0) & (begin < region.length))
            if len(rows):
                inside = (column >= begin[rows, None]) & (column < end[rows, None])
                piece[rows] = np.where(inside, UNKNOWN, piece[rows])


def make_windows(
    regions: str | Sequence[Region | Spacer],
    mask: Literal["preset"] | Sequence[str | Stretch] | None = "preset",
    ablate: Sequence[str] = (),
    split_short: bool = True,
) -> Windows:
    """Return the windows of a preset or of a list of regions.

    Parameters
    ----------
    regions : {"lcre", "deepcre", "deepdife"} or sequence
    mask : "preset", sequence or None
        What the publication of the preset hides; or names of regions, "start_codon", "stop_codon"
        (three bases each, where the annotation has them) and stretches. None is what runs of
        before hid: nothing of `lcre`, and of `deepcre` the bases, in both copies of a short gene.
    ablate : sequence of str
        Names of regions.
    split_short : bool

    Raises
    ------
    InputError
        If there is no such region, or two of one name.
    """
    parts = PRESETS[regions] if isinstance(regions, str) else tuple(regions)
    names = [part.name for part in parts if isinstance(part, Region)]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"samples.regions: two regions are called {name!r}.")
    preset, blank = regions if isinstance(regions, str) else "", tuple[tuple[int, int], ...]()
    if mask == "preset":
        mask, blank = (), PRESET_COLUMNS.get(preset, ())
    elif mask is None:
        mask = FORMER_MASKS.get(preset, ())
    masked = [stretch for stretch in mask if isinstance(stretch, Stretch)]
    hidden = list(ablate)
    for name in (name for name in mask if isinstance(name, str)):
        if name == "start_codon":
            masked.append(Stretch(anchor="start_codon", downstream=3))
        elif name == "stop_codon":
            masked.append(Stretch(anchor="stop_codon", upstream=3))
        else:
            hidden.append(name)
    for name in hidden:
        if name not in names:
            key = "ablate" if name in ablate else "mask"
            raise InputError(
                f"samples.{key}: there is no region {name!r} (there are: {', '.join(names)})."
                f"{nearest(name, names)}"
            )
    if set(hidden) >= set(names):
        raise InputError("samples.ablate: all regions are hidden, so that no base is left.")
    return Windows(parts, tuple(masked), frozenset(hidden), split_short, blank)


def first_base(region: Stretch, loci: Loci) -> Rows:
    """Return the lowest position that a region covers on the plus strand."""
    before = np.where(loci.minus, region.downstream, region.upstream)
    return loci.place(region.anchor) - before


def _read(
    codes: NDArray[np.uint8], first: Rows, length: int, minus: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return stretches of one length, 5' to 3', N outside of the chromosome."""
    piece = np.full((len(first), length), UNKNOWN, dtype=np.uint8)
    inside = (first >= 0) & (first + length <= len(codes))
    if inside.any():
        piece[inside] = np.lib.stride_tricks.sliding_window_view(codes, length)[first[inside]]
    for row in np.flatnonzero(~inside).tolist():
        low, high = max(first[row], 0), min(first[row] + length, len(codes))
        if low < high:
            piece[row, low - first[row] : high - first[row]] = codes[low:high]
    piece[minus] = DNA.complement[piece[minus, ::-1]]
    return piece
