"""Local regression of degree 2 (Cleveland & Devlin 1988, doi:10.1080/01621459.1988.10478639)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KNOTS = 400  # places at which the curve is fitted; between them it is interpolated


def loess(x: NDArray[np.float64], y: NDArray[np.float64], span: float) -> NDArray[np.float64]:
    """Return the smooth curve through (x, y) at every x.

    At each of up to `KNOTS` quantiles of x a parabola is fitted to the nearest `span` of the
    points, with tricube weights; a monotone-preserving cubic joins them.

    Parameters
    ----------
    x, y : ndarray, shape (points,)
    span : float
        Share of the points that count at each place, above 0 and at most 1.
    """
    from scipy.interpolate import PchipInterpolator

    order = np.argsort(x, kind="stable")
    xs, ys = x[order], y[order]
    knots = np.unique(np.quantile(xs, np.linspace(0, 1, min(KNOTS, len(xs))), method="nearest"))
    near = int(np.clip(np.ceil(span * len(xs)), min(4, len(xs)), len(xs)))
    heights = np.array([_at(knot, xs, ys, near) for knot in knots])
    if len(knots) == 1:
        return np.full(len(x), heights[0])
    return PchipInterpolator(knots, heights)(x)


def _at(place: float, x: NDArray[np.float64], y: NDArray[np.float64], near: int) -> float:
    """Return the height of the local parabola at a place; x is sorted."""
    first = _window(place, x, near)
    reach = max(place - x[first], x[first + near - 1] - place)
    # All points at that distance, not some of those that are equally far.
    inside = slice(np.searchsorted(x, place - reach), np.searchsorted(x, place + reach, "right"))
    x, y = x[inside] - place, y[inside]
    if reach == 0:
        return float(y.mean())
    x = x / reach
    weights = np.sqrt((1 - np.abs(x) ** 3).clip(0) ** 3)
    design = np.stack([np.ones_like(x), x, x * x], axis=1) * weights[:, None]
    return float(np.linalg.lstsq(design, y * weights, rcond=1e-9)[0][0])


def _window(place: float, x: NDArray[np.float64], near: int) -> int:
    """Return where the nearest `near` of the sorted x begin."""
    low = max(0, int(np.searchsorted(x, place)) - near)
    high = max(low, min(len(x) - near, int(np.searchsorted(x, place, side="right"))))
    while low < high:  # the window moves on while its left end is further than what is to come
        middle = (low + high) // 2
        if middle + near < len(x) and place - x[middle] > x[middle + near] - place:
            low = middle + 1
        else:
            high = middle
    return low
