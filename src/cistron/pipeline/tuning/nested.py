"""The honest score of a search: made anew in every outer fold, and scored on the fold itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.base.progress import Reporter
from cistron.experiment.run_folder import METRICS, Run
from cistron.pipeline.one import fit_fold
from cistron.pipeline.scores import pool, score_folds
from cistron.pipeline.tuning.best import search_best
from cistron.pipeline.tuning.search import How, Search
from cistron.pipeline.tuning.trial import visible
from cistron.samples.samples import Samples
from cistron.splits.settle import settle_folds
from cistron.targets.kinds import sign_of


def nest(
    search: Search, samples: Samples, how: How, folds: int, folder: Path, reporter: Reporter
) -> Document:
    """Search in every outer fold, fit what it finds, and pool the scores of the folds.

    Optimism is what the search believes of its best trial, less what that scores on the fold which
    the search did not see.

    Parameters
    ----------
    search : Search
    samples : Samples
    how : How
    folds : int
    folder : Path
        Each fold has its folder there, with its study and its classifier; folds that are finished
        are not made again.
    reporter : Reporter

    Raises
    ------
    InputError
        If the kind of split has no folds that could be chosen.
    """
    if "folds" not in type(search.start.split).model_fields:
        raise InputError(
            f"--nested: the split {search.start.split.kind!r} has no number of folds. Use random, "
            "group or homology."
        )
    splitting = search.start.split.model_copy(update={"folds": folds})
    whole = samples, splitting.split(samples, reporter.say)
    outer, believed = Run(folder), []
    for fold in range(folds):
        place = folder / "folds" / str(fold)
        place.mkdir(parents=True, exist_ok=True)
        held_out = whole[1].for_fold(fold, samples.strata)
        seen = visible(search.start, samples, held_out, how.inner_folds, reporter.say)
        best, findings = search_best(search, seen, how, place, reporter)
        Run(place).write_text("experiment.yaml", best.to_yaml())
        believed.append(findings["best"])
        if not (place / "predictions.parquet").is_file():
            fit_fold(best, *whole, fold, place, reporter)
        reporter.say(f"Outer fold {fold} is finished.")
    tested, _ = settle_folds(*whole)
    score_folds(search.start, tested, whole, outer, None)
    metrics = pool(search.start, tested, whole, outer)
    outer.write_json(METRICS, metrics)
    return _summary(metrics, believed, how.metric or search.start.evaluation.metric)


def _summary(metrics: Document, believed: list[Document], metric: str) -> Document:
    sign = sign_of(metric)
    each = []
    for fold, best in zip(metrics["folds"], believed, strict=True):
        tested = fold[metric]["value"] if metric in fold else None
        gap = None if tested is None else sign * (best["value"] - tested)
        each.append(
            {"fold": fold["fold"], "inner": best["value"], "outer": tested, "optimism": gap}
        )
    gaps = [fold["optimism"] for fold in each if fold["optimism"] is not None]
    return {
        "folds": each,
        "optimism": float(np.mean(gaps)) if gaps else None,
        "score": metrics["test"].get(metric),
        "values": [best["values"] for best in believed],
    }
