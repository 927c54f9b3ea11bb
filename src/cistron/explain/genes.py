"""What a classifier of cells says of genes: their direction, and whether folds agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from cistron.base.cell_vectors import CellVectors
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.encoders.cells.expression import Expression
from cistron.evaluation.projection import choose
from cistron.samples.samples import Samples
from cistron.training.batches import by_length, collated, input_lengths

Vectors = CellVectors | NDArray[np.float32]

MOST_CELLS = 1000  # over which a gradient is averaged


def gene_effects(classifier: Classifier) -> pd.DataFrame:
    """Return how each gene moves the score of each class.

    Parameters
    ----------
    classifier : Classifier
        Of cells, with a linear model (logistic_regression, nearest_centroid), on genes or on
        components.

    Returns
    -------
    DataFrame
        One row a gene (index `gene`), one column a class: the change of the class's logit for one
        standard deviation of the gene's normalised expression over the training cells, signed,
        before calibration. The columns add up to 0. Values that scaling cut are not counted as
        cut.

    Raises
    ------
    InputError
        If the classifier is not of cells, or not linear.
    """
    encoder = classifier.encoder_
    if not isinstance(encoder, Expression):
        raise InputError("Effects of genes are those of a classifier of cells.")
    coefficients = linear_coefficients(classifier.model_)
    return effects_of(encoder, coefficients, list(classifier.classes_))


def network_effects(classifier: Classifier, samples: Samples, seed: int = 1) -> pd.DataFrame:
    """Return how each gene moves the score of each class, on average over cells.

    A network has no coefficients: a gene may speak for a class in one cell and against it in
    another. This is its gradient, averaged over cells, every class counting alike.

    Parameters
    ----------
    classifier : Classifier
        Of cells, with a network.
    samples : Samples
        Labelled cells; at most 1,000 of them are drawn.
    seed : int
        Of that choice.

    Returns
    -------
    DataFrame
        As `gene_effects` returns it.

    Raises
    ------
    InputError
        If the classifier is not of cells, or no network of classes.
    """
    encoder = classifier.encoder_
    if not isinstance(encoder, Expression) or classifier.model_settings_.family != "network":
        raise InputError("Gradients by genes are those of a network of cells.")
    if not classifier.head.classes:
        raise InputError("Effects of genes are those on classes, and this one predicts a number.")
    chosen = samples.take(choose(samples.strata, MOST_CELLS, seed))
    gradients = _mean_gradients(classifier, encoder.encode(chosen), chosen.strata)
    return effects_of(encoder, gradients, list(classifier.classes_))


def _mean_gradients(
    classifier: Classifier, encoded: Vectors, kinds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the mean gradient of each class's logit, shape (classes, features)."""
    network, settings = classifier.model_, classifier.training_
    network.eval()
    device = next(network.parameters()).device
    sizes = np.bincount(kinds)
    share = 1 / (np.count_nonzero(sizes) * sizes[kinds])
    total = np.zeros((len(classifier.classes_), encoded.shape[1]))
    batches = by_length(input_lengths(encoded), settings.batch_size, settings.max_tokens)
    # cuDNN goes back through recurrent layers in training only.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        for rows, (x, lengths) in collated(encoded, batches, device):
            x = x.float().requires_grad_()
            logits = network(x, lengths)[:, : len(total)]
            weighted = torch.from_numpy(share[rows]).to(logits) @ logits
            for row, logit in enumerate(weighted):
                (slopes,) = torch.autograd.grad(logit, x, retain_graph=True)
                total[row] += slopes.sum(dim=0).double().cpu().numpy()
    return total


def effects_of(
    encoder: Expression, multipliers: NDArray[np.floating], classes: Sequence[str]
) -> pd.DataFrame:
    """Return the effects of genes (see `gene_effects`) of any linear function of the features.

    Parameters
    ----------
    encoder : Expression
    multipliers : ndarray, shape (classes, features)
        Change of each class's logit for a unit of each feature: coefficients, or the mean
        gradient of a network.
    classes : sequence of str
    """
    genes, values = encoder.to_genes(multipliers)
    centred = (values - values.mean(axis=0)) * encoder.deviation
    index = pd.Index(genes, name="gene")
    return pd.DataFrame(centred.T, index=index, columns=pd.Index(classes, name="class"))


def linear_coefficients(model: object) -> NDArray[np.float64]:
    """Return the coefficients of the encoder's features, shape (classes, features).

    Raises
    ------
    InputError
        If the model is not a linear one of classes.
    """
    steps = getattr(model, "named_steps", {})
    last = (list(steps.values()) or [model])[-1]
    if not hasattr(last, "coef_"):
        raise InputError(
            "Only a linear model has coefficients: logistic_regression or nearest_centroid. Of "
            "another one, `cistron explain` says what its predictions rest on."
        )
    coefficients = np.asarray(last.coef_, dtype=np.float64)
    if "standardscaler" in steps:
        coefficients = coefficients / steps["standardscaler"].scale_
    if len(coefficients) == 1:  # of two classes: the logit of the second less that of the first
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
    return coefficients


def top_genes(effects: pd.DataFrame, number: int = 20) -> pd.DataFrame:
    """Return the genes that move each class's score most, up or down.

    Parameters
    ----------
    effects : DataFrame
        As `gene_effects` returns it.
    number : int
        Genes of each class; fewer where fewer have an effect.

    Returns
    -------
    DataFrame
        `class`, `rank` (1 up), `gene`, `effect`, `direction` ("up" where more of the gene speaks
        for the class, "down" where it speaks against it). Ties go by name.
    """
    rows = []
    for name in effects.columns:
        values = effects[name].to_numpy()
        order = np.lexsort((effects.index.to_numpy(), -np.abs(values)))[:number]
        for rank, row in enumerate(order[values[order] != 0]):
            direction = "up" if values[row] > 0 else "down"
            rows.append((name, rank + 1, effects.index[row], float(values[row]), direction))
    return pd.DataFrame(rows, columns=["class", "rank", "gene", "effect", "direction"])


def stability(effects: Sequence[pd.DataFrame], number: int = 20) -> pd.DataFrame:
    """Return in how many folds each gene is among the first of a class, with the same direction.

    Parameters
    ----------
    effects : sequence of DataFrame
        As `gene_effects` returns them, one a fold; of the same classes. A gene that a fold did not
        choose is not among its first.
    number : int
        Genes of each class that count.

    Returns
    -------
    DataFrame
        `class`, `gene`, `direction` (the more frequent one; of equally frequent ones, that of the
        larger effect), `share` (of all folds, in which the gene is among the first with that
        direction) and `effect` (mean over these folds); the most stable first.

    Raises
    ------
    ValueError
        If there are no folds.
    """
    if not effects:
        raise ValueError("the effects of at least one fold are needed")
    first = pd.concat([top_genes(each, number) for each in effects], ignore_index=True)
    found = first.groupby(["class", "gene", "direction"], sort=False)["effect"]
    table = found.agg(share="size", effect="mean").reset_index()
    table["share"] = table["share"] / len(effects)
    table["size"] = table["effect"].abs()
    table = table.sort_values(
        ["class", "share", "size", "gene"], ascending=[True, False, False, True]
    )
    table = table.drop_duplicates(["class", "gene"]).drop(columns="size").reset_index(drop=True)
    return table[["class", "gene", "direction", "share", "effect"]]
