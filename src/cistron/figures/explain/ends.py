"""How much positions contribute by their distance from the ends, class by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from cistron.figures.numbers import count, decimal
from cistron.figures.svg import (
    ACCENT,
    INK,
    MUTED,
    TINT,
    WIDTH,
    note,
    panel,
    sheet,
    short,
    style,
    svg,
)

Side = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Profile:
    """Of the samples of one predicted class.

    Parameters
    ----------
    samples : int
    bin : int
        Positions that are taken together.
    first, last : (ndarray, ndarray), each of shape (bins,)
        Mean size of the contributions from the first position on, and from the last one backwards,
        and its standard error. 1 is the mean over all positions of the same sample; not a number
        where no sample reaches.
    """

    samples: int
    bin: int
    first: Side
    last: Side


def ends(name: str, profile: Profile, words: str, highest: float) -> str:
    """Draw the mean size of contributions from the first position, and towards the last.

    Parameters
    ----------
    name : str
        Of the class.
    profile : Profile
    words : str
        What a position is: "residue", "base".
    highest : float
        Of the axis, which figures of several classes share.
    """
    with style():
        figure = sheet(150)
        note(figure, 0, 12, short(name, 34), color=INK, weight="bold")
        note(
            figure, WIDTH, 12, f"{count(profile.samples)} samples", color=MUTED, size=10, ha="right"
        )
        sides = [(26.0, profile.first, 1), (199.0, profile.last, -1)]
        for left, (mean, error), way in sides:
            axes = panel(figure, left, 22, 158, 92)
            place = (np.arange(len(mean)) + 0.5) * profile.bin * way
            known = ~np.isnan(mean)
            axes.axhline(1, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
            low, high = mean - 1.96 * error, mean + 1.96 * error
            axes.fill_between(place[known], low[known], high[known], color=TINT, alpha=0.6, lw=0)
            axes.plot(place[known], mean[known], color=ACCENT)
            axes.set_ylim(0, highest)
            reach = len(mean) * profile.bin
            axes.set_xlim(*((0, reach) if way > 0 else (-reach, 0)))
            prune = "lower" if way < 0 else None  # where both sides meet
            axes.xaxis.set_major_locator(MaxNLocator(4, prune=prune))
            if way < 0:
                axes.set_yticklabels([])
        note(figure, 105, 146, f"from the first {words}", color=MUTED, size=10, ha="center")
        note(figure, 278, 146, f"to the last {words}", color=MUTED, size=10, ha="center")
        first, last = (
            decimal(float(np.nanmean(side[0][:20]))) for side in (profile.first, profile.last)
        )
        return svg(
            figure,
            f"{name}: size of contributions near the first {words} {first}, near the last {last} "
            "times that of an average position.",
            [("from the end", "position", "mean", "standard error"), *_rows(profile)],
        )


def _rows(profile: Profile) -> Iterator[Sequence[object]]:
    """Yield each bin of both ends: where it begins, and how much its positions contribute."""
    for end, (mean, error) in (("first", profile.first), ("last", profile.last)):
        for place, numbers in enumerate(zip(mean, error, strict=True)):
            yield end, place * profile.bin + 1, *numbers
