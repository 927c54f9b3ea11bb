"""A data set of cells moved onto the training cells: a step of its own, beside what is not moved.

The mean of every gene becomes that of the training cells. It takes away what a platform adds to all
cells alike, and as much of a true difference: a data set that holds other shares of the classes is
moved by that too. So the classifier never does it by itself, and both results are told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.cell_vectors import CellVectors
from cistron.base.errors import InputError
from cistron.samples.samples import Samples

Floats = NDArray[np.float64]


def mean_shift(classifier: Any, windows: Iterable[Samples]) -> Floats:
    """Return what moves the mean of new cells onto that of the training cells, shape (genes,).

    Parameters
    ----------
    classifier : Classifier
        Of cells.
    windows : iterable of Samples
        All cells of the data set; they are read once, and not kept.

    Raises
    ------
    InputError
        If there is no cell.
    """
    encoder: Any = classifier.encoder_
    novelty: Any = classifier.novelty_
    total, cells = np.zeros(len(encoder.genes)), 0
    for samples in windows:
        vectors = encoder.scaled(samples)
        for block in vectors.blocks():
            total += np.asarray(block.sum(axis=0), dtype=np.float64).ravel()
        cells += len(vectors)
    if cells == 0:
        raise InputError("--align: there is no cell whose mean could be moved.")
    return np.asarray(novelty.space.mean - encoder.scaler.shared - total / cells)


def aligned_outputs(
    classifier: Any, genes: CellVectors, shift: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return the outputs for shifted cells, shape (n, width).

    Parameters
    ----------
    classifier : Classifier
    genes : CellVectors
        Scaled genes of a window of cells.
    shift : ndarray, shape (genes,)
    """
    encoder: Any = classifier.encoder_
    # Dense, of one window: every gene of every cell is moved.
    moved = sparse.csr_matrix((genes.read().toarray() + shift).astype(np.float32))
    return classifier.outputs_of(encoder.projected(CellVectors.held(moved, genes.shared)))
