"""One trial: a classifier trained with the values that were drawn, scored without test samples."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.experiment.experiment import Experiment
from cistron.pipeline.one import untrained
from cistron.samples.samples import Samples
from cistron.splits.settle import settle, settle_fold
from cistron.splits.split import TEST, TRAIN, VALIDATION, Progress, Split, silent
from cistron.targets.kinds import sign_of
from cistron.training.augment.augment import find_orthologs
from cistron.training.checkpoint import History

Watch = Callable[[int, float], None]
"""Is given a step and how good the trial is by then; it may raise to end the trial."""


@dataclass(frozen=True, eq=False)
class Visible:
    """What a search may see: samples of which none is a test sample.

    Parameters
    ----------
    samples : Samples
        Those that train and those that validate.
    split : Split
        Of these: its parts where trials are scored on the validation part, its folds where they
        are cross-validated.
    inner_folds : int
        0 for the validation part.
    """

    samples: Samples
    split: Split
    inner_folds: int = 0

    def checksum(self) -> str:
        """Tell these samples and parts from others: only searches over the same share a study."""
        ids = "\n".join(map(str, self.samples.ids))
        files = "\n".join(sorted(self.samples.sources.values()))
        parts = self.split.part.tobytes() + self.split.fold.tobytes()
        return hashlib.sha256(f"{ids}\n\n{files}".encode() + parts).hexdigest()


def visible(
    experiment: Experiment,
    samples: Samples,
    split: Split,
    inner_folds: int = 0,
    progress: Progress = silent,
) -> Visible:
    """Take the test samples away, and with `inner_folds` split what is left again.

    Parameters
    ----------
    experiment : Experiment
        Whose kind of split the inner folds are made by.
    samples, split
        All samples and the parts of `fit`, or of an outer fold.
    inner_folds : int
    progress : callable, optional

    Raises
    ------
    InputError
        If the kind of split has no folds that could be chosen.
    """
    kept = np.flatnonzero(np.isin(split.part, [TRAIN, VALIDATION]))
    left, parts = samples.take(kept), split.take(kept)
    if inner_folds == 0:
        if not len(parts.rows(VALIDATION)):
            raise InputError("split.validation: nothing validates, so trials cannot be compared.")
        return Visible(left, parts)
    if "folds" not in type(experiment.split).model_fields:
        raise InputError(
            f"--inner-folds: the split {experiment.split.kind!r} has no number of folds. Leave the "
            "option out: trials are then compared on the validation part."
        )
    inner = experiment.split.model_copy(update={"folds": inner_folds})
    return Visible(left, inner.split(left, progress), inner_folds)


def score(experiment: Experiment, seen: Visible, metric: str, watch: Watch) -> float:
    """Train what the experiment says and return how good it is; higher is better.

    On the validation part after the last epoch that was kept, or the mean over inner folds. A
    metric of which less is better is returned with its sign changed.
    """
    sign = sign_of(metric)
    if seen.inner_folds == 0:
        samples, split = settle(seen.samples, seen.split)
        classifier = _trained(experiment, samples, split, metric, watch)
        return sign * measure(classifier, samples.take(split.rows(VALIDATION)), metric)
    scores = []
    for fold in range(seen.split.folds):
        samples, split = settle_fold(seen.samples, seen.split, fold)
        classifier = _trained(experiment, samples, split, metric, lambda step, value: None)  # noqa: ARG005
        scores.append(sign * measure(classifier, samples.take(split.rows(TEST)), metric))
        watch(fold, float(np.mean(scores)))
    return float(np.mean(scores))


def measure(classifier: Classifier, samples: Samples, metric: str) -> float:
    """Return one metric of a classifier on labelled samples.

    Raises
    ------
    InputError
        If the metric is not defined for them.
    """
    head = classifier.head
    scores = head.scores(samples.truth, head.predictions(classifier.logits(samples)))
    if metric not in scores:
        raise InputError(f"--metric: there is no {metric!r} here. Use one of: {', '.join(scores)}.")
    value = float(scores[metric])
    if not np.isfinite(value):
        raise InputError(f"--metric: {metric} is not defined on the samples that compare trials.")
    return value


def _trained(
    experiment: Experiment, samples: Samples, split: Split, metric: str, watch: Watch
) -> Classifier:
    """Train; a network's validation curve is watched by the metric, or by the loss."""

    def after_epoch(history: History) -> None:
        last = history[-1]
        value = last.get(f"validation_{metric}", -last["validation_loss"])
        watch(len(history), float(value))

    orthologs = find_orthologs(experiment.augment, samples, experiment.samples)
    classifier = untrained(experiment)
    return classifier.fit(samples, split, after_epoch=after_epoch, orthologs=orthologs)
