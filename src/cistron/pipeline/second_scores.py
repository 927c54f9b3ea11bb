"""How well the second target is told: scored as the first is, on the samples that know it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cistron.base.document import Document
from cistron.classifier.second import predicted_alone, relabelled, where_known
from cistron.evaluation.evaluate import evaluate
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import Run
from cistron.pipeline.scores import (
    baseline_table,
    baselines_of,
    judging,
    metrics_of,
    resampling_groups,
)
from cistron.samples.samples import Samples, Second
from cistron.splits.search.nearest import NearestHomolog
from cistron.splits.settle import settle_fold
from cistron.splits.split import TEST, Split

BASELINES = "baselines_second.parquet"
_TOLD = ("classes", "positive", "headline", "test", "validation", "baselines", "comparison")


def score_second(
    run: Run,
    experiment: Experiment,
    samples: Samples,
    split: Split,
    predictions: pd.DataFrame,
    nearest: NearestHomolog | None,
) -> Document:
    """Score the second target of a single split, and baselines on the same samples.

    Parameters
    ----------
    run : Run
        Is given the baselines' probabilities.
    experiment, samples, split, predictions
        As of `cistron.pipeline.scores.metrics_of`.
    nearest : NearestHomolog or None
        Of all tested samples.

    Returns
    -------
    dict
        What metrics.json holds under `second`: the keys of a run, the `name` of the target, and of
        how many tested samples it is `unknown`.
    """
    second, own, known = _second(samples), relabelled(samples), where_known(samples, split)
    baselines = baselines_of(experiment, own, known, _of_tested(nearest, known))
    run.write_table(BASELINES, baseline_table(own, known, baselines))
    alone = predicted_alone(predictions, second)
    found = metrics_of(experiment, own, known, alone, baselines)
    return _told(second, found, len(split.rows(TEST)))


def score_second_folds(
    experiment: Experiment,
    samples: Samples,
    whole: tuple[Samples, Split],
    run: Run,
    nearest: NearestHomolog | None,
) -> None:
    """Write the baselines of the second target in every fold (see `scores.score_folds`)."""
    own, tables = relabelled(samples), []
    for fold in range(whole[1].folds):
        known = where_known(*settle_fold(*whole, fold))
        found = baselines_of(experiment, own, known, _of_tested(nearest, known))
        tables.append(baseline_table(own, known, found))
    run.write_table(BASELINES, pd.concat(tables, ignore_index=True))


def pool_second(experiment: Experiment, samples: Samples, split: Split, run: Run) -> Document:
    """Score the second target of a cross-validation, its folds together.

    Parameters
    ----------
    experiment, samples, split
        As they were cross-validated.
    run : Run
        With the predictions of all folds and the baselines.
    """
    second, own, predictions = _second(samples), relabelled(samples), run.predictions
    tested = predicted_alone(predictions, second)
    rows = pd.Index(own.ids).get_indexer(pd.Index(tested["id"]))
    columns = [f"p_{label}" for label in own.classes]
    baselines = {
        str(name): table.set_index("id").loc[tested["id"], columns].to_numpy()
        for name, table in pd.read_parquet(run.path / BASELINES).groupby("baseline", sort=False)
    }
    found = evaluate(
        own.targets[rows],
        tested[columns].to_numpy(),
        own.target,
        groups=resampling_groups(own, split)[rows],
        group_columns={c: own.table[c].to_numpy()[rows] for c in own.groups},
        baselines=baselines,
        how=judging(experiment),
    )
    pooled = {**found, "test": found["scores"], "validation": None}
    return _told(second, pooled, len(predictions))


def _second(samples: Samples) -> Second:
    if samples.second is None:
        raise ValueError("these samples have no second target")
    return samples.second


def _told(second: Second, found: Document, tested: int) -> Document:
    unknown = tested - found["test"]["n"]
    return {"name": second.name, "unknown": unknown, **{key: found[key] for key in _TOLD}}


def _of_tested(nearest: NearestHomolog | None, split: Split) -> NearestHomolog | None:
    """Return the nearest homologs of the samples that a split tests, in the order of its rows."""
    if nearest is None:
        return None
    order = np.argsort(nearest.tested)
    order = order[np.isin(nearest.tested[order], split.rows(TEST))]
    return replace(nearest, row=nearest.row[order], identity=nearest.identity[order])
