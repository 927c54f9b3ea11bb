"""ROC and precision-recall curves, by as few points as draw them."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MOST_POINTS = 200
INVISIBLE = 5e-4  # of the side of the drawing: half a pixel on a large one


def curves(
    targets: ArrayLike, probabilities: ArrayLike
) -> list[dict[str, tuple[Floats, Floats]] | None]:
    """Return the curves of each class against all others.

    Parameters
    ----------
    targets : array-like of int, shape (n,), or of bool, shape (n, classes)
        The class of each sample, or all classes it has.
    probabilities : array-like of float, shape (n, classes)

    Returns
    -------
    list of dict or None, one a class
        `roc`: false positive rate and true positive rate, from (0, 0) to (1, 1); `pr`: recall and
        precision, from recall 0, with the precision at the highest score, to recall 1. At most
        200 points each. None for a class that no sample, or every sample, belongs to.
    """
    targets, probabilities = np.asarray(targets), np.asarray(probabilities, dtype=np.float64)
    found: list[dict[str, tuple[Floats, Floats]] | None] = []
    for number in range(probabilities.shape[1]):
        positive = targets[:, number] if targets.ndim == 2 else targets == number
        if positive.all() or not positive.any():
            found.append(None)
            continue
        hits, false = _counts(positive, probabilities[:, number])
        recall, precision = hits / hits[-1], hits / (hits + false)
        roc = np.append(0.0, false / false[-1]), np.append(0.0, recall)
        pr = np.append(0.0, recall), np.append(precision[0], precision)
        found.append({"roc": thin(*roc), "pr": thin(*pr)})
    return found


def _counts(positive: NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """Return how many positives and negatives reach each distinct score, the highest first."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)
    hits = np.cumsum(positive[order])[last].astype(np.float64)
    return hits, np.flatnonzero(last) + 1 - hits


def thin(x: Floats, y: Floats, most: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """Return the points of a line that matter for its drawing in the unit square.

    The point that is farthest from the line drawn so far is added until none is visibly away from
    it (Ramer 1972, https://doi.org/10.1016/S0146-664X(72)80017-0) or there are `most` points.
    """
    kept = {0, len(x) - 1}
    waiting = [_farthest(x, y, 0, len(x) - 1)]
    while waiting and len(kept) < most:
        distance, point, start, stop = heapq.heappop(waiting)
        if -distance < INVISIBLE:
            break
        kept.add(point)
        for part in ((start, point), (point, stop)):
            if part[1] - part[0] > 1:
                heapq.heappush(waiting, _farthest(x, y, *part))
    rows = np.array(sorted(kept))
    return x[rows], y[rows]


def _farthest(x: Floats, y: Floats, start: int, stop: int) -> tuple[float, int, int, int]:
    """Return minus the greatest distance from the chord of a stretch, and where it is."""
    if stop - start < 2:
        return 0.0, start, start, stop
    inner = slice(start + 1, stop)
    across, up = x[stop] - x[start], y[stop] - y[start]
    from_start = x[inner] - x[start], y[inner] - y[start]
    squared = across**2 + up**2
    along = (from_start[0] * across + from_start[1] * up) / squared if squared > 0 else 0.0
    along = np.clip(along, 0, 1)
    distance = np.hypot(from_start[0] - along * across, from_start[1] - along * up)
    point = int(distance.argmax())
    return -float(distance[point]), start + 1 + point, start, stop
