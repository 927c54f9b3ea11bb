"""The scores of a single fit, its second target included."""

from __future__ import annotations

from collections.abc import Mapping

from cistron.base.document import Document
from cistron.classifier.predictor import Predictor
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import Run
from cistron.pipeline.ablation import read_ablated
from cistron.pipeline.scores import metrics_of
from cistron.pipeline.second_scores import score_second
from cistron.samples.samples import Samples
from cistron.splits.search.nearest import NearestHomolog
from cistron.splits.split import Split
from cistron.targets.truth import Predictions


def score_fit(
    run: Run,
    experiment: Experiment,
    parts: tuple[Samples, Split],
    classifier: Predictor,
    baselines: Mapping[str, Predictions],
    nearest: NearestHomolog | None,
) -> Document:
    """Return metrics.json of a run whose predictions are written.

    Parameters
    ----------
    run : Run
        With predictions.parquet and, of windows of a genome, ablation.parquet.
    experiment : Experiment
    parts : Samples and Split
    classifier : Predictor
    baselines : dict
        See `baselines_of`.
    nearest : NearestHomolog or None
    """
    samples, split = parts
    predictions, ablated = run.predictions, read_ablated([run])
    metrics = metrics_of(experiment, samples, split, predictions, baselines, ablated)
    if classifier.head.named_thresholds:
        metrics["thresholds"] = classifier.head.named_thresholds
    if samples.second is not None:
        metrics["second"] = score_second(run, experiment, samples, split, predictions, nearest)
    return metrics
