"""Join samples that must stay together into connected components."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def components(
    partitions: Iterable[NDArray[np.int64]],
    n: int,
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> NDArray[np.int64]:
    """Return the number of each sample's connected component, shape (n,).

    Parameters
    ----------
    partitions : iterable of ndarray of int, shape (n,)
        In each, samples with the same number are linked.
    n : int
        Number of samples.
    pairs : two ndarrays of int, optional
        Rows linked one by one.
    """
    first, second = [], []
    for partition in partitions:
        # A chain through each class of a partition links it with one edge a sample.
        order = np.argsort(partition, kind="stable")
        linked = partition[order[1:]] == partition[order[:-1]]
        first.append(order[:-1][linked])
        second.append(order[1:][linked])
    if pairs is not None:
        first.append(pairs[0])
        second.append(pairs[1])
    a, b = np.concatenate([*first, np.empty(0, int)]), np.concatenate([*second, np.empty(0, int)])
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)
