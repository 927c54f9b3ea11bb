"""Which of several predictors are better, judged on the same samples.

All are scored on the same bootstrap resamples, so that a sample that is hard for all of them
widens no difference. Many pairs are tested at once, and p-values are corrected for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from string import ascii_lowercase

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cistron.evaluation.intervals import MODEL, Interval, bootstrap, percentiles
from cistron.targets.kinds import sign_of

LEVEL = 0.05  # a Holm p-value below it tells two predictors apart
LEAST_RESAMPLES = 2000
RESAMPLES_PER_PAIR = 200  # so that the smallest Holm p-value there can be is 0.01
ROUNDING = 1e-12  # differences below it are none


@dataclass(frozen=True)
class Difference:
    """How much two predictors differ in one metric.

    Parameters
    ----------
    first, second : str
        `first` scores at least as well as `second`.
    interval : Interval
        First minus second, with the 95 % interval of this difference alone.
    p : float
        Two-sided; NaN where nothing could be resampled.
    holm : float
        The p-value corrected for all pairs that were tested.
    """

    first: str
    second: str
    interval: Interval
    p: float
    holm: float

    @property
    def told_apart(self) -> bool:
        """Whether `first` is better than `second`."""
        return self.holm < LEVEL


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several predictors on the same samples.

    Parameters
    ----------
    scores : dict
        Predictor → metric → Interval, the best predictor first.
    differences : tuple of Difference
        Every pair, in the order of `scores`.
    overall : float
        p-value of "all of them score the same"; NaN for fewer than two.
    letters : dict
        Predictor → letters; two predictors share one exactly where they cannot be told apart.
    unit : str
        What was resampled: "groups" or "samples".
    units : int
        How many of them there are.
    resamples : int
    note : str
        What is to be said of the intervals; empty where nothing is.
    """

    scores: dict[str, dict[str, Interval]]
    differences: tuple[Difference, ...]
    overall: float
    letters: dict[str, str]
    unit: str
    units: int
    resamples: int
    note: str


