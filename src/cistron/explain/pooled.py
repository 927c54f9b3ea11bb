"""Residues of a protein whose embedding was averaged: the mean is linear, so it passes all on."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cistron.classifier.classifier import Classifier
from cistron.encoders.language_models.protein_lm import ProteinLM
from cistron.explain.layout import Layout
from cistron.samples.samples import Samples


def pools_residues(classifier: Classifier) -> bool:
    """Whether what the model reads is the mean embedding of a protein's residues."""
    encoder = classifier.encoder_
    return isinstance(encoder, ProteinLM) and encoder.settings.pooling == "mean"


def residue_contributions(
    classifier: Classifier,
    samples: Samples,
    contributions: NDArray[np.float32],
    encoded: NDArray[np.float32],
) -> tuple[NDArray[np.float32], Layout]:
    """Return the contribution of each residue, and where it stands.

    A feature x_f of the protein is the mean over its residues of (e_if - mean_f) / scale_f. With
    multiplier m_f, residue i of n contributes the sum over f of m_f (e_if - mean_f) / scale_f / n.

    Parameters
    ----------
    classifier : Classifier
    samples : Samples
        n proteins.
    contributions : ndarray, shape (n, features)
        m_f x_f: against the mean of the training samples.
    encoded : ndarray, shape (n, features)
        x_f.
    """
    encoder = cast("ProteinLM", classifier.encoder_)
    # A feature that stands at the mean contributes nothing, to whichever residue.
    slopes = np.divide(contributions, encoded, out=np.zeros_like(encoded), where=encoded != 0)
    if encoder.scale is not None:
        slopes = slopes / encoder.scale
    settings = encoder.settings.model_copy(update={"pooling": "residues"})
    sequences = samples.sequences
    of_residues = np.zeros(len(sequences.values), dtype=np.float32)
    for row, residues in replace(encoder.embedder, settings=settings).embed(sequences):
        centered = residues if encoder.mean is None else residues - encoder.mean
        inside = slice(sequences.offsets[row], sequences.offsets[row + 1])
        of_residues[inside] = centered @ slopes[row] / len(residues)
    positions = np.arange(len(of_residues)) - np.repeat(sequences.offsets[:-1], sequences.lengths)
    return of_residues, Layout(sequences.offsets, sequences.values, positions)
