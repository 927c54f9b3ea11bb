"""Cells with planted marker genes, shared by tests."""

from __future__ import annotations

import numpy as np

from cistron.base.counts import Counts
from cistron.samples.samples import Samples, make_samples

MARKERS = 8  # of each class: the first genes are up in "a", the next in "b"


def counts_of(
    n: int = 240, genes: int = 150, seed: int = 0, factor: float = 6.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return counts, float32, shape (n, genes), and the class of each cell."""
    rng = np.random.default_rng(seed)
    level = np.random.default_rng(99).gamma(0.5, 1.0, genes) + 0.05
    level[: 2 * MARKERS] = 0.5
    classes = np.arange(n) % 2
    mean = np.tile(level, (n, 1))
    mean[np.ix_(classes == 0, np.arange(MARKERS))] *= factor
    mean[np.ix_(classes == 1, np.arange(MARKERS, 2 * MARKERS))] *= factor
    depth = rng.lognormal(0.0, 0.4, (n, 1))
    return rng.poisson(mean * depth).astype(np.float32), classes


def names_of(genes: int) -> list[str]:
    return [f"GENE{number}" for number in range(genes)]


def cells(n: int = 240, genes: int = 150, seed: int = 0, factor: float = 6.0) -> Samples:
    """Return labelled cells in four donors."""
    values, classes = counts_of(n, genes, seed, factor)
    return as_samples(values, classes)


def as_samples(
    values: np.ndarray, classes: np.ndarray | None = None, names: list[str] | None = None
) -> Samples:
    """Return cells of any matrix."""
    payload = Counts.of(values, names or names_of(values.shape[1]))
    labels = None if classes is None else [["a", "b"][i] for i in classes]
    return make_samples(
        payload, labels=labels, groups={"donor": [f"d{i // 2 % 4}" for i in range(len(payload))]}
    )
