"""What is predicted of cells, and of which cells a prediction is not to be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.evaluation.cell_novelty import WARNING
from cistron.samples import Samples

DISTANCE = "distance"  # column of `judged_cells`


def predict_cells(classifier: Any, samples: Samples) -> pd.DataFrame:
    """Return `id`, `predicted`, `p_<class>` for each class, `warning` and `rejected`."""
    return judged_cells(classifier, samples).drop(columns=DISTANCE)


def judged_cells(
    classifier: Any, samples: Samples, shift: NDArray[np.floating] | None = None
) -> pd.DataFrame:
    """Return what `predict_cells` does, and the distance of each cell from the training cells.

    Parameters
    ----------
    classifier : Classifier
        Of cells.
    samples : Samples
        Encoded once, for the model and for the distance.
    shift : ndarray, shape (genes,), optional
        What aligns the data set with the training cells (see `cistron.align_cells`): what is
        predicted of the shifted cells stands in further columns, `aligned_predicted` and
        `aligned_p_<class>`. All others are of the cells as they are.
    """
    if samples.payload.content != "genes":
        raise ValueError("fitted on cells, given sequences")
    genes = classifier.encoder_.scaled(samples)
    encoded = classifier.encoder_.projected(genes)
    logits = np.empty((0, classifier.head.outputs), dtype=np.float32)
    if len(samples):
        logits = classifier.outputs_of(encoded)
    columns = classifier.head.columns(logits)
    table = pd.DataFrame({"id": samples.ids, **columns})
    unsure = np.zeros(len(samples), dtype=bool)
    if classifier.head.kind != "number":
        shares = np.column_stack(list(columns.values())[1:]).astype(float)
        unsure = shares.max(axis=1, initial=0.0) < classifier.least_confidence
    distances = classifier.novelty_.distances(genes)
    unlike = distances > classifier.novelty_.threshold
    if shift is not None:
        from cistron.align_cells import aligned_columns

        table = pd.concat([table, aligned_columns(classifier, genes, shift)], axis=1)
    lost = classifier.encoder_.warnings(samples)
    table["warning"] = _warnings(lost, unlike, unsure, classifier.least_confidence)
    table["rejected"] = unlike | unsure
    table[DISTANCE] = distances
    return table


def _warnings(
    lost: list[str], unlike: NDArray[np.bool_], unsure: NDArray[np.bool_], least: float
) -> list[str]:
    found = list(lost)
    unsaid = f"no class has a probability of {least:g}"
    for rows, said in ((unlike, WARNING), (unsure, unsaid)):
        for row in np.flatnonzero(rows):
            found[row] = f"{found[row]}; {said}" if found[row] else said
    return found
