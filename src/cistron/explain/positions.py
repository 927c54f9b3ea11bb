"""How much positions contribute by their distance from the ends of samples, class by class."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.explain.explanation import Explanation
from cistron.figures.explain.ends import Profile, Side

REACH = {"protein": (100, 1), "dna": (1500, 15)}  # positions from each end, and those of a bin


class Ends:
    """Adds up the sizes of contributions, window by window.

    Each sample counts alike: its sizes are divided by their mean.

    Parameters
    ----------
    alphabet : {"protein", "dna"}
    """

    def __init__(self, alphabet: str) -> None:
        self.reach, self.bin = REACH[alphabet]
        self.sums: dict[str, NDArray[np.float64]] = {}  # (end; n, sum, squares; bins)
        self.samples: dict[str, int] = {}

    def add(self, explanation: Explanation) -> None:
        """Add the samples of a window; those whose contributions are all zero say nothing."""
        if explanation.positions is None or explanation.lengths is None:
            return
        names = called(explanation)
        for row, name in enumerate(names):
            inside = slice(explanation.offsets[row], explanation.offsets[row + 1])
            size = np.abs(explanation.contributions[inside]).astype(np.float64)
            if not size.any():
                continue
            place = explanation.positions[inside]
            sums = self.sums.setdefault(name, np.zeros((2, 3, self.reach // self.bin)))
            self.samples[name] = self.samples.get(name, 0) + 1
            size /= size.mean()
            far = int(explanation.lengths[row]) - 1 - place
            for end, distance in enumerate((place, far)):
                near = distance < self.reach
                some = distance[near] // self.bin
                counts = np.bincount(some, minlength=self.reach // self.bin)
                total = np.bincount(some, size[near], minlength=self.reach // self.bin)
                mean = np.divide(total, counts, out=np.zeros_like(total), where=counts > 0)
                sums[end] += np.stack([counts > 0, mean, mean**2])

    def profiles(self) -> dict[str, Profile]:
        """Return what was found, the class with most samples first."""
        order = sorted(self.samples, key=lambda name: -self.samples[name])
        return {
            name: Profile(self.samples[name], self.bin, *(_side(s) for s in self.sums[name]))
            for name in order
        }


def _side(sums: NDArray[np.float64]) -> Side:
    n, total, squares = sums
    reached = np.flatnonzero(n)
    stop = int(reached[-1]) + 1 if len(reached) else 0
    n, total, squares = n[:stop], total[:stop], squares[:stop]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(n > 0, total / n, np.nan)
        variance = np.maximum(squares / n - mean**2, 0) * n / np.maximum(n - 1, 1)
        return mean, np.sqrt(variance / n)


def called(explanation: Explanation) -> list[str]:
    """Return the predicted class of each sample; "all" where a number is predicted."""
    if not explanation.classes:
        return ["all"] * len(explanation)
    best = explanation.probabilities.argmax(axis=1)
    return [explanation.classes[place] for place in best.tolist()]


def profile_table(profiles: dict[str, Profile]) -> pd.DataFrame:
    """Return `predicted`, `end`, `from`, `to` (distance, 0-based half-open), `mean`, `error`."""
    rows = [
        (name, end, place * p.bin, (place + 1) * p.bin, float(m), float(e))
        for name, p in profiles.items()
        for end, side in (("first", p.first), ("last", p.last))
        for place, (m, e) in enumerate(zip(*side, strict=True))
    ]
    return pd.DataFrame(rows, columns=["predicted", "end", "from", "to", "mean", "error"])
