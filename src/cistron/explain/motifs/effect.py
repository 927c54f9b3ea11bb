"""What a pattern does alone: its consensus put into shuffled sequences, and predicted again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cistron.explain.motifs.positions import possible
from cistron.samples.sequences.shuffle import shuffle_windows

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""From codes, shape (n, length), to what is explained (a logit), shape (n,)."""


@dataclass(frozen=True)
class Effect:
    """The mean change of the logit.

    Parameters
    ----------
    place : str
        "middle" or "preferred".
    column : int
        First base of the consensus.
    reverse : bool
        Whether its reverse complement was put there.
    mean, low, high : float
        With the 95 % interval of the mean over backgrounds (Student's t).
    backgrounds : int
    """

    place: str
    column: int
    reverse: bool
    mean: float
    low: float
    high: float
    backgrounds: int


def shuffled_backgrounds(
    codes: NDArray[np.uint8], count: int = 100, seed: int = 1
) -> NDArray[np.uint8]:
    """Return sequences drawn from the explained ones and shuffled, keeping pairs of neighbours.

    Unknown bases stay where they are.

    Parameters
    ----------
    codes : ndarray of uint8, shape (n, length)
    count : int
        Backgrounds; where there are fewer sequences, some are shuffled more than once.
    seed : int
    """
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(len(codes)) for _ in range(-(-count // len(codes)))])
    return shuffle_windows(codes[rows[:count]], "dinucleotide", [(0, codes.shape[1])], seed)


def marginal_effects(
    consensus: NDArray[np.uint8],
    preferred: int | None,
    backgrounds: NDArray[np.uint8],
    before: NDArray[np.float64],
    predict: Predict,
) -> list[Effect]:
    """Return what inserting a consensus changes, in the middle and where the pattern prefers.

    The consensus takes the place of as many bases, on either strand. Where no background has room
    (a spacer), the nearest place that has is taken.

    Parameters
    ----------
    consensus : ndarray of uint8, shape (width,)
    preferred : int or None
        Column around which the pattern's seqlets lie; None where there is none.
    backgrounds : ndarray of uint8, shape (m, length)
    before : ndarray of float64, shape (m,)
        Their predictions.
    predict : callable

    Returns
    -------
    list of Effect
        Forward and reverse in the middle, then at the preferred place; empty where no place has
        room.
    """
    width = len(consensus)
    room = possible(backgrounds, width)
    if not room.any():
        return []
    wanted = [("middle", backgrounds.shape[1] // 2)]
    wanted += [] if preferred is None else [("preferred", preferred)]
    chosen = [(name, _nearest(room, middle - width // 2)) for name, middle in wanted]
    jobs = [(name, column, reverse) for name, column in chosen for reverse in (False, True)]
    found = []
    for name, column, reverse in jobs:
        inserted = 3 - consensus[::-1] if reverse else consensus
        with_it = backgrounds.copy()
        with_it[:, column : column + width] = inserted
        fits = (backgrounds[:, column : column + width] < 4).all(axis=1)
        change = (predict(with_it) - before)[fits]
        found.append(Effect(name, column, reverse, *mean_interval(change), len(change)))
    return found


def _nearest(room: NDArray[np.int64], column: int) -> int:
    """Return the column nearest to one at which as many sequences have room as anywhere."""
    best = np.flatnonzero(room == room.max())
    return int(best[np.abs(best - column).argmin()])


def mean_interval(numbers: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval by Student's t; without width of a single number."""
    from scipy.stats import t

    mean = float(numbers.mean())
    if len(numbers) < 2:
        return mean, mean, mean
    error = float(numbers.std(ddof=1)) / np.sqrt(len(numbers))
    reach = float(t.ppf(0.975, len(numbers) - 1)) * error
    return mean, mean - reach, mean + reach


def as_codes(consensus: str) -> NDArray[np.uint8]:
    """Return a consensus as codes."""
    return np.array(["ACGT".index(base) for base in consensus], dtype=np.uint8)


def effect_at(effects: Sequence[Effect], place: str) -> Effect | None:
    """Return the stronger orientation at a place; None where there is none."""
    own = [effect for effect in effects if effect.place == place]
    return max(own, key=lambda effect: abs(effect.mean), default=None)
