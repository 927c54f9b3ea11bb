"""Contributions of what a model reads, carried back to what an encoder made it of."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cistron.base.encoded import Encoded
from cistron.classifier.classifier import Classifier
from cistron.explain.cells import gene_contributions, of_cells
from cistron.explain.method import Contributions
from cistron.explain.pooled import pools_residues, residue_contributions
from cistron.samples.samples import Samples


def carried_back(
    classifier: Classifier,
    samples: Samples,
    encoded: Encoded,
    read: Contributions,
    multiplied: bool,
) -> Contributions:
    """Return contributions of genes, or of residues, where an encoder sums them linearly.

    Parameters
    ----------
    classifier : Classifier
    samples : Samples
    encoded : Encoded
        The samples as its encoder makes them.
    read : Contributions
        Of what the model reads.
    multiplied : bool
        Whether they are multipliers times the distance from a reference.
    """
    if of_cells(classifier):
        vectors = read.contributions.reshape(len(samples), -1)
        contributions, layout = gene_contributions(classifier, samples, vectors)
    elif multiplied and pools_residues(classifier):
        vectors = read.contributions.reshape(len(samples), -1)
        features = cast("NDArray[np.float32]", encoded)
        contributions, layout = residue_contributions(classifier, samples, vectors, features)
    else:
        return read
    return replace(read, contributions=contributions, layout=layout)
