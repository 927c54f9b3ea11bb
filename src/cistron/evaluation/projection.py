"""A picture of the encoded samples in two dimensions. It shows; it proves nothing."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.cell_vectors import CellVectors
from cistron.base.errors import InputError
from cistron.base.ragged import Ragged
from cistron.base.threads import threads_kept
from cistron.encoders.encoder import Encoder
from cistron.samples.samples import Samples
from cistron.splits.split import UNUSED, Split

Method = Literal["none", "pca", "tsne", "umap"]
MOST_POINTS = 5000
MOST_NUMBERS = 10_000_000  # of vectors of cells, which are dense here: 500 cells of 20,000 genes
COMPONENTS = 50  # principal components that t-SNE and UMAP start from
NEIGHBOURS = 15  # UMAP's default
PERPLEXITY = 30  # t-SNE's default
VARIANCE = "variance"  # under which the table keeps the shares of its axes
BATCH = 512  # samples encoded at a time


class Fits(Protocol):
    """Settings of an encoder."""

    def fit(self, samples: Samples) -> Encoder:
        """Return the encoder, fitted on these samples."""


def require(method: Method) -> None:
    """Make sure that a method can be used.

    Raises
    ------
    InputError
        If it needs a package that is not installed.
    """
    if method == "umap" and find_spec("umap") is None:
        raise InputError(
            "evaluation.projection: umap needs the package umap-learn. Install it with "
            "`pip install 'cistron[umap]'`, or use pca or tsne."
        )


def projection_table(
    encoder: Encoder, samples: Samples, split: Split, method: Method, seed: int
) -> pd.DataFrame:
    """Return projection.parquet: where each drawn sample stands.

    Parameters
    ----------
    encoder : Encoder
        Fitted.
    samples : Samples
        Labelled. Those that are in a part are drawn, at most 5,000 of them.
    split : Split
    method : {"pca", "tsne", "umap"}
    seed : int
        Of the choice of samples, and of the method.

    Returns
    -------
    DataFrame
        Columns `id`, `part`, `label`, `x` and `y`; of pca `attrs["variance"]` has the share of the
        variance that lies along each.
    """
    used = np.flatnonzero(split.part != UNUSED)
    rows = used[choose(samples.strata[used], _most(encoder, samples), seed)]
    chosen = samples.take(rows)
    return _placed(chosen, split.names()[rows], sample_vectors(encoder, chosen), method, seed)


def projection_of_folds(
    settings: Fits, samples: Samples, method: Method, seed: int
) -> pd.DataFrame:
    """Return projection.parquet of a cross-validation, in which every fold has its own encoder.

    Here one is fitted on the samples that are drawn, for the picture alone.

    Parameters
    ----------
    settings : Settings
        Of the encoder.
    samples : Samples
        Labelled, all of them held out once; at most 5,000 are drawn.
    method : {"pca", "tsne", "umap"}
    seed : int

    Returns
    -------
    DataFrame
        As `projection_table` returns it; `part` is "test".
    """
    chosen = samples.take(choose(samples.strata, MOST_POINTS, seed))
    encoder = settings.fit(chosen)
    chosen = chosen.take(choose(chosen.strata, _most(encoder, samples), seed))
    part = np.full(len(chosen), "test", dtype=object)
    return _placed(chosen, part, sample_vectors(encoder, chosen), method, seed)


def _placed(
    chosen: Samples,
    part: NDArray[np.object_],
    vectors: NDArray[np.float32],
    method: Method,
    seed: int,
) -> pd.DataFrame:
    places, shares = places_and_shares(vectors, method, seed)
    table = {"id": chosen.ids, "part": part, "label": chosen.table["label"].to_numpy()}
    placed = pd.DataFrame({**table, "x": places[:, 0], "y": places[:, 1]})
    placed.attrs |= {VARIANCE: shares} if shares else {}
    return placed


def _most(encoder: Encoder, samples: Samples) -> int:
    """Return how many samples are drawn: of cells, fewer where many genes are read."""
    if samples.payload.domain.lengths:
        return MOST_POINTS
    return min(MOST_POINTS, max(MOST_NUMBERS // max(encoder.shape.width, 1), 2))


def choose(targets: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """Draw at most so many samples, as many of each class as its share; ascending rows.

    Every class that occurs is drawn from.
    """
    if len(targets) <= most:
        return np.arange(len(targets))
    order = np.random.default_rng(seed).permutation(len(targets))
    place = np.empty(len(targets))
    for name in np.unique(targets):
        members = order[targets[order] == name]
        place[members] = np.arange(len(members)) / len(members)
    return np.sort(order[np.argsort(place[order], kind="stable")[:most]])


def sample_vectors(encoder: Encoder, samples: Samples) -> NDArray[np.float32]:
    """Return one vector a sample, shape (n, features).

    It is what an encoder of vectors makes of it; of an encoder of positions, the mean of the
    channels over the sample's own positions. For codes these are the fixed channels of the
    letters, or where channels are learned, one for each letter: its composition.
    """
    vectors = []
    for first in range(0, len(samples), BATCH):
        rows = np.arange(first, min(first + BATCH, len(samples)))
        encoded = encoder.encode(samples.take(rows))
        if isinstance(encoded, CellVectors):
            encoded = encoded[np.arange(len(encoded))]
        vectors.append(_means(encoded, encoder) if isinstance(encoded, Ragged) else encoded)
    return np.concatenate(vectors).astype(np.float32)


def _means(encoded: Ragged, encoder: Encoder) -> NDArray[np.float32]:
    """Return the mean over each row's positions, shape (n, channels)."""
    shape = encoder.shape
    if shape.kind == "channels":
        empty = np.zeros(shape.width)
        rows = (encoded[row] for row in range(len(encoded)))
        return np.array([row.mean(axis=0) if len(row) else empty for row in rows], np.float32)
    letters = shape.letters if shape.table is None else len(shape.table)
    counts = np.array([np.bincount(encoded[row], minlength=letters) for row in range(len(encoded))])
    shares = (counts / np.maximum(encoded.lengths, 1)[:, None]).astype(np.float32)
    return shares if shape.table is None else shares @ shape.table


