"""What a trained classifier loses when it is not shown a region of its windows.

Nothing is trained again: the region's bases become N at prediction. That tells what this
classifier reads, not what the region could have told on its own; for that, train with
`samples.ablate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.classifier.predictor import Predictor
from cistron.evaluation.intervals import MODEL, Interval, bootstrap
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import Run
from cistron.samples.genome.genome import GenomeSamples
from cistron.samples.samples import Samples
from cistron.splits.split import TEST, Split
from cistron.targets.target import Target

ABLATION = "ablation.parquet"
Columns = Mapping[str, tuple[int, int]]
"""Region → its first column in the window and the one behind its last."""


def regions_of(experiment: Experiment) -> Columns:
    """Return the regions that a window shows; none where samples are no windows of a genome.

    What is hidden already (`mask`, `ablate`) is left out, and so is a region that is alone. None
    too where numbers are predicted, or logits averaged over orthologs, whose regions are not known.
    """
    if (
        not isinstance(experiment.samples, GenomeSamples)
        or experiment.samples.asks.task != "classes"
    ):
        return {}
    if any(getattr(kind, "average_orthologs", False) for kind in experiment.augment):
        return {}
    windows = experiment.samples.windows()
    shown = {n: span for n, span in windows.columns.items() if n not in windows.hidden}
    return shown if len(shown) > 1 else {}


def hide(samples: Samples, begin: int, end: int) -> Samples:
    """Return windows of one length with N from column `begin` to before `end`."""
    payload = samples.sequences
    windows = np.array(payload.values).reshape(len(samples), -1)
    windows[:, begin:end] = payload.alphabet.unknown
    return replace(samples, payload=replace(payload, values=windows.reshape(-1)))


def predict_ablated(classifier: Predictor, samples: Samples, regions: Columns) -> pd.DataFrame:
    """Return ablation.parquet: the probabilities of every sample with each region hidden.

    Parameters
    ----------
    classifier : Predictor
    samples : Samples
        The tested ones.
    regions : mapping
        See `regions_of`.
    """
    tables = []
    for name, (begin, end) in regions.items():
        probabilities = classifier.predict_proba(hide(samples, begin, end))
        shares = classifier.head.probability_columns(probabilities)
        tables.append(pd.DataFrame({"region": name, "id": samples.ids, **shares}))
    return pd.concat(tables, ignore_index=True)


def write_ablated(
    run: Run, experiment: Experiment, classifier: Predictor, samples: Samples, split: Split
) -> pd.DataFrame | None:
    """Write ablation.parquet of the test part; None where there are no regions to hide."""
    regions = regions_of(experiment)
    if not regions:
        return None
    table = predict_ablated(classifier, samples.take(split.rows(TEST)), regions)
    run.write_table(ABLATION, table)
    return table


def read_ablated(runs: Sequence[Run]) -> pd.DataFrame | None:
    """Return the tables of folds as one; None where one of them has none."""
    paths = [run.path / ABLATION for run in runs]
    if not all(path.is_file() for path in paths):
        return None
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def score_ablated(
    experiment: Experiment,
    target: Target,
    predictions: pd.DataFrame,
    ablated: pd.DataFrame,
    targets: NDArray[np.int64],
    units: NDArray[np.int64],
) -> list[Document]:
    """Score the classifier without each region, on the same resamples as with all of them.

    Parameters
    ----------
    experiment : Experiment
    target : Target
    predictions : DataFrame
        Of the tested samples, with all regions.
    ablated : DataFrame
        See `predict_ablated`.
    targets, units : ndarray of int64, shape (len(predictions),)
        The class of each of them, and what the bootstrap draws together.

    Returns
    -------
    list of dict
        One a region, in the order of the window: `region`, `columns`, every metric without the
        region, and under `differences` what is lost (with it minus without it), each with its
        interval.
    """
    columns = [name for name in predictions if str(name).startswith("p_")]
    without = {
        str(name): table.set_index("id").loc[predictions["id"], columns].to_numpy()
        for name, table in ablated.groupby("region", sort=False)
    }
    numbered = {str(number): name for number, name in enumerate(without)}
    found = bootstrap(
        targets,
        predictions[columns].to_numpy(),
        units,
        experiment.evaluation.bootstrap,
        experiment.training.seed,
        {number: without[name] for number, name in numbered.items()},
        target,
    )
    metrics, places = found.observed[MODEL], regions_of(experiment)
    compared = [metric.name for metric in target.metrics if metric.compared]
    return [
        {
            "region": name,
            "columns": list(places[name]),
            **{metric: _document(found.interval(metric, number)) for metric in metrics},
            "differences": {
                metric: _document(found.paired_difference(metric, number)) for metric in compared
            },
        }
        for number, name in numbered.items()
    ]


def _document(interval: Interval) -> dict[str, float | None]:
    numbers = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {name: float(x) if np.isfinite(x) else None for name, x in numbers.items()}
