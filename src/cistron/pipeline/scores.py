"""What a run's scores are made of: predictions, baselines on the same samples, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cistron.base.document import Document
from cistron.classifier.predictor import Predictor
from cistron.evaluation.domains import predict_baselines
from cistron.evaluation.evaluate import Judging, evaluate
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import Run
from cistron.pipeline.ablation import ABLATION, read_ablated, score_ablated
from cistron.samples.samples import COORDINATES, Samples
from cistron.splits.components import components
from cistron.splits.search.nearest import NearestHomolog
from cistron.splits.settle import settle_fold
from cistron.splits.split import TEST, TRAIN, UNUSED, VALIDATION, Split
from cistron.targets.truth import Predictions
from cistron.training.augment.orthologs import OrthologSource

FEWEST_GROUPS = 10  # a group column with fewer values is no unit to resample


def describe_samples(samples: Samples, split: Split, folds: bool = False) -> pd.DataFrame:
    """Return samples.parquet: every record that was read, used or not."""
    own = {"length", "part", "fold", "unit", "dropped", *COORDINATES}
    clashing = {name: f"{name} (group)" for name in samples.groups if name in own}
    table = samples.table.rename(columns=clashing)
    if samples.payload.domain.lengths:
        table["length"] = samples.sequences.lengths
    table["part"] = "" if folds else split.names()
    table["fold"] = split.fold
    table["unit"] = resampling_groups(samples, split)
    table["dropped"] = ""
    unused = samples.dropped[["id", "source", "record", "reason"]].rename(
        columns={"reason": "dropped"}
    )
    unused = unused.assign(part="", fold=UNUSED, unit=UNUSED)
    types = {"fold": "int16", "unit": "int64"}
    return pd.concat([table, unused.astype(types)], ignore_index=True)


def predict_parts(
    classifier: Predictor,
    samples: Samples,
    split: Split,
    fold: int = UNUSED,
    orthologs: OrthologSource | None = None,
) -> pd.DataFrame:
    """Return predictions.parquet: what is predicted of validation and test samples.

    Where orthologs are given, logits are averaged over each sample and its own.
    """
    tables = []
    for part in (VALIDATION, TEST):
        rows = split.rows(part)
        if len(rows):
            table = classifier.predict(samples.take(rows), orthologs)
            table.insert(1, "part", split.names()[rows])
            table.insert(2, "fold", fold)
            table.insert(3, "label", samples.table["label"].to_numpy()[rows])
            if samples.second is not None:
                name = samples.second.name
                place = table.columns.tolist().index(f"predicted_{name}")
                table.insert(place, f"label_{name}", samples.table[name].to_numpy()[rows])
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def baselines_of(
    experiment: Experiment, samples: Samples, split: Split, nearest: NearestHomolog | None
) -> Mapping[str, Predictions]:
    """Return each baseline's probabilities for the test part, shape (tested, classes), or Calls.

    Of samples with a number, the number each baseline predicts, shape (tested,).
    """
    found = None if nearest is None else (nearest.row, nearest.identity)
    parts = (split.rows(TRAIN), split.rows(VALIDATION), split.rows(TEST))
    return predict_baselines(samples, parts, experiment.evaluation, experiment.encoder, found)


def baseline_table(
    samples: Samples, split: Split, baselines: Mapping[str, Predictions]
) -> pd.DataFrame:
    """Return baselines.parquet: one row for each baseline and test sample."""
    ids = samples.ids[split.rows(TEST)]
    tables = []
    for name, predictions in baselines.items():
        columns = samples.target.columns(predictions)
        tables.append(pd.DataFrame({"baseline": name, "id": ids, **columns}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"baseline": []})


def judging(experiment: Experiment) -> Judging:
    """Return how every evaluation of an experiment judges."""
    evaluation = experiment.evaluation
    return Judging(evaluation.bootstrap, experiment.training.seed, evaluation.metric)


def rows_of(samples: Samples, tested: pd.DataFrame) -> NDArray[np.int64]:
    """Return the row in the samples of every row of a table with ids, shape (tested,)."""
    return pd.Series(np.arange(len(samples)), index=samples.ids)[tested["id"]].to_numpy()


def single_numbers(scores: Document) -> Document:
    """Return the single numbers among the scores, without tables and curves."""
    numbers = {m: v for m, v in scores.items() if isinstance(v, dict) and "value" in v}
    return {"n": scores["n"], **numbers}


def score_tested(
    experiment: Experiment,
    samples: Samples,
    tested: pd.DataFrame,
    units: NDArray[np.int64],
    baselines: pd.DataFrame,
) -> Document:
    """Evaluate pooled predictions beside baselines of the same samples (see `evaluate`).

    Parameters
    ----------
    experiment : Experiment
    samples : Samples
    tested : DataFrame
        As predictions.parquet: every tested sample once.
    units : ndarray of int64, shape (samples,)
        What the bootstrap resamples.
    baselines : DataFrame
        As baselines.parquet.
    """
    rows = rows_of(samples, tested)
    return evaluate(
        samples.truth[rows],
        samples.target.from_table(tested),
        samples.target,
        groups=units[rows],
        group_columns={c: samples.table[c].to_numpy()[rows] for c in samples.groups},
        baselines={
            str(name): samples.target.from_table(table.set_index("id").loc[tested["id"]])
            for name, table in baselines.groupby("baseline", sort=False)
        },
        how=judging(experiment),
    )


def metrics_of(
    experiment: Experiment,
    samples: Samples,
    split: Split,
    predictions: pd.DataFrame,
    baselines: Mapping[str, Predictions],
    ablated: pd.DataFrame | None = None,
) -> Document:
    """Return metrics.json of a single split."""
    units, truth = resampling_groups(samples, split), samples.truth
    result: Document = {}
    for name, part in (("test", TEST), ("validation", VALIDATION)):
        rows = split.rows(part)
        table = predictions[predictions["part"] == name]
        found = evaluate(
            truth[rows],
            samples.target.from_table(table),
            samples.target,
            groups=units[rows],
            group_columns={c: samples.table[c].to_numpy()[rows] for c in samples.groups},
            baselines=baselines if part == TEST else None,
            how=judging(experiment),
        )
        if part == TEST:
            relatives = relatives_in_training(samples, split)
            found["scores"]["relatives"] = _by_relatives(experiment, samples, table, relatives)
            if "rejected" in table:
                found["scores"]["rejected"] = _without_rejected(
                    experiment, samples.take(rows), table, units[rows]
                )
            if ablated is not None:
                lost = score_ablated(
                    experiment, samples.target, table, ablated, truth[rows], units[rows]
                )
                found["scores"]["ablation"] = lost
            result |= {k: found[k] for k in ("classes", "positive", "headline")}
            result |= {"baselines": found["baselines"], "comparison": found["comparison"]}
        result[name] = found["scores"]
    return {**result, "folds": [], **samples.target.described()}


def pool(
    experiment: Experiment, samples: Samples, whole: tuple[Samples, Split], run: Run
) -> Document:
    """Join the folds' files in the run's own, and return metrics.json of the cross-validation.

    Parameters
    ----------
    experiment, samples, whole, run
        As of `score_folds`.
    """
    split = whole[1]
    folders = [run.path / "folds" / str(k) for k in range(split.folds)]
    tables = [pd.read_parquet(folder / "predictions.parquet") for folder in folders]
    tested = pd.concat([t[t["part"] == "test"] for t in tables], ignore_index=True)
    run.write_table("predictions.parquet", tested)
    run.join_histories("fold", dict(enumerate(folders)))
    dealt = split.take(pd.Index(whole[0].ids).get_indexer(pd.Index(samples.ids)))
    rows, units = rows_of(samples, tested), resampling_groups(samples, dealt)
    baselines = pd.read_parquet(run.path / "baselines.parquet")
    found = score_tested(experiment, samples, tested, units, baselines)
    units, targets, predicted = units[rows], samples.truth[rows], samples.target.from_table(tested)
    relatives = [relatives_in_training(*settle_fold(*whole, k)) for k in range(split.folds)]
    joined = {name: pd.concat([found[name] for found in relatives]) for name in relatives[0]}
    found["scores"]["relatives"] = _by_relatives(experiment, samples, tested, joined)
    if "rejected" in tested:
        found["scores"]["rejected"] = _without_rejected(
            experiment, samples.take(rows), tested, units
        )
    ablated = read_ablated([Run(folder) for folder in folders])
    if ablated is not None:
        run.write_table(ABLATION, ablated)
        found["scores"]["ablation"] = score_ablated(
            experiment, samples.target, tested, ablated, targets, units
        )
    folds = []
    for k in range(split.folds):
        inside = tested["fold"].to_numpy() == k
        one = evaluate(
            targets[inside],
            predicted[inside],
            samples.target,
            groups=units[inside],
            how=judging(experiment),
        )
        folds.append({"fold": k, **single_numbers(one["scores"])})
    result = {k: found[k] for k in ("classes", "positive", "headline", "baselines", "comparison")}
    result |= {"test": found["scores"], "validation": None, "folds": folds}
    return {**result, **samples.target.described()}


def score_folds(
    experiment: Experiment,
    samples: Samples,
    whole: tuple[Samples, Split],
    run: Run,
    nearest: NearestHomolog | None,
) -> None:
    """Write the baselines of every fold, fitted on the training part of that fold.

    The nearest homolog comes from the other folds: those that train and the one that validates.

    Parameters
    ----------
    experiment : Experiment
    samples : Samples
        With the labels by which they are tested; the rows of `nearest` are theirs.
    whole : Samples and Split
        As they were read and split, before labels were fitted.
    run : Run
    nearest : NearestHomolog or None
    """
    tables = []
    for fold in range(whole[1].folds):
        fitted, part = settle_fold(*whole, fold)
        inside = None
        if nearest is not None:
            # A homolog in the middle of this fold's thresholds has no label that could be copied.
            row_of = pd.Index(fitted.ids).get_indexer(pd.Index(samples.ids))
            tested = row_of[nearest.tested]
            order = np.argsort(tested)
            order = order[np.isin(tested[order], part.rows(TEST))]
            row = nearest.row[order]
            inside = replace(
                nearest,
                row=np.where(row >= 0, row_of[row], UNUSED),
                identity=nearest.identity[order],
            )
        baselines = baselines_of(experiment, fitted, part, inside)
        tables.append(baseline_table(fitted, part, baselines))
    run.write_table("baselines.parquet", pd.concat(tables, ignore_index=True))


def relatives_in_training(samples: Samples, split: Split) -> dict[str, pd.Series]:
    """Return, by group column, which tested samples share their group with a training sample.

    Returns
    -------
    dict
        Group column → Series of bool, indexed by the ids of the test part. Columns with few values
        (a species) are no relationship and are left out.
    """
    train, test = split.rows(TRAIN), split.rows(TEST)
    return {
        column: pd.Series(
            np.isin(group[test], group[train]) if len(np.unique(group)) >= FEWEST_GROUPS else False,
            index=samples.ids[test],
            dtype=bool,
        )
        for column in samples.groups
        for group in [samples.group([column])]
    }


def _without_rejected(
    experiment: Experiment, samples: Samples, tested: pd.DataFrame, units: NDArray[np.int64]
) -> Document:
    """Return how many tested cells are rejected, and the scores of those that are not."""
    kept = ~tested["rejected"].to_numpy(dtype=bool)
    found: Document = {"n": int((~kept).sum()), "share": float((~kept).mean()), "kept": None}
    if kept.sum() > 1:
        scores = evaluate(
            samples.truth[kept],
            samples.target.from_table(tested[kept]),
            samples.target,
            groups=units[kept],
            how=judging(experiment),
        )["scores"]
        numbers = {m: v for m, v in scores.items() if isinstance(v, dict) and "value" in v}
        found["kept"] = {"n": scores["n"], **numbers}
    return found


def _by_relatives(
    experiment: Experiment,
    samples: Samples,
    tested: pd.DataFrame,
    relatives: dict[str, pd.Series],
) -> dict[str, Document]:
    """Return the scores of samples with and without relatives in training, by group column.

    Columns by which all samples are alike, or one side has a single class, are left out.
    """
    place = rows_of(samples, tested)
    targets, strata = samples.truth[place], samples.strata[place]
    predicted = samples.target.from_table(tested)
    found: dict[str, Document] = {}
    for column, related in relatives.items():
        inside = related[tested["id"]].to_numpy()
        sides = {"with": inside, "without": ~inside}
        if any(len(np.unique(strata[rows])) < 2 for rows in sides.values()):
            continue
        found[column] = {}
        for name, rows in sides.items():
            one = evaluate(targets[rows], predicted[rows], samples.target, how=judging(experiment))
            found[column][name] = single_numbers(one["scores"])
    return found


def resampling_groups(samples: Samples, split: Split) -> NDArray[np.int64]:
    """Return what the bootstrap resamples: the split's units, joined by group columns, shape (n,).

    A column with fewer than ten values (a species, a part) is left out: it is no unit. So is one
    that would join nearly all of them (families that span the chromosomes).
    """
    units = components([split.units], len(samples))
    for column in samples.groups:
        if samples.table[column].nunique() < FEWEST_GROUPS:
            continue
        joined = components([units, samples.group([column])], len(samples))
        if len(np.unique(joined)) >= min(FEWEST_GROUPS, len(np.unique(units))):
            units = joined
    return units
