"""Genes of a cell: contributions carried back through components, and deleted for the check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from cistron.base.cell_vectors import CellVectors
from cistron.base.domains import CELLS
from cistron.base.encoded import Encoded
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.predictor import Predictor
from cistron.encoders.cells.expression import Expression
from cistron.explain.genes import linear_coefficients
from cistron.explain.layout import Layout, rows_of
from cistron.explain.perturbed import Changeable
from cistron.explain.target import Target
from cistron.models.classical.sparse_input import by_blocks
from cistron.samples.samples import Samples

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


def of_cells(classifier: Predictor) -> bool:
    """Whether the classifier reads cells."""
    return classifier.domain is CELLS


def dense(encoded: Encoded) -> Floats32:
    """Return vectors of few cells, shape (n, features)."""
    rows = np.arange(len(encoded))
    return encoded[rows] if isinstance(encoded, CellVectors) else cast("Floats32", encoded)


def on_components(classifier: Classifier) -> bool:
    """Whether the classifier reads components of the genes of cells."""
    return of_cells(classifier) and cast("Expression", classifier.encoder_).components is not None


def mean_cell(classifier: Classifier) -> Floats:
    """Return the scaled genes of the mean training cell, shape (genes,), less what all share."""
    encoder = cast("Expression", classifier.encoder_)
    space = getattr(classifier.novelty_, "space", None)
    if space is None:
        return -np.asarray(encoder.scaler.shared, dtype=np.float64)
    return np.asarray(space.mean, dtype=np.float64) - encoder.scaler.shared


def reference_vector(classifier: Classifier) -> Floats:
    """Return what the model reads of the mean training cell, shape (features,)."""
    encoder = cast("Expression", classifier.encoder_)
    mean = mean_cell(classifier)
    if encoder.components is None:
        return mean + encoder.scaler.shared
    block = sparse.csr_matrix(mean[None].astype(np.float32))
    return encoder.components.project(block)[0].astype(np.float64)


@dataclass(frozen=True, eq=False)
class Genes:
    """Scaled genes of n cells.

    Parameters
    ----------
    encoder : Expression
    values : ndarray of float64, shape (n, genes)
        Scaled values less what all cells share.
    reference : ndarray of float64, shape (genes,)
        Those of the mean training cell: what the model reads of it is the mean vector.
    """

    encoder: Expression
    values: Floats
    reference: Floats

    def vectors(self, values: Floats) -> Encoded:
        """Return what the model reads of cells with these values."""
        block = sparse.csr_matrix(values.astype(np.float32))
        if self.encoder.components is not None:
            return self.encoder.components.project(block)
        return cast("Encoded", CellVectors.held(block, self.encoder.scaler.shared))


def genes_of(classifier: Classifier, samples: Samples) -> Genes:
    """Return the scaled genes of few cells."""
    encoder = cast("Expression", classifier.encoder_)
    values = encoder.scaled_genes(samples).toarray().astype(np.float64)
    return Genes(encoder, values, mean_cell(classifier))


def gene_contributions(
    classifier: Classifier, samples: Samples, contributions: NDArray[np.floating]
) -> tuple[Floats32, Layout]:
    """Return what each gene contributes, of contributions of what the model reads.

    A component x = l·s of scaled genes s contributes m (x - x₀), so gene g contributes the sum
    over components of m l_g (s_g - s₀_g). Genes that are read themselves stay as they are.

    Parameters
    ----------
    classifier : Classifier
    samples : Samples
        n cells.
    contributions : ndarray, shape (n, features)
        Against the mean vector of the training cells.
    """
    encoder = cast("Expression", classifier.encoder_)
    each = np.asarray(contributions, dtype=np.float64)
    if encoder.components is not None:
        x = dense(encoder.encode(samples)) - reference_vector(classifier)
        # A component that stands at the mean contributes nothing, of whichever gene.
        slopes = np.divide(each, x, out=np.zeros_like(each), where=x != 0)
        genes = genes_of(classifier, samples)
        each = (slopes @ encoder.components.loadings) * (genes.values - genes.reference)
    layout = Layout(rows_of(*each.shape), features=tuple(encoder.genes))
    return each.astype(np.float32).ravel(), layout


def linear_contributions_of_cells(
    classifier: Classifier, encoded: Encoded, target: Target
) -> tuple[Floats, Floats, Floats]:
    """Return contributions, shape (n, features), the output, and that of the mean training cell.

    Of more than two classes, what is explained is the logit less the mean over all classes: each
    class's own coefficients mean something only beside the others'.

    Raises
    ------
    InputError
        If the model is not linear.
    """
    try:
        slopes = linear_coefficients(classifier.model_)
    except InputError as error:
        raise InputError(
            f"model.kind: {classifier.model_settings_.kind!r} is neither linear nor a network, nor "
            "made of trees that read genes themselves, so contributions of genes do not add up. "
            "Train logistic_regression, nearest_centroid, mlp or gene_attention to have its "
            "predictions explained."
        ) from error
    weights = target.weights.astype(np.float64)
    if weights.shape[1] > 2:
        weights = weights - weights.mean(axis=1, keepdims=True)
    reference = reference_vector(classifier)
    contributions = (weights @ slopes) * (dense(encoded) - reference)
    row = reference[None].astype(np.float32)
    mean: Encoded = row
    if isinstance(encoded, CellVectors):
        mean = CellVectors.held(sparse.csr_matrix(row - encoded.shared), encoded.shared)
    # Not the logarithms of probabilities, which end where a probability is rounded to 0.
    model = classifier.model_
    output, at_mean = (by_blocks(model, v, model.decision_function) for v in (encoded, mean))
    if output.ndim == 1:
        return contributions, output * weights[:, 1], at_mean * weights[:, 1]
    return contributions, (output * weights).sum(axis=1), (at_mean * weights).sum(axis=1)


def deletable_genes(classifier: Classifier, samples: Samples) -> tuple[Changeable, Floats]:
    """Return genes that can be set to those of the mean training cell, and these."""
    genes = genes_of(classifier, samples)

    def score(values: Encoded) -> Floats32:
        return classifier.outputs_of(genes.vectors(cast("Floats", values)))

    return Changeable(cast("Encoded", genes.values), 0, score), genes.reference
