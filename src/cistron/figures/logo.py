"""Sequence logos as vector graphics: four letters drawn once, and placed by scaling."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

from cistron.base.motif import BASES, information
from cistron.figures.svg import as_attribute

# Each fills a square of 100 units, y downwards.
GLYPHS = {
    "A": "M0 100L39 0H61L100 100H77L69.5 78H30.5L23 100ZM37 60H63L50 21Z",
    "C": "M100 24A54 50 0 1 0 100 76L80 68A33 30 0 1 1 80 32Z",
    "G": "M100 24A54 50 0 1 0 100 80V46H55V63H80V71A33 30 0 1 1 80 32Z",
    "T": "M0 0H100V19H61V100H39V19H0Z",
}
# Told apart in every common kind of colour blindness; the page decides in light and dark.
COLOURS = {
    "A": "var(--class-3, #009e73)",
    "C": "var(--class-1, #0072b2)",
    "G": "var(--class-5, #e69f00)",
    "T": "var(--class-2, #d55e00)",
}
COLUMN, HEIGHT = 14.0, 56.0
_SMALLEST = 0.004  # of the whole height; smaller letters would not be seen


def glyphs() -> str:
    """Return the letters, hidden, which the logos of a page refer to."""
    drawn = "".join(
        f'<path id="base-{base}" d="{path}" fill="{COLOURS[base]}" fill-rule="evenodd"/>'
        for base, path in GLYPHS.items()
    )
    return f'<svg width="0" height="0" aria-hidden="true" class="glyphs"><defs>{drawn}</defs></svg>'


def contribution_logo(contributions: NDArray[np.float64], label: str, scale: float = 1.0) -> str:
    """Draw contributions: what speaks for the class above the line, what against it below, turned.

    Parameters
    ----------
    contributions : ndarray, shape (width, 4)
    label : str
        What a reader who does not see it is told.
    scale : float
        Width of a column, of `COLUMN`.
    """
    top = float(np.clip(contributions, 0, None).sum(axis=1).max(initial=0))
    bottom = float(np.clip(-contributions, 0, None).sum(axis=1).max(initial=0))
    return _draw(contributions, top, bottom, label, scale)


def probability_logo(probabilities: NDArray[np.float64], label: str, scale: float = 1.0) -> str:
    """Draw probabilities, each position as high as its information; the whole height is 2 bits.

    Parameters
    ----------
    probabilities : ndarray, shape (width, 4)
    label : str
    scale : float
        Width of a column, of `COLUMN`.
    """
    heights = probabilities * information(probabilities)[:, None]
    return _draw(heights, 2.0, 0.0, label, scale)


def _draw(heights: NDArray[np.float64], top: float, bottom: float, label: str, scale: float) -> str:
    column = COLUMN * scale
    width, whole = column * len(heights), (top + bottom) or 1.0
    unit = HEIGHT / whole
    line = top * unit
    uses = []
    for place, row in enumerate(heights):
        above = below = line
        for base in np.argsort(np.abs(row), kind="stable"):
            high = float(row[base]) * unit
            if abs(high) < _SMALLEST * HEIGHT:
                continue
            x, sx, sy = place * column + column * 0.03, column * 0.94 / 100, abs(high) / 100
            if high > 0:
                above -= high
                where = f"matrix({sx:.3g} 0 0 {sy:.4g} {x:.2f} {above:.2f})"
            else:
                below -= high
                where = f"matrix({sx:.3g} 0 0 {-sy:.4g} {x:.2f} {below:.2f})"
            uses.append(f'<use href="#base-{BASES[base]}" transform="{where}"/>')
    rows = [("column", *BASES), *((place, *row) for place, row in enumerate(heights, 1))]
    rule = (
        f'<path d="M0 {line:.2f}H{width:g}" fill="none" stroke="var(--rule, #d9d6cf)" '
        'vector-effect="non-scaling-stroke"/>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="logo" role="img" '
        f'viewBox="0 0 {width:g} {HEIGHT:g}" width="{width:g}" height="{HEIGHT:g}" '
        f'aria-label="{escape(label)}"{as_attribute(rows)}>{rule}{"".join(uses)}</svg>'
    )
