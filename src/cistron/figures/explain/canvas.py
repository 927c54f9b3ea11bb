"""A drawing written by hand: thousands of letters are too many for a plotting library.

Units are those of a page 720 units wide. Colours are the page's variables, each with a fallback,
as in `cistron.figures.svg`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from cistron.base.arrays import Array
from cistron.figures.logo import COLOURS, GLYPHS
from cistron.figures.svg import as_attribute

INK, MUTED = "var(--ink, #1f2328)", "var(--muted, #5b6169)"
RULE, TINT = "var(--rule, #d9d6cf)", "var(--tint, #9cc3df)"
FOR, AGAINST = "var(--class-1, #0072b2)", "var(--class-2, #d55e00)"
_FONT = "var(--sans, 'Helvetica Neue', 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif)"
WIDTH = 720.0
WIDE = 5.6  # units of a letter of size 10, about
SHADES = 8  # of each colour of a heat map


class Canvas:
    """Collects elements; `top` is where the next part of the drawing begins."""

    def __init__(self) -> None:
        self.elements: list[str] = []
        self.letters: set[str] = set()
        self.top = 0.0

    def text(
        self,
        x: float,
        y: float,
        words: str,
        color: str = MUTED,
        *,
        size: float = 10,
        end: str = "",
        says: str = "",
    ) -> None:
        """Write words with their baseline at y; `end`: "middle" or "end" is what stands at x.

        `says` is what a browser shows where the pointer rests on them.
        """
        anchor = f' text-anchor="{end}"' if end else ""
        self.elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{color}"{anchor}>'
            f"{escape(_printable(words))}{_title(says)}</text>"
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, color: str = RULE) -> None:
        """Draw a thin line."""
        self.elements.append(
            f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{color}" fill="none"/>'
        )

    def box(
        self, x: float, y: float, size: tuple[float, float], color: str, opacity: float = 1
    ) -> None:
        """Fill a rectangle of the given width and height."""
        faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        self.elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{size[0]:.1f}" height="{size[1]:.1f}" '
            f'fill="{color}"{faint}/>'
        )

    def fill(self, path: str, color: str, opacity: float = 1) -> None:
        """Fill a path; nothing where it is empty."""
        if path:
            faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
            self.elements.append(f'<path d="{path}" fill="{color}"{faint}/>')

    def base(
        self, letter: str, place: tuple[float, float], width: float, height: float, says: str = ""
    ) -> None:
        """Draw a letter of DNA from y up; below y, and turned, where the height is negative.

        `says` is what a browser shows where the pointer rests on it.
        """
        x, y = place
        self.letters.add(letter)
        top = y - height
        self.elements.append(
            f'<use href="#base-{letter}" transform="matrix({width / 100:.4g} 0 0 '
            f'{height / 100:.4g} {x:.2f} {top:.2f})">{_title(says)}</use>'
        )

    def heat(self, values: Array, left: float, size: tuple[float, float], most: float) -> None:
        """Draw a heat map at `top`: what is above 0 in one colour, what is below in the other.

        Parameters
        ----------
        values : ndarray, shape (rows, columns)
        left : float
        size : (float, float)
            Width and height of a cell.
        most : float
            Size of the values that are drawn in full.
        """
        shade = np.clip(np.round(values / (most or 1) * SHADES), -SHADES, SHADES).astype(int)
        width, height = size
        for level in range(-SHADES, SHADES + 1):
            cells = [
                f"M{left + column * width:.4g} {self.top + row * height:.5g}"
                f"h{width:.4g}v{height:.4g}h{-width:.4g}z"
                for row, column in np.argwhere(shade == level).tolist()
                if level
            ]
            self.fill("".join(cells), FOR if level > 0 else AGAINST, abs(level) / SHADES)

    def finish(self, label: str, rows: Iterable[Sequence[object]] = ()) -> str:
        """Return the drawing as an `<svg>` element; the label tells it to who does not see it.

        `rows` are the numbers that are drawn, headings first; see `cistron.figures.svg.svg`.
        """
        glyphs = "".join(
            f'<path id="base-{letter}" d="{GLYPHS[letter]}" fill="{COLOURS[letter]}" '
            'fill-rule="evenodd"/>'
            for letter in sorted(self.letters)
        )
        defs = f"<defs>{glyphs}</defs>" if glyphs else ""
        said = f'aria-label="{escape(_printable(label))}"{as_attribute(rows)}'
        box = f"0 0 {WIDTH:g} {self.top:.1f}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img" {said} '
            f'style="font-family: {escape(_FONT)}">{defs}{"".join(self.elements)}</svg>'
        )


def bars(
    values: Sequence[float] | Array, x: Array, width: float, zero: float, unit: float
) -> tuple[str, str]:
    """Return the paths of bars above zero, and of those below it."""
    paths: list[list[str]] = [[], []]
    for value, place in zip(np.asarray(values).tolist(), x.tolist(), strict=True):
        height = value * unit
        if abs(height) >= 0.05:
            paths[value < 0].append(
                f"M{place:.1f} {zero:.1f}v{-height:.2f}h{width:.2f}V{zero:.1f}z"
            )
    return "".join(paths[0]), "".join(paths[1])


def _title(text: str) -> str:
    return f"<title>{escape(_printable(text))}</title>" if text else ""


def _printable(words: str) -> str:
    """Replace what XML cannot hold by spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in words)
