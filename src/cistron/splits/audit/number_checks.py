"""The audit's checks where samples carry a number: what gives it away without any biology."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cistron.samples.samples import Sequences
from cistron.splits.allocate import allocate
from cistron.splits.audit.check import CERTAIN, PASS, SKIPPED, TELLING_HOMOLOG, WARN, Check, Context
from cistron.targets.quantities import quantile_strata

FOLDS = 5
FEWEST = 20  # training samples to cross-validate a shortcut with

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Features = Callable[[Sequences], Floats]


def copied_numbers(context: Context) -> Check:
    """Correlate numbers with those of the most similar training sequences."""
    nearest = context.nearest
    if nearest is None:
        said = "Test and training sequences were not compared."
        return Check("nearest_homolog", SKIPPED, said)
    numbers = context.samples.numbers
    known = np.isfinite(numbers[nearest.tested])
    truth, row = numbers[nearest.tested][known], nearest.row[known]
    learned = numbers[context.trained]
    learned = learned[np.isfinite(learned)]
    if len(truth) < 2 or not len(learned):
        said = f"Too few {context.tested_as} samples have a number."
        return Check("nearest_homolog", SKIPPED, said)
    hit = row >= 0
    copied = np.where(hit & np.isfinite(numbers[row]), numbers[row], learned.mean())
    everywhere, with_hit = correlation(truth, copied), correlation(truth[hit], copied[hit])
    details = {
        "samples": len(truth),
        "share_with_hit": float(hit.mean()),
        "pearson": everywhere,
        "pearson_with_hit": with_hit,
        "mae": float(np.abs(truth - copied).mean()),
    }
    among = "" if with_hit is None else f", with a correlation of {with_hit:.2f} among them"
    said = (
        f"Copying the number of the most similar training sequence correlates with the truth by "
        f"{0 if everywhere is None else everywhere:.2f}: {hit.mean():.1%} of the "
        f"{context.tested_as} sequences have one{among}."
    )
    limit = max(TELLING_HOMOLOG, CERTAIN / len(truth) ** 0.5)
    telling = everywhere is not None and everywhere > limit
    return Check("nearest_homolog", WARN if telling else PASS, said, details)


def number_shortcut(
    context: Context, name: str, subject: str, features: Features, limit: float, most: int
) -> Check:
    """Cross-validate a ridge regression of the number on features of training samples."""
    rows = context.trained[np.isfinite(context.samples.numbers[context.trained])]
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(1).choice(rows, most, replace=False))
    numbers, units = context.samples.numbers[rows], context.units[rows]
    if len(rows) < FEWEST or len(np.unique(units)) < FOLDS:
        said = "Too few samples or units in training to cross-validate."
        return Check(name, SKIPPED, said)
    told = predictability(features(context.samples.sequences.take(rows)), numbers, units)
    limit = max(limit, CERTAIN / len(rows) ** 0.5)
    said = (
        f"{subject} alone predicts the number of held-out training samples with a correlation of "
        f"{told['pearson'] or 0:.2f} (R² {told['r2']:.2f})."
    )
    details = {**told, "limit": limit, "samples": len(rows)}
    verdict = WARN if (told["pearson"] or 0) > limit else PASS
    return Check(name, verdict, said, details)


def predictability(features: Floats, numbers: Floats, units: Rows, seed: int = 1) -> dict[str, Any]:
    """Return how well ridge regression predicts numbers, in folds that divide no unit.

    Parameters
    ----------
    features : ndarray, shape (n, features)
    numbers : ndarray, shape (n,)
    units : ndarray of int, shape (n,)
        Samples with the same number are never in two folds.
    seed : int

    Returns
    -------
    dict
        `pearson` (None where nothing varies) and `r2` of the held-out predictions.
    """
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fold = allocate(units, quantile_strata(numbers), [1] * FOLDS, seed)
    told = np.empty(len(numbers))
    for k in np.unique(fold):
        held = fold == k
        model = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
        told[held] = model.fit(features[~held], numbers[~held]).predict(features[held])
    spread = float(np.square(numbers - numbers.mean()).sum())
    left = float(np.square(numbers - told).sum())
    return {"pearson": correlation(numbers, told), "r2": 1 - left / spread if spread else 0.0}


def correlation(one: Floats, other: Floats) -> float | None:
    """Return Pearson's correlation; None where one of the two does not vary."""
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def balance_of_quintiles(found: dict[str, Any], names: list[str], limit: float) -> Check:
    """Say how much the parts differ in the distribution of the number.

    Parameters
    ----------
    found : dict
        See `cistron.splits.allocate.balance`, of quintiles.
    names : list of str
        Parts that have samples.
    limit : float
    """
    if not names:
        return Check("class_balance", SKIPPED, "No sample is in any part.", found)
    worst = max(names, key=lambda name: found[name]["deviation"])
    deviation = found[worst]["deviation"]
    said = (
        f"Shares of the number's quintiles differ from those of the whole by at most "
        f"{deviation:.1%} (in {worst})."
    )
    return Check("class_balance", WARN if deviation > limit else PASS, said, found)
