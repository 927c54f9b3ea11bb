"""How unlike the training cells a cell is, in the genes that the model reads.

Genes, also where the model reads components of them: these hold what training cells differ in, and
hide what sets other cells apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from scipy import sparse

from cistron.base.arrays import Arrays
from cistron.base.cell_vectors import CellVectors
from cistron.base.counts import BLOCK
from cistron.base.document import Document
from cistron.base.untrusted import checked, require_arrays
from cistron.samples.samples import Samples

COMPONENTS = 30
MOST_NUMBERS = 8_000_000  # of vectors that are dense at once while components are sought
PERCENTILE = 95.0  # of the distances of held-out training cells: one in twenty is rejected
MOST_GROUPS = 10  # each held out once; more are put together
FEWEST_CELLS = 10  # of a class, to say how its cells vary
BEYOND = 1.05  # times the farthest group that was held out: less is chance
WARNING = "unlike the training cells"

Floats = NDArray[np.float64]
Vectors = CellVectors | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Space:
    """Where training cells are: the mean of each class, and how cells vary around it.

    The distance of a cell joins two things, each in units of its median over the training cells:
    Mahalanobis' distance (1936) from the nearest class among the first principal components, the
    correlations within classes shrunk as by Ledoit and Wolf (2004,
    https://doi.org/10.1016/S0047-259X(03)00096-4); and what the components leave of the vector,
    which is large for cells that express what no training cell does.

    Parameters
    ----------
    mean : ndarray of float64, shape (features,)
    loadings : ndarray of float64, shape (features, components)
    centres : ndarray of float64, shape (classes, components)
    whitening : ndarray of float64, shape (components, components)
    scales : ndarray of float64, shape (2,)
        Medians over the training cells: of the distance, and of what is left; of the latter
        infinite where vectors are so short that all components are kept.
    """

    mean: Floats
    loadings: Floats
    centres: Floats
    whitening: Floats
    scales: Floats

    @classmethod
    def fit(cls, vectors: NDArray[np.float32], kinds: NDArray[np.int64]) -> Self:
        """Describe training cells of the given classes, shape (n, features)."""
        from sklearn.covariance import ledoit_wolf
        from sklearn.decomposition import PCA

        n, width = vectors.shape
        whole = width <= 2 * COMPONENTS
        fitted = PCA(
            max(min(width if whole else COMPONENTS, n - 1), 1),
            svd_solver="full" if whole else "randomized",
            random_state=0,
        ).fit(vectors)
        placed = fitted.transform(vectors).astype(np.float64)
        names, kind = np.unique(kinds, return_inverse=True)
        centres = np.stack([placed[kind == k].mean(axis=0) for k in range(len(names))])
        within = placed - centres[kind]
        spread = np.maximum(within.std(axis=0), 1e-6 * max(within.std(), 1e-6))
        covariance = ledoit_wolf(within / spread, assume_centered=True)[0]
        covariance += 1e-6 * np.eye(len(covariance))
        whitening = np.linalg.cholesky(np.linalg.inv(covariance)) / spread[:, None]
        mean, loadings = (a.astype(np.float64) for a in (fitted.mean_, fitted.components_.T))
        made = cls(mean, np.ascontiguousarray(loadings), centres, whitening, np.ones(2))
        near, left = made.parts(vectors)
        scales = np.array([max(np.median(near), 1e-6), np.inf if whole else np.median(left)])
        return cls(made.mean, made.loadings, centres, whitening, np.maximum(scales, 1e-6))

    def parts(
        self, vectors: NDArray[np.floating] | sparse.csr_matrix, shared: ArrayLike = 0.0
    ) -> tuple[Floats, Floats]:
        """Return the distance from the nearest class, and what is left, each of shape (n,).

        Parameters
        ----------
        vectors : ndarray or csr_matrix, shape (n, features)
        shared : array-like, shape (features,)
            What is to be added to every row; sparse rows are not made dense for it.
        """
        offset = np.asarray(shared, dtype=np.float64) - self.mean
        if isinstance(vectors, sparse.csr_matrix):
            placed = vectors @ self.loadings + offset @ self.loadings
            square = np.asarray(vectors.multiply(vectors).sum(axis=1), dtype=np.float64).ravel()
            square += 2 * (vectors @ offset) + offset @ offset
        else:
            centred = vectors + offset
            placed, square = centred @ self.loadings, np.square(centred).sum(axis=1)
        square -= np.square(placed).sum(axis=1)
        white, centres = placed @ self.whitening, self.centres @ self.whitening
        near = np.min(
            [np.linalg.norm(white - centre, axis=1) for centre in centres], axis=0, initial=np.inf
        )
        return near, np.sqrt(np.maximum(square, 0.0))

    def distances(
        self, vectors: NDArray[np.floating] | sparse.csr_matrix, shared: ArrayLike = 0.0
    ) -> Floats:
        """Return the distance of each cell from the training cells, shape (n,) (see `parts`)."""
        parts = np.stack(self.parts(vectors, shared)) / self.scales[:, None]
        return np.sqrt(np.square(parts).sum(axis=0) / np.isfinite(self.scales).sum())


@dataclass(frozen=True)
class Learned:
    """What `CellNovelty.state` returns beside its arrays and its kind."""

    threshold: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    held_out: str
    groups: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]


@dataclass(frozen=True, eq=False)
class CellNovelty:
    """What the training cells looked like, and how far held-out ones were.

    Parameters
    ----------
    space : Space
    threshold : float
        95th percentile of the distances of held-out training cells.
    held_out : str
        What was held out: a group column, or "validation cells".
    groups : dict of str to float
        Mean distance of each group that was held out from the others.
    """

    kind: ClassVar[str] = "cells"

    space: Space
    threshold: float
    held_out: str
    groups: dict[str, float]

    def distances(self, vectors: Vectors) -> Floats:
        """Return the distance of each cell from the training cells, shape (n,)."""
        if isinstance(vectors, CellVectors):
            parts = [self.space.distances(block, vectors.shared) for block in vectors.blocks()]
        else:
            parts = [
                self.space.distances(vectors[start : start + BLOCK])
                for start in range(0, len(vectors), BLOCK)
            ]
        return np.concatenate([np.empty(0), *parts])

    def drift(self, distances: Floats) -> Document:
        """Say how far a data set is, beside groups of training that were held out.

        Returns
        -------
        dict
            `mean_distance`; `held_out` (what was) and `held_out_groups` (the mean distance of
            each); `ratio` to their mean; `beyond`: whether it is clearly further than all of them;
            `share_unlike`: cells beyond the threshold.
        """
        return _drift(self, distances)

    def state(self) -> tuple[Document, Arrays]:
        """Return what was learned, as JSON types and as arrays."""
        document = {
            "kind": self.kind,
            "threshold": self.threshold,
            "held_out": self.held_out,
            "groups": self.groups,
        }
        return document, {name: getattr(self.space, name) for name in Space.__annotations__}

    @classmethod
    def restore(cls, document: Document, arrays: Arrays) -> Self:
        """Rebuild what `state` returned."""
        axes = {
            "mean": ["genes"],
            "loadings": ["genes", "components"],
            "centres": ["classes", "components"],
            "whitening": ["components", "components"],
            "scales": ["parts"],
        }
        require_arrays(arrays, axes, ["scales"])
        if arrays["scales"].shape != (2,) or not np.isfinite(arrays["scales"][0]):
            raise ValueError("the array 'scales' does not hold two numbers, the first one finite")
        learned = checked(Learned, {k: v for k, v in document.items() if k != "kind"})
        return cls(Space(**{name: arrays[name] for name in axes}), **vars(learned))


@dataclass(frozen=True, eq=False)
class CellNovelties:
    """What the training cells of several classifiers looked like: the mean over them.

    Parameters
    ----------
    each : tuple of CellNovelty
        Of every classifier; distances are the mean of theirs.
    """

    each: tuple[CellNovelty | CellNovelties, ...]

    @property
    def threshold(self) -> float:
        """Mean of the thresholds."""
        return float(np.mean([novelty.threshold for novelty in self.each]))

    @property
    def held_out(self) -> str:
        """What was held out of the training cells."""
        return self.each[0].held_out

    @property
    def groups(self) -> dict[str, float]:
        """Mean distance of each group, over the classifiers that held it out."""
        groups = [novelty.groups for novelty in self.each]
        names = dict.fromkeys(name for known in groups for name in known)
        return {
            name: float(np.mean([known[name] for known in groups if name in known]))
            for name in names
        }

    def drift(self, distances: Floats) -> Document:
        """Say how far a data set is: see `CellNovelty.drift`."""
        return _drift(self, distances)


def _drift(novelty: CellNovelty | CellNovelties, distances: Floats) -> Document:
    known = np.array(list(novelty.groups.values()))
    mean = float(distances.mean()) if len(distances) else None
    usual = float(known.mean()) if len(known) else None
    unlike = distances > novelty.threshold
    return {
        "mean_distance": mean,
        "held_out": novelty.held_out,
        "held_out_groups": dict(novelty.groups),
        "ratio": mean / usual if mean is not None and usual else None,
        "beyond": bool(mean is not None and len(known) and mean > BEYOND * known.max()),
        "share_unlike": float(unlike.mean()) if len(distances) else None,
    }


def fit_cell_novelty(
    train: Samples,
    vectors: Vectors,
    validation: Samples | None = None,
    others: Vectors | None = None,
) -> CellNovelty:
    """Describe training cells, and find from which distance on a cell is unlike them.

    Where there are groups (patients, data sets), each is scored as if it were new: by the other
    groups. Thus a new patient is not odd for being a new patient. (The vectors are those of an
    encoder that was fitted on all of them, so that the threshold is rather too high.) Without
    groups the validation cells are scored, and without these the training cells themselves.

    Parameters
    ----------
    train : Samples
        Labelled.
    vectors : CellVectors or ndarray, shape (n, features)
        Their genes, as the encoder has scaled them.
    validation : Samples, optional
    others : CellVectors or ndarray, optional
        The genes of the validation cells.
    """
    if len(train) == 0:
        raise ValueError("there are no training cells to describe")
    rows = _chosen(len(train), vectors.shape[1])
    chosen, dense = train.take(rows), _rows(vectors, rows)
    kinds = chosen.strata
    space = Space.fit(dense, kinds)
    column, group = _held_out(chosen)
    if column:
        scored = _scored_by_others(dense, kinds, group)
        if scored:
            every = np.concatenate(list(scored.values()))
            means = {name: float(values.mean()) for name, values in scored.items()}
            return CellNovelty(space, float(np.percentile(every, PERCENTILE)), column, means)
    if validation is not None and others is not None and len(validation):
        known = _rows(others, _chosen(len(validation), vectors.shape[1]))
        what = "validation cells"
    else:
        known, what = dense, "training cells"
    distances = space.distances(known)
    means = {what: float(distances.mean())}
    return CellNovelty(space, float(np.percentile(distances, PERCENTILE)), what, means)


def _held_out(samples: Samples) -> tuple[str, NDArray[np.object_]]:
    """Return the coarsest group column with groups to hold out, and the group of each cell."""
    counts = {name: samples.table[name].nunique() for name in samples.groups}
    usable = {name: n for name, n in counts.items() if n >= 2}
    if not usable:
        return "", np.empty(0, dtype=object)
    column = min(usable, key=lambda name: (usable[name] < 3, usable[name]))
    values = samples.table[column].astype(str).to_numpy(dtype=object)
    if usable[column] > MOST_GROUPS:
        number = samples.group([column]) % MOST_GROUPS
        values = np.array([f"groups {k + 1} of {MOST_GROUPS}" for k in number], dtype=object)
    return column, values


def _scored_by_others(
    dense: NDArray[np.float32], kinds: NDArray[np.int64], group: NDArray[np.object_]
) -> dict[str, Floats]:
    """Return the distances of each group's cells from those of the other groups.

    Cells of a class that the other groups hardly have are left out: they are new indeed.
    """
    distances = {}
    for name in sorted(set(group)):
        inside = group == name
        classes, sizes = np.unique(kinds[~inside], return_counts=True)
        known = classes[sizes >= FEWEST_CELLS]
        trained = ~inside & np.isin(kinds, known)
        tested = inside & np.isin(kinds, known)
        if tested.sum() and trained.sum() > FEWEST_CELLS:
            space = Space.fit(dense[trained], kinds[trained])
            distances[str(name)] = space.distances(dense[tested])
    return distances


def _chosen(n: int, width: int) -> NDArray[np.int64]:
    most = max(MOST_NUMBERS // max(width, 1), 500)
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(1).choice(n, most, replace=False))


def _rows(vectors: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.asarray(vectors[rows], dtype=np.float32)
