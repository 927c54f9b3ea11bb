"""Deal indivisible units into parts of given sizes, with the classes balanced in each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def allocate(
    units: NDArray[np.int64],
    targets: NDArray[np.int64],
    shares: Sequence[float],
    seed: int | Sequence[int],
) -> NDArray[np.int8]:
    """Give every sample a part, never two samples of one unit in different parts.

    Units are dealt from the largest to the smallest, each to the part that then comes closest to
    its share of every class; units of equal make-up are dealt in random order.

    Parameters
    ----------
    units : ndarray of int, shape (n,)
        Samples with the same number stay together.
    targets : ndarray of int, shape (n,)
        Class of each sample; -1 is a class of its own.
    shares : sequence of float
        Wanted share of each part; they are scaled to sum to 1.
    seed : int or sequence of int

    Returns
    -------
    ndarray of int8, shape (n,)
        Part of each sample, 0 up.
    """
    if len(units) == 0:
        return np.empty(0, dtype=np.int8)
    rng = np.random.default_rng(seed)
    _, unit = np.unique(units, return_inverse=True)
    _, target = np.unique(targets, return_inverse=True)
    counts = np.zeros((unit.max() + 1, target.max() + 1))
    np.add.at(counts, (unit, target), 1)
    wanted = np.outer(np.asarray(shares, dtype=float) / np.sum(shares), counts.sum(axis=0))
    order = rng.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    # The cost of a part is sum over classes of (have - wanted)² / wanted: what one more unit
    # changes of it is linear in what the part has, so that dealing is one small product a unit.
    scale = 1 / np.maximum(wanted, 0.5)
    lacking = wanted.copy()
    part_of_unit = np.empty(len(counts), dtype=np.int8)
    for row in order:
        count = counts[row]
        cost = ((count * count - 2 * lacking * count) * scale).sum(axis=1)
        part = int(cost.argmin())
        part_of_unit[row] = part
        lacking[part] -= count
    return part_of_unit[unit]


def balance(
    parts: NDArray[np.integer], targets: NDArray[np.int64], names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the size and the class shares of each part.

    Returns
    -------
    dict
        Part name → {"samples": n, "share": of all, "deviation": the largest difference, over
        classes, between the class's share in this part and its share overall}.
    """
    kinds = np.unique(targets)
    overall = np.array([(targets == k).mean() for k in kinds])
    result = {}
    for number, name in enumerate(names):
        inside = targets[parts == number]
        shares = np.array([(inside == k).mean() if len(inside) else 0.0 for k in kinds])
        result[name] = {
            "samples": len(inside),
            "share": len(inside) / max(len(targets), 1),
            "deviation": float(np.abs(shares - overall).max(initial=0)) if len(inside) else 0.0,
        }
    return result
