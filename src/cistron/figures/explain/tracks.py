"""One sample as a figure: all of its contributions, and the strongest stretches by letter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.figures.explain.canvas import (
    AGAINST,
    FOR,
    INK,
    MUTED,
    TINT,
    WIDE,
    WIDTH,
    Canvas,
    bars,
)
from cistron.figures.explain.marks import Axis, Mark
from cistron.figures.explain.zooms import rows_of, strongest
from cistron.figures.numbers import decimal

LEFT = 46.0  # units to the left of the positions, for the scale
ROOM = WIDTH - LEFT - 4
COLUMNS = 66  # positions in a row that is drawn by letter
OVERVIEW, ZOOM, STRAND = 62.0, 68.0, 34.0  # heights
ZOOMS = 3
PLAIN = Axis()


@dataclass(frozen=True, eq=False)
class Track:
    """What is drawn of a sample.

    Parameters
    ----------
    name : str
    heading : str
        What was predicted, and what is explained.
    text : str
        The letters that were read.
    contributions : ndarray, shape (n,)
    positions : ndarray of int64, shape (n,)
        0-based places in the sample.
    marks : sequence of Mark
        Regions, or what looks like a signal.
    ends : sequence of Mark
        Drawn behind the contributions.
    axis : Axis
    mutations : ndarray, shape (n, letters), optional
        Change of the output by every substitution.
    letters : str
        Of the mutations, in their order.
    logo : bool
        Letters as high as what they contribute; else bars with the letters below.
    strands : ndarray, shape (n, 2), optional
        Contributions by the reading of each strand, drawn as two tracks below.
    scale : str
        What contributions add to: "log-odds of responding".
    """

    name: str
    heading: str
    text: str
    contributions: NDArray[np.float64]
    positions: NDArray[np.int64]
    marks: Sequence[Mark] = ()
    ends: Sequence[Mark] = ()
    axis: Axis = PLAIN
    mutations: NDArray[np.float64] | None = None
    letters: str = ""
    logo: bool = True
    strands: NDArray[np.float64] | None = None
    scale: str = "output"

    def within(self, mark: Mark, start: int, end: int) -> tuple[int, int] | None:
        """Return which of the places from `start` to `end` a mark covers, counted from `start`."""
        here = self.positions[start:end]
        first, last = np.searchsorted(here, [mark.start, mark.end]).tolist()
        return (first, last) if first < last else None


def track(made: Track) -> str:
    """Draw a sample as an `<svg>` element."""
    n = len(made.text)
    canvas = Canvas()
    canvas.text(0, 13, _cut(made.name, 60), INK, size=13)
    canvas.text(0, 29, _cut(made.heading, 120), MUTED, size=10.5)
    _legend(canvas, made.scale)
    canvas.top = 58
    if n <= 2 * COLUMNS:
        rows, named = rows_of(n, COLUMNS), False
    else:
        ends = [(0, COLUMNS), (n - COLUMNS, n)] if made.ends else []
        number = ZOOMS if not made.ends else ZOOMS - 1
        rows, named = strongest(made.contributions, COLUMNS, number, ends), True
        _overview(canvas, made, rows)
    low, high = _limits(made.contributions)
    for number, (start, end) in enumerate(rows):
        _zoom(canvas, made, (start, end), (low, high), "abcdefgh"[number] if named else "")
    if made.strands is not None:
        _strands(canvas, made.strands)
    top = np.argsort(-np.abs(made.contributions), kind="stable")[:3]
    told = ", ".join(
        f"{made.text[i]} at {made.axis.called(int(made.positions[i]))}: "
        f"{decimal(float(made.contributions[i]))}"
        for i in top
    )
    said = f"Contributions of {made.name}. {made.heading}. The largest: {told}."
    return canvas.finish(said, _rows(made))


def _legend(canvas: Canvas, scale: str) -> None:
    """Say what the colours, and the two sides of the line, mean."""
    x = LEFT
    for colour, words in (
        (FOR, f"above the line: raises the {scale}"),
        (AGAINST, "below: lowers it"),
    ):
        canvas.box(x, 38, (8, 8), colour)
        canvas.text(x + 12, 46, words)
        x += 30 + WIDE * len(words)


def _rows(made: Track) -> Iterator[Sequence[object]]:
    """Yield what is drawn of each position, headings first."""
    effects = () if made.mutations is None else tuple(made.letters)
    yield "position", "letter", "contribution", *(f"to {letter}" for letter in effects)
    for place, letter in enumerate(made.text):
        changes = () if made.mutations is None else made.mutations[place]
        yield int(made.positions[place]) + 1, letter, made.contributions[place], *changes


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = min(float(values.min(initial=0)), 0), max(float(values.max(initial=0)), 0)
    return (low, high) if high > low else (0.0, 1.0)


def _cut(words: str, letters: int) -> str:
    return words if len(words) <= letters else words[: letters - 1] + "…"


def _scale(canvas: Canvas, limits: tuple[float, float], height: float) -> tuple[float, float]:
    """Write the largest and least contribution beside `top`; return where 0 is, and the unit."""
    low, high = limits
    unit = height / (high - low)
    zero = canvas.top + high * unit
    digits = max(0, 2 - int(np.floor(np.log10(max(high, -low)))) - 1)
    for value, y in ((high, canvas.top + 8), (low, canvas.top + height)):
        if abs(value) * unit >= 12:
            canvas.text(LEFT - 5, y, decimal(value, min(digits, 6)), size=9, end="end")
    canvas.text(LEFT - 5, zero + 3, "0", size=9, end="end")
    canvas.line(LEFT, zero, LEFT + ROOM, zero)
    canvas.line(LEFT, canvas.top, LEFT, canvas.top + height)
    for y in (canvas.top, zero, canvas.top + height):
        canvas.line(LEFT - 3, y, LEFT, y)
    return zero, unit


def _overview(canvas: Canvas, made: Track, rows: Sequence[tuple[int, int]]) -> None:
    """Draw all positions, the rows that are drawn by letter below, and marks."""
    n = len(made.text)
    step = ROOM / n
    for mark in made.ends:
        inside = made.within(mark, 0, n)
        if inside:
            size = ((inside[1] - inside[0]) * step, OVERVIEW)
            canvas.box(LEFT + inside[0] * step, canvas.top + 12, size, TINT, 0.35)
    for number, (start, end) in enumerate(rows):
        x, width = LEFT + start * step, (end - start) * step
        canvas.text(x + width / 2, canvas.top + 9, "abcdefgh"[number], INK, end="middle")
        canvas.box(x, canvas.top + 11, (width, 1.5), INK)
    canvas.top += 12
    _all_bars(canvas, made.contributions, _limits(made.contributions), OVERVIEW)
    for jump in np.flatnonzero(np.diff(made.positions) != 1).tolist():
        x = LEFT + (jump + 1) * step
        canvas.line(x, canvas.top, x, canvas.top + OVERVIEW, INK)
        canvas.text(x + 3, canvas.top + 9, "not read", size=9)
    canvas.top += OVERVIEW
    _ticks(canvas, made, (0, n), _step(n), step)
    _strip(canvas, made, (0, n), step)
    canvas.top += 10


def _all_bars(
    canvas: Canvas, values: NDArray[np.float64], limits: tuple[float, float], height: float
) -> None:
    """Draw the values of all positions as bars."""
    # Thinner than a unit, neighbours would hide each other: of each unit the extremes are drawn.
    n = len(values)
    pixels = min(n, int(ROOM))
    cut = np.arange(n) * pixels // n
    high, low = np.zeros(pixels), np.zeros(pixels)
    np.maximum.at(high, cut, values)
    np.minimum.at(low, cut, values)
    zero, unit = _scale(canvas, limits, height)
    place = LEFT + np.arange(pixels) * ROOM / pixels
    canvas.fill(bars(high, place, ROOM / pixels, zero, unit)[0], FOR)
    canvas.fill(bars(low, place, ROOM / pixels, zero, unit)[1], AGAINST)


def _strands(canvas: Canvas, strands: NDArray[np.float64]) -> None:
    """Draw what each strand's reading contributes, on one scale; their mean is drawn above."""
    names = ("read on this strand (+)", "read on the other strand (\N{MINUS SIGN})")
    for name, values in zip(names, strands.T, strict=True):
        canvas.text(LEFT, canvas.top + 9, name, INK, size=9)
        canvas.top += 12
        _all_bars(canvas, values, _limits(strands), STRAND)
        canvas.top += STRAND + 8


