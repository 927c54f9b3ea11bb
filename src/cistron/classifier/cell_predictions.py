"""What is predicted of cells, and of which cells a prediction is not to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.domains import CELLS
from cistron.classifier.align_cells import aligned_outputs
from cistron.classifier.predictor import Predictor
from cistron.evaluation.cell_novelty import WARNING
from cistron.samples.samples import Samples

Shift = NDArray[np.float64] | Sequence[NDArray[np.float64]] | None
"""What aligns cells with the training cells, shape (genes,); of an ensemble one of each member."""

DISTANCE = "distance"  # column of `judged_cells`


def predict_cells(classifier: Predictor, samples: Samples) -> pd.DataFrame:
    """Return `id`, `predicted`, `p_<class>` for each class, `warning` and `rejected`.

    Of an ensemble also `spread`, before the warning.
    """
    return judged_cells(classifier, samples).drop(columns=DISTANCE)


@dataclass(frozen=True, eq=False)
class Seen:
    """What a classifier makes of cells.

    Parameters
    ----------
    outputs : ndarray, shape (n, width)
    distances : ndarray of float64, shape (n,)
        From the training cells; of an ensemble the mean over its members.
    aligned : ndarray, shape (n, width), optional
        Outputs of the shifted cells.
    spread : ndarray of float64, shape (n,), optional
        Of an ensemble, see `cistron.classifier.ensemble.Ensemble.spread`.
    """

    outputs: NDArray[np.float32]
    distances: NDArray[np.float64]
    aligned: NDArray[np.float32] | None
    spread: NDArray[np.float64] | None = None


def judged_cells(classifier: Predictor, samples: Samples, shift: Shift = None) -> pd.DataFrame:
    """Return what `predict_cells` does, and the distance of each cell from the training cells.

    Parameters
    ----------
    classifier : Classifier
        Of cells.
    samples : Samples
        Encoded once, for the model and for the distance.
    shift : ndarray, shape (genes,), optional
        What aligns the data set with the training cells (see `cistron.classifier.align_cells`), of
        an ensemble a list of them: what is predicted of the shifted cells stands in further
        columns, `aligned_predicted` and `aligned_p_<class>`. All others are of the cells as they
        are.
    """
    if samples.payload.domain is not CELLS:
        raise ValueError("fitted on cells, given sequences")
    seen, head = _seen(classifier, samples, shift), classifier.head
    table = classifier.answers(samples, seen.outputs)
    unsure = head.confidence(seen.outputs) < classifier.least_confidence
    unlike = seen.distances > classifier.novelty_.threshold
    if seen.spread is not None:
        table["spread"] = seen.spread
    if seen.aligned is not None:
        moved = classifier.answers(samples, seen.aligned).drop(columns="id")
        table = table.join(moved.add_prefix("aligned_"))
    lost = classifier.encoder_.warnings(samples)
    table["warning"] = _warnings(lost, unlike, unsure, classifier.least_confidence)
    table["rejected"] = unlike | unsure
    table[DISTANCE] = seen.distances
    return table


def _seen(classifier: Predictor, samples: Samples, shift: Shift) -> Seen:
    """Return what the members make of cells together."""
    members = classifier.members
    shifts = [shift] * len(members) if shift is None or isinstance(shift, np.ndarray) else shift
    each = [_seen_by(member, samples, own) for member, own in zip(members, shifts, strict=True)]
    outputs = [seen.outputs for seen in each]
    aligned = [seen.aligned for seen in each if seen.aligned is not None]
    return Seen(
        classifier.mean(outputs),
        np.mean([seen.distances for seen in each], axis=0),
        classifier.mean(aligned) if aligned else None,
        classifier.spread(outputs),
    )


def _seen_by(classifier: Any, samples: Samples, shift: NDArray[np.floating] | None) -> Seen:
    genes = classifier.encoder_.scaled(samples)
    outputs = np.empty((0, classifier.width), dtype=np.float32)
    if len(samples):
        outputs = classifier.outputs_of(classifier.encoder_.projected(genes))
    aligned = None if shift is None else aligned_outputs(classifier, genes, shift)
    return Seen(outputs, classifier.novelty_.distances(genes), aligned)


def _warnings(
    lost: list[str], unlike: NDArray[np.bool_], unsure: NDArray[np.bool_], least: float
) -> list[str]:
    found = list(lost)
    unsaid = f"no class has a probability of {least:g}"
    for rows, said in ((unlike, WARNING), (unsure, unsaid)):
        for row in np.flatnonzero(rows):
            found[row] = f"{found[row]}; {said}" if found[row] else said
    return found