def project(vectors: NDArray[np.float32], method: Method, seed: int) -> NDArray[np.float64]:
    """Return where vectors are placed; see `places_and_shares`."""
    return places_and_shares(vectors, method, seed)[0]


def places_and_shares(
    vectors: NDArray[np.float32], method: Method, seed: int
) -> tuple[NDArray[np.float64], list[float]]:
    """Place vectors in two dimensions, shape (n, 2).

    Features are standardised. t-SNE (van der Maaten and Hinton 2008,
    https://www.jmlr.org/papers/v9/vandermaaten08a.html; perplexity 30) and UMAP (McInnes et al.
    2018, https://doi.org/10.21105/joss.00861; 15 neighbours) start from the first 50 principal
    components; fewer where the samples are few.

    Parameters
    ----------
    vectors : ndarray, shape (n, features)
    method : {"pca", "tsne", "umap"}
    seed : int

    Returns
    -------
    (ndarray, list of float)
        The places, and of pca the share of the variance along each of the two axes.

    Raises
    ------
    InputError
        If the method needs a package that is not installed.
    """
    from sklearn.decomposition import PCA

    require(method)
    n = len(vectors)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    centred = centred[:, spread > 0] / spread[spread > 0]
    kept = min(COMPONENTS if method != "pca" else 2, *centred.shape)
    if kept < 1:  # all samples are the same
        return np.zeros((n, 2)), []
    analysis = PCA(kept, svd_solver="auto", random_state=seed)
    components = analysis.fit_transform(centred)
    if method == "pca" or n < 5:  # which is nothing to call neighbours
        shares = [*analysis.explained_variance_ratio_.tolist(), 0.0][:2]
        return np.hstack([components, np.zeros((n, 2))])[:, :2], shares
    with warnings.catch_warnings(), threads_kept():
        warnings.simplefilter("ignore")  # of their own defaults and of the numba stack
        return _neighbours_kept(components, method, seed).astype(np.float64), []


def _neighbours_kept(
    components: NDArray[np.float64], method: Method, seed: int
) -> NDArray[np.float64]:
    n = len(components)
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(PERPLEXITY, (n - 1) / 3)
        start = "pca" if components.shape[1] > 1 else "random"
        made = TSNE(2, perplexity=perplexity, init=start, random_state=seed)
        return made.fit_transform(components)
    from umap import UMAP

    neighbours = min(NEIGHBOURS, n - 1)
    start = "spectral" if n > 3 * neighbours else "random"
    made = UMAP(n_neighbors=neighbours, init=start, random_state=seed, n_jobs=1)
    return made.fit_transform(components)
