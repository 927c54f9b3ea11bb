"""The features that a classical model rests on, written when the run is made.

`importance.json` has, of the features with the largest contributions to held-out samples, what the
headline metric loses when a feature's values change places among these samples (permutation
importance: Breiman 2001, doi:10.1023/A:1010933404324).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.base.domains import CELLS
from cistron.classifier.classifier import Classifier
from cistron.evaluation.intervals import PERCENTILES
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import Run
from cistron.explain.linear import coefficients, is_linear, linear_contributions
from cistron.explain.perturbed import encoded_inputs
from cistron.explain.target import choose_target
from cistron.explain.tree_shap import has_trees, tree_contributions
from cistron.samples.samples import Samples
from cistron.splits.split import TEST, Split

IMPORTANCE = "importance.json"
LISTED = 20  # features
REPEATS = 10  # permutations of each
MOST = 1000  # held-out samples that are permuted and predicted again
UNRANKED = 50  # features, above which those without contributions cannot all be permuted

Floats = NDArray[np.float64]


def write_features(
    run: Run, experiment: Experiment, classifier: Classifier, samples: Samples, split: Split
) -> None:
    """Write importance.json; nothing for networks, cells (see genes.json) and embeddings.

    Parameters
    ----------
    run : Run
    experiment : Experiment
    classifier : Classifier
    samples : Samples
    split : Split
        Its test part is looked at.
    """
    encoder: Any = classifier.encoder_
    names, network = encoder.names, classifier.model_settings_.family == "network"
    embedded = encoder.settings.kind == "protein_lm"  # whose features mean nothing one by one
    if network or embedded or samples.payload.domain is CELLS or not names:
        return
    seed, rows = experiment.training.seed, split.rows(TEST)
    rng = np.random.default_rng(seed)
    if len(rows) > MOST:
        rows = np.sort(rng.choice(rows, MOST, replace=False))
    tested = samples.take(rows)
    method, size, signed = contributions_of(classifier, tested)
    document: Document = {
        "metric": experiment.evaluation.metric,
        "samples": len(tested),
        "repeats": REPEATS,
        "features": len(names),
        "contributions": method,
        "class": _class(classifier) if signed is not None else None,
        "listed": [],
    }
    if size is None and len(names) > UNRANKED:
        run.write_json(IMPORTANCE, document)
        return
    first = np.arange(len(names)) if size is None else np.argsort(-size, kind="stable")[:LISTED]
    lost = permuted(classifier, tested, first, document["metric"], rng)
    for place in np.argsort(-lost.mean(axis=1), kind="stable")[:LISTED]:
        feature = first[place]
        low, high = np.percentile(lost[place], PERCENTILES)
        value = float(lost[place].mean())
        document["listed"].append(
            {
                "feature": str(names[feature]),
                "lost": {"value": value, "low": float(low), "high": float(high)},
                "mean_size": None if size is None else float(size[feature]),
                "coefficient": None if signed is None else float(signed[feature]),
            }
        )
    run.write_json(IMPORTANCE, document)


def contributions_of(
    classifier: Classifier, samples: Samples
) -> tuple[str | None, Floats | None, Floats | None]:
    """Return how features contribute, the mean size of each, and its coefficient.

    Returns
    -------
    method : {"coefficients", "tree_shap"} or None
        None where the model is neither linear nor made of trees.
    mean_size : ndarray, shape (features,), or None
        Mean absolute contribution over the samples, to the first target of `cistron explain`.
    coefficient : ndarray, shape (features,), or None
        Of a linear model of two classes or a number: change of the log-odds of the second class, or
        of the number, by one standard deviation over the training samples.
    """
    X: Any = classifier.encoder_.encode(samples)
    target = choose_target(classifier.head, classifier.logits(samples), None)
    if has_trees(classifier):
        found, _, _ = tree_contributions(classifier, X, target)
        return "tree_shap", np.abs(found).mean(axis=0), None
    if not is_linear(classifier):
        return None, None, None
    size = np.abs(linear_contributions(classifier, X, target)[0]).mean(axis=0, dtype=np.float64)
    if isinstance(classifier.model_, list) or classifier.head.outputs > 2:
        return "coefficients", size, None
    slopes = coefficients(classifier)[0][-1] * classifier.model_.steps[0][1].scale_
    unit = classifier.head.unit
    return "coefficients", size, slopes * unit


def permuted(
    classifier: Classifier,
    samples: Samples,
    features: NDArray[np.int64],
    metric: str,
    rng: np.random.Generator,
) -> Floats:
    """Return what a metric loses by each permutation of each feature, (features, repeats).

    Above zero, the classifier is better with the feature.
    """
    X: Any = classifier.encoder_.encode(samples)
    model, head = encoded_inputs(classifier, X), classifier.head
    truth = samples.truth

    def score(values: NDArray[np.float32]) -> float:
        predictions = head.predictions(model.score(values))
        return float(np.squeeze(head.scores(truth, predictions)[metric]))

    whole, sign = score(X), head.metric(metric).sign
    lost = np.empty((len(features), REPEATS))
    changed = X.copy()
    for row, feature in enumerate(features):
        for repeat in range(REPEATS):
            changed[:, feature] = rng.permutation(X[:, feature])
            lost[row, repeat] = sign * (whole - score(changed))
        changed[:, feature] = X[:, feature]
    return lost


def _class(classifier: Classifier) -> str:
    return str(classifier.classes_[-1]) if len(classifier.classes_) else ""
