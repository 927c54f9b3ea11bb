"""Whether contributions mean anything: faithfulness, random weights, stability."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.base.errors import InputError
from cistron.base.progress import SILENT, Reporter
from cistron.base.ragged import Ragged
from cistron.classifier.classifier import Classifier
from cistron.classifier.ensemble import Ensemble
from cistron.classifier.predictor import Predictor
from cistron.explain.cells import deletable_genes, of_cells
from cistron.explain.ensembles import deletable_of_members, scale_of
from cistron.explain.explanation import Explanation, explain
from cistron.explain.layout import offsets_of
from cistron.explain.perturbed import Changeable, encoded_inputs, letters_of, rectangle
from cistron.explain.target import choose_target
from cistron.samples.samples import Samples

Floats = NDArray[np.float64]

SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Of the positions, that are deleted."""


class Faithfulness(TypedDict):
    """What `faithfulness` returns."""

    shares: list[float]
    top: list[float]
    random: list[float]
    output: float
    area: float
    better: float
    samples: int


def faithfulness(
    classifier: Predictor,
    samples: Samples,
    explanation: Explanation,
    *,
    orders: int = 5,
    seed: int = 1,
) -> Faithfulness:
    """Delete the positions that contribute most, and as many random ones.

    What is explained should fall faster by the first than by the second. Letters are replaced by
    one that says nothing (N, X), channels and features by zero.

    Samek, W. et al. Evaluating the visualization of what a deep neural network has learned. IEEE
    Transactions on Neural Networks and Learning Systems 28, 2660-2673 (2017),
    doi:10.1109/TNNLS.2016.2599820.

    Parameters
    ----------
    classifier : Classifier
    samples : Samples
        Those that were explained.
    explanation : Explanation
    orders : int
        Random orders of each sample.
    seed : int

    Returns
    -------
    dict
        `shares` of the positions deleted; mean output `top` and `random` at each; `area` between
        the two, in units of the output; `better`, the share of samples with an area above zero;
        `samples`.
    """
    inputs, nothing = _deletable(classifier, samples, explanation)
    rng = np.random.default_rng(seed)
    target = choose_target(classifier.head, explanation.logits, explanation.settings.class_)
    scale = scale_of(classifier, explanation.method[0])
    weights = scale.weights(target)
    outputs = np.empty((len(explanation), orders + 1, len(SHARES)))
    for row in range(len(explanation)):
        values = inputs.values[row]
        best = np.argsort(-explanation.of(row), kind="stable")
        each = [best, *(rng.permutation(len(values)) for _ in range(orders))]
        copies = np.repeat(values[None], len(each) * len(SHARES), axis=0)
        for number, order in enumerate(each):
            for place, share in enumerate(SHARES):
                deleted = order[: max(1, round(share * len(values)))]
                blank = inputs.blank if nothing is None else nothing[deleted]
                copies[number * len(SHARES) + place][deleted] = blank
        changed = rectangle(copies) if isinstance(inputs.values, Ragged) else copies
        logits = inputs.score(changed)[:, : weights.shape[1]]
        outputs[row] = (scale.values(logits) @ weights[row]).reshape(outputs.shape[1:])
    top, others = outputs[:, 0], outputs[:, 1:].mean(axis=1)
    areas = np.trapezoid(others - top, SHARES, axis=1)
    return {
        "shares": list(SHARES),
        "top": top.mean(axis=0).tolist(),
        "random": others.mean(axis=0).tolist(),
        "output": float(explanation.output.mean()),
        "area": float(areas.mean()),
        "better": float((areas > 0).mean()),
        "samples": len(explanation),
    }


def _deletable(
    classifier: Predictor, samples: Samples, explanation: Explanation
) -> tuple[Changeable, Floats | None]:
    """Return what contributions are of: what the model reads, or letters in front of an encoder.

    And, of genes, what stands for each that is deleted.
    """
    if not isinstance(classifier, Classifier):
        return deletable_of_members(cast("Ensemble", classifier), samples, explanation.offsets)
    if of_cells(classifier):
        return deletable_genes(classifier, samples)
    if explanation.codes is None or classifier.model_settings_.family == "network":
        encoded = classifier.encoder_.encode(samples)
        if np.array_equal(offsets_of(encoded), explanation.offsets):
            return encoded_inputs(classifier, encoded), None
    return letters_of(classifier, samples), None


def randomised_weights(
    classifier: Predictor,
    samples: Samples,
    explanation: Explanation,
    *,
    seed: int = 1,
    reporter: Reporter = SILENT,
) -> dict[str, float]:
    """Explain the same samples by a network whose weights have changed places.

    Contributions that look the same show the sequence and not what was learned.

    Adebayo, J. et al. Sanity checks for saliency maps. NeurIPS 2018, arXiv:1810.03292.

    Returns
    -------
    dict
        `correlation`: median over samples of Spearman's, between the sizes of the contributions of
        both networks; near 0 is good. `samples`.

    Raises
    ------
    InputError
        If the classifier is no network.
    """
    other = _shuffled(classifier, torch.Generator().manual_seed(seed))
    settings = explanation.settings.model_copy(update={"fall_back": True})
    by_chance = explain(other, samples, settings, reporter)
    correlations = stability([_sizes(explanation), _sizes(by_chance)])
    return {"correlation": float(np.nanmedian(correlations)), "samples": len(explanation)}


def _shuffled(classifier: Predictor, generator: torch.Generator) -> Predictor:
    """Return the classifier with the weights of its network in other places."""
    if not isinstance(classifier, Classifier):
        return classifier.replaced(lambda member: _shuffled(member, generator))
    if classifier.model_settings_.family != "network":
        raise InputError("Only the weights of a network can be made random.")
    other = copy.copy(classifier)
    other.model_ = copy.deepcopy(classifier.model_)
    for parameter in other.model_.body.parameters():
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        parameter.data = parameter.data.flatten()[order].view_as(parameter)
    return other


def _sizes(explanation: Explanation) -> Explanation:
    return replace(explanation, contributions=np.abs(explanation.contributions))


def stability(explanations: Sequence[Explanation]) -> Floats:
    """Return how alike several classifiers' contributions to the same samples are, shape (n,).

    Parameters
    ----------
    explanations : sequence of Explanation
        Of the same samples, by classifiers of other folds or seeds.

    Returns
    -------
    ndarray
        Mean over all pairs of Spearman's rank correlation; not a number where all contributions of
        a sample are equal.

    Raises
    ------
    InputError
        If there are fewer than two, or they are not of the same positions.
    """
    from scipy.stats import rankdata

    if len(explanations) < 2:
        raise InputError("Stability needs explanations by at least two classifiers.")
    first = explanations[0]
    for other in explanations[1:]:
        same = np.array_equal(first.ids, other.ids)
        if not same or not np.array_equal(first.offsets, other.offsets):
            raise InputError(
                "These explanations are of different samples, or of different parts of them."
            )
    correlations = np.full(len(first), np.nan)
    for row in range(len(first)):
        ranks = np.stack([rankdata(explanation.of(row)) for explanation in explanations])
        if (ranks.std(axis=1) > 0).all():
            pairs = np.corrcoef(ranks)[np.triu_indices(len(ranks), 1)]
            correlations[row] = pairs.mean()
    return correlations