def compare_predictors(
    targets: ArrayLike,
    predictors: Mapping[str, ArrayLike],
    metric: str = "mcc",
    groups: ArrayLike | None = None,
    *,
    aside: Sequence[str] = (),
    resamples: int | None = None,
    seed: int = 1,
) -> Comparison:
    """Score predictors on the same resamples of the same samples, and tell them apart.

    The p-value of a pair is twice the smaller share of resamples in which the difference is not
    above, or not below, zero (Efron and Tibshirani 1993, https://doi.org/10.1201/9780429246593):
    it inverts the percentile interval. It is never below 2 ** (1 - groups), the least that any
    test of so few can give: five groups that all agree are a chance of 1 in 16. Holm's step-down
    correction (1979, https://www.jstor.org/stable/4615733) covers all pairs. The p-value of the
    whole is the share of resamples in which the scores, each less its observed value, spread more
    than the observed scores do.

    Parameters
    ----------
    targets : array-like of int, shape (n,)
    predictors : mapping of str to array-like of shape (n, classes)
        Their probabilities.
    metric : str
        By which they are compared.
    groups : array-like, shape (n,), optional
        Samples with the same value are drawn together.
    aside : sequence of str
        Predictors that are scored but neither compared in pairs nor part of the whole, but for
        the best of them, which is compared in pairs: baselines.
    resamples : int, optional
        As many as the number of pairs asks for where not given.
    seed : int

    Raises
    ------
    ValueError
        If the metric is not scored.
    """
    runs = sorted(name for name in predictors if name not in aside)
    names = [*runs, *sorted(aside)]
    compared = len(runs) + bool(aside)
    pairs = compared * (compared - 1) // 2
    resamples = resamples or max(LEAST_RESAMPLES, RESAMPLES_PER_PAIR * pairs)
    numbered = dict(zip((MODEL, *map(str, range(1, len(names)))), names, strict=True))
    others = {key: predictors[name] for key, name in numbered.items() if key != MODEL}
    scored = bootstrap(targets, predictors[names[0]], groups, resamples, seed, others)
    if metric not in scored.observed[MODEL]:
        raise ValueError(f"{metric!r} is none of {', '.join(scored.observed[MODEL])}")
    sign = sign_of(metric)
    observed = {name: scored.observed[key][metric] for key, name in numbered.items()}
    drawn = {name: scored.resampled[key][metric] for key, name in numbered.items()}
    rank = {name: np.nan_to_num(sign * value, nan=-np.inf) for name, value in observed.items()}
    ranked = sorted(names, key=lambda name: (-rank[name], name))
    best_aside = next((name for name in ranked if name in aside), None)
    tested = [name for name in ranked if name in runs or name == best_aside]
    least = 2.0 ** (1 - scored.units)
    differences = _differences(tested, observed, drawn, least)
    overall = _overall(
        np.array([observed[name] for name in runs]), np.stack([drawn[name] for name in runs])
    )
    keys = {name: key for key, name in numbered.items()}
    note = scored.note
    if least >= LEVEL:
        note += f"; no p-value can be below {least:.2g}"
    return Comparison(
        scores={
            name: {m: scored.interval(m, keys[name]) for m in scored.observed[MODEL]}
            for name in ranked
        },
        differences=differences,
        overall=float(np.maximum(overall, least)),
        letters=letters(tested, [(d.first, d.second) for d in differences if d.told_apart]),
        unit=scored.unit,
        units=scored.units,
        resamples=len(drawn[names[0]]),
        note=note,
    )


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values corrected by Holm's step-down procedure, shape (tests,).

    NaN stays NaN and counts as no test.
    """
    p = np.asarray(p, dtype=np.float64)
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p, kind="stable")
    order = order[~np.isnan(p[order])]
    steps = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * steps), 1.0)
    return adjusted


def letters(names: Sequence[str], different: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return letters such that two names share one exactly where they are not different.

    Insertion and absorption (Piepho 2004, https://doi.org/10.1198/1061860043515).

    Parameters
    ----------
    names : sequence of str
        The best first: it gets the first letter.
    different : iterable of pairs of str
    """
    columns = [frozenset(names)]
    for pair in different:
        split: list[frozenset[str]] = []
        for column in columns:
            both = column.issuperset(pair)
            split += [column - {name} for name in pair] if both else [column]
        kept = sorted(set(split), key=len, reverse=True)
        columns = [c for i, c in enumerate(kept) if not any(c < d for d in kept[:i])]
    place = {name: number for number, name in enumerate(names)}
    columns.sort(key=lambda column: sorted(place[name] for name in column))
    return {
        name: "".join(_letter(i) for i, column in enumerate(columns) if name in column)
        for name in names
    }


def _letter(number: int) -> str:
    size = len(ascii_lowercase)
    return ascii_lowercase[number % size] * (1 + number // size)


def _differences(
    ranked: Sequence[str],
    observed: Mapping[str, float],
    drawn: Mapping[str, NDArray[np.float64]],
    least: float,
) -> tuple[Difference, ...]:
    pairs = list(combinations(ranked, 2))
    resampled = [drawn[a] - drawn[b] for a, b in pairs]
    p = np.maximum([_two_sided(values) for values in resampled], least)
    return tuple(
        Difference(a, b, percentiles(observed[a] - observed[b], values), single, corrected)
        for (a, b), values, single, corrected in zip(pairs, resampled, p, holm(p), strict=True)
    )


def _two_sided(differences: NDArray[np.float64]) -> float:
    defined = differences[~np.isnan(differences)]
    if len(defined) == 0:
        return np.nan
    tail = min((defined <= ROUNDING).sum(), (defined >= -ROUNDING).sum())
    return float(min(1.0, 2 * (1 + tail) / (1 + len(defined))))


def _overall(observed: NDArray[np.float64], drawn: NDArray[np.float64]) -> float:
    """Return the p-value of "all score the same"; `drawn` has shape (predictors, resamples)."""
    drawn = drawn[:, ~np.isnan(drawn).any(axis=0)]
    if len(observed) < 2 or drawn.shape[1] == 0 or np.isnan(observed).any():
        return np.nan
    moved = drawn - observed[:, None]
    spread = moved.var(axis=0) >= observed.var() - ROUNDING**2
    return float((1 + spread.sum()) / (1 + len(spread)))