def _step(n: int) -> int:
    """Return how far ticks stand from each other, so that about six are drawn."""
    return next((s for s in (20, 50, 100, 200, 500, 1000, 2000) if n / s <= 8), 5000)


def _ticks(canvas: Canvas, made: Track, row: tuple[int, int], step: int, width: float) -> None:
    """Write the names of round positions below `top`."""
    start, end = row
    after = 0.0
    for place in range(start, end):
        position = int(made.positions[place])
        if not made.axis.round(position, step):
            continue
        x, words = LEFT + (place - start + 0.5) * width, made.axis.called(position)
        half = len(words) * WIDE * 0.45
        if x - half < after:
            continue
        canvas.line(x, canvas.top, x, canvas.top + 3)
        canvas.text(min(x, WIDTH - half), canvas.top + 12, words, size=9, end="middle")
        after = x + half + 6
    canvas.text(LEFT - 5, canvas.top + 12, "position", size=9, end="end")
    canvas.top += 15


def _strip(canvas: Canvas, made: Track, row: tuple[int, int], width: float) -> None:
    """Draw marks with their names below `top`, those that would meet below each other."""
    start, end = row
    lanes: list[float] = []
    for mark in sorted(made.marks, key=lambda mark: mark.start):
        inside = made.within(mark, start, end)
        if inside is None:
            continue
        left, right = LEFT + inside[0] * width, LEFT + inside[1] * width
        words = len(mark.name) * WIDE * 0.92
        x = min(left, WIDTH - words)
        lane = next((i for i, taken in enumerate(lanes) if taken <= x + 0.01), len(lanes))
        lanes[lane:] = [max(right, x + words + 4), *lanes[lane + 1 :]]
        y = canvas.top + 14 * lane
        canvas.box(left, y + 1, (max(right - left - 1, 1.5), 2.5), TINT)
        canvas.text(x, y + 12, mark.name, INK, size=9)
    canvas.top += 14 * len(lanes)


