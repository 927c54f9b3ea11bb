"""What every substitution changes, positions x letters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cistron.figures.explain.canvas import INK, Canvas
from cistron.figures.numbers import decimal

LEFT, ROWS = 20.0, 100  # units before the first position; positions in a line
CELL, HIGH = 6.9, 8.0


def heat_map(name: str, text: str, values: NDArray[np.float64], letters: str) -> str:
    """Draw the effects of all substitutions in a sequence as an `<svg>` element.

    Parameters
    ----------
    name : str
    text : str
        The sequence.
    values : ndarray, shape (positions, letters)
    letters : str
        Those that are put in.
    """
    most = float(np.abs(values).max(initial=0))
    canvas = Canvas()
    canvas.text(0, 13, name, INK, size=13)
    said = f"blue raises the output, orange lowers it, by {decimal(most)} in full"
    canvas.text(0, 28, f"every substitution: {said}")
    canvas.top = 44
    for start in range(0, len(text), ROWS):
        part = text[start : start + ROWS]
        for place, letter in enumerate(part):
            x = LEFT + (place + 0.5) * CELL
            canvas.text(x, canvas.top, letter, INK, size=7.5, end="middle")
            if (start + place + 1) % 10 == 0:
                canvas.text(x, canvas.top - 8, f"{start + place + 1:,}", size=7, end="middle")
        canvas.top += 3
        canvas.heat(values[start : start + ROWS].T, LEFT, (CELL, HIGH), most)
        for row, letter in enumerate(letters):
            canvas.text(LEFT - 4, canvas.top + (row + 0.85) * HIGH, letter, size=7.5, end="end")
        canvas.top += HIGH * len(letters) + 22
    strongest = np.unravel_index(int(np.abs(values).argmax()), values.shape) if most else (0, 0)
    place, letter = int(strongest[0]), letters[int(strongest[1])]
    told = f"{text[place]}{place + 1}{letter}: {decimal(float(values[strongest]))}" if most else ""
    return canvas.finish(f"Effect of every substitution in {name}. The largest, {told}.")