def _zoom(
    canvas: Canvas, made: Track, row: tuple[int, int], limits: tuple[float, float], name: str
) -> None:
    """Draw a stretch by letter."""
    start, end = row
    width = ROOM / COLUMNS  # the same for every letter of a page
    if name:
        canvas.text(0, canvas.top + 10, name, INK, size=12)
    zero, unit = _scale(canvas, limits, ZOOM)
    values = made.contributions[start:end]
    if made.logo:
        for place, (letter, value) in enumerate(zip(made.text[start:end], values, strict=True)):
            if letter in "ACGT" and abs(value) * unit >= 0.3:
                x = LEFT + place * width
                at, high = (x + width * 0.03, zero), value * unit
                canvas.base(letter, at, width * 0.94, high, _says(made, start + place))
    else:
        begin = LEFT + (np.arange(end - start) + 0.08) * width
        above, below = bars(values, begin, width * 0.84, zero, unit)
        canvas.fill(above, FOR)
        canvas.fill(below, AGAINST)
    canvas.top += ZOOM + 2
    if not made.logo:
        for place, letter in enumerate(made.text[start:end]):
            x = LEFT + (place + 0.5) * width
            told = _says(made, start + place)
            canvas.text(x, canvas.top + 9, letter, INK, size=9, end="middle", says=told)
        canvas.top += 12
    _ticks(canvas, made, row, 20 if made.axis.stretches else 10, width)
    if made.mutations is not None:
        _mutations(canvas, made, row, width)
    _strip(canvas, made, row, width)
    canvas.top += 10


def _says(made: Track, place: int) -> str:
    """Return what stands at a place, and what it contributes."""
    called = made.axis.called(int(made.positions[place]))
    return f"{made.text[place]} {called}: {float(made.contributions[place]):+.3g}"


def _mutations(canvas: Canvas, made: Track, row: tuple[int, int], width: float) -> None:
    """Draw the effects of all substitutions as a heat map, one row a letter."""
    if made.mutations is None:
        return
    high = 8.0 if len(made.letters) <= 4 else 6.0
    values = made.mutations[row[0] : row[1]].T
    canvas.heat(values, LEFT, (width, high), float(np.abs(made.mutations).max(initial=0)))
    for place, letter in enumerate(made.letters):
        y = canvas.top + (place + 0.85) * high
        canvas.text(LEFT - 5, y, letter, size=high, end="end")
    canvas.line(LEFT, canvas.top, LEFT + len(values.T) * width, canvas.top)
    canvas.top += high * len(made.letters)
    canvas.line(LEFT, canvas.top, LEFT + len(values.T) * width, canvas.top)
    canvas.top += 4
