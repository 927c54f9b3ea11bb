"""Training repeated over seeds: each repeat is a run of its own inside the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cistron.base.document import Document
from cistron.base.errors import InputError
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import EXPERIMENT, METRICS, Run
from cistron.pipeline.ablation import ABLATION, score_ablated
from cistron.pipeline.scores import (
    describe_samples,
    pool,
    resampling_groups,
    rows_of,
    score_tested,
    single_numbers,
)
from cistron.samples.samples import Samples
from cistron.splits.audit.check import AUDIT_VERDICTS
from cistron.splits.only_test import require_scored_folds
from cistron.splits.settle import settle_folds
from cistron.splits.split import Progress, Split


@dataclass(frozen=True, eq=False)
class Repeat:
    """One cross-validation, or fit, of several.

    Parameters
    ----------
    experiment : Experiment
        With the seeds of this repeat.
    samples : Samples
        With the labels by which they are tested.
    split : Split
        Of these samples.
    whole : Samples and Split
        As they were read and split, before labels were fitted.
    run : Run
        Where it stands: the run itself where it is the only repeat.
    """

    experiment: Experiment
    samples: Samples
    split: Split
    whole: tuple[Samples, Split]
    run: Run

    @property
    def seed(self) -> int:
        """Seed of its training."""
        return self.experiment.training.seed


def require_poolable(experiment: Experiment) -> None:
    """Refuse to repeat a cross-validation whose predictions cannot be averaged over repeats.

    Raises
    ------
    InputError
    """
    if experiment.evaluation.repeats == 1:
        return
    samples = experiment.samples
    second = getattr(samples, "second", None)
    why = samples.asks.not_averaged
    if not why and second is not None:
        why = (
            f"a second target (samples.second: {second.name}) is not averaged over repeats of a "
            "cross-validation"
        )
    if why:
        raise InputError(f"evaluation.repeats: {why}. Run one crossval for each seed (--seed).")


def plan(experiment: Experiment, samples: Samples, run: Run, progress: Progress) -> list[Repeat]:
    """Split the samples for every repeat: the seeds of split and training count up.

    A single repeat is the run itself; of several, each has its folder `repeats/<seed>`.

    Raises
    ------
    InputError
        If the repeats test different samples.
    """
    repeats = experiment.evaluation.repeats
    if repeats == 1:
        return [_planned(experiment, samples, run, progress)]
    planned = []
    for number in range(repeats):
        own = with_seeds(experiment, number)
        folder = Run(run.path / "repeats" / str(own.training.seed))
        planned.append(_planned(own, samples, folder, progress))
    tested = [frozenset(one.samples.ids) for one in planned]
    if len(set(tested)) > 1:
        raise InputError(
            "evaluation.repeats: every fold fits the thresholds of its labels, so that the repeats "
            "test different samples and cannot be pooled. Run one crossval for each seed (--seed), "
            "or give the labels as a column."
        )
    return planned


def _planned(experiment: Experiment, samples: Samples, run: Run, progress: Progress) -> Repeat:
    split = experiment.split.split(samples, progress)
    require_scored_folds(split)
    return Repeat(experiment, *settle_folds(samples, split), (samples, split), run)


def with_seeds(
    experiment: Experiment, number: int, which: Sequence[str] = ("split", "training")
) -> Experiment:
    """Return the experiment of one repeat, which is no repeated one; seeds of sections count up."""
    sections: Document = {
        name: section.model_copy(update={"seed": section.seed + number})
        for name in which
        if hasattr(section := getattr(experiment, name), "seed")
    }
    evaluation = experiment.evaluation.model_copy(update={"repeats": 1})
    return experiment.model_copy(update={**sections, "evaluation": evaluation})


def start_repeats(repeats: Sequence[Repeat]) -> None:
    """Make the folders of several repeats, each with the files that any run has."""
    for repeat in repeats:
        repeat.run.path.mkdir(parents=True, exist_ok=True)
        repeat.run.write_text(EXPERIMENT, repeat.experiment.to_yaml())
        samples = repeat.samples
        known = {"seed": repeat.seed, "sources": samples.sources, "notes": list(samples.notes)}
        repeat.run.write_json("environment.json", known)


def worst(audits: Sequence[Document], seeds: Sequence[int]) -> Document:
    """Return the audit of the repeat that is worst off, with the verdict of each."""
    ranked = max(audits, key=lambda found: AUDIT_VERDICTS.index(found["verdict"]))
    each = zip(seeds, audits, strict=True)
    return {**ranked, "repeats": {str(seed): found["verdict"] for seed, found in each}}


def pool_repeats(experiment: Experiment, repeats: Sequence[Repeat], run: Run) -> Document:
    """Pool every repeat, then all of them; return metrics.json.

    `test` scores the probabilities of each sample averaged over the repeats; `repeats` holds the
    scores of each repeat, and `spread` their mean and standard deviation.
    """
    samples = repeats[0].samples
    pooled = [pool(one.experiment, one.samples, one.whole, one.run) for one in repeats]
    for one, metrics in zip(repeats, pooled, strict=True):
        one.run.write_json(METRICS, metrics)
    predictions = _averaged([one.run.predictions for one in repeats], ["id"])
    columns = [f"p_{name}" for name in samples.classes]
    classes = np.array(samples.classes, dtype=object)
    predictions["predicted"] = classes[predictions[columns].to_numpy().argmax(axis=1)]
    run.write_table("predictions.parquet", predictions)
    tables = [pd.read_parquet(one.run.path / "baselines.parquet") for one in repeats]
    baselines = _averaged(tables, ["baseline", "id"]) if len(tables[0]) else tables[0]
    run.write_table("baselines.parquet", baselines)
    run.write_table("samples.parquet", describe_samples(samples, repeats[0].split, folds=True))
    run.join_histories("repeat", {one.seed: one.run.path for one in repeats})
    units = resampling_groups(samples, repeats[0].split)
    found = score_tested(experiment, samples, predictions, units, baselines)
    if all((one.run.path / ABLATION).is_file() for one in repeats):
        hidden = [pd.read_parquet(one.run.path / ABLATION) for one in repeats]
        ablated = _averaged(hidden, ["region", "id"])
        run.write_table(ABLATION, ablated)
        rows = rows_of(samples, predictions)
        found["scores"]["ablation"] = score_ablated(
            experiment, samples.target, predictions, ablated, samples.targets[rows], units[rows]
        )
    kept = ("classes", "positive", "headline", "baselines", "comparison")
    each = [
        {"seed": r.seed, **single_numbers(m["test"])} for r, m in zip(repeats, pooled, strict=True)
    ]
    return {
        **{key: found[key] for key in kept},
        "test": found["scores"],
        "validation": None,
        "folds": [
            {"repeat": one.seed, **fold}
            for one, metrics in zip(repeats, pooled, strict=True)
            for fold in metrics["folds"]
        ],
        "repeats": each,
        "spread": spread_of(each),
    }


def _averaged(tables: Sequence[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    """Return the first table with its probabilities averaged over all of them, row by row."""
    first = tables[0].reset_index(drop=True)
    columns = [name for name in first if str(name).startswith("p_")]
    same = [first[keys].merge(table, on=keys, how="left", validate="1:1") for table in tables]
    means = np.mean([table[columns].to_numpy(dtype=np.float64) for table in same], axis=0)
    return first.assign(**dict(zip(map(str, columns), means.T, strict=True)))


def spread_of(each: Sequence[Document]) -> dict[str, dict[str, float | None]]:
    """Return the mean and the standard deviation of every metric over the repeats."""
    found: dict[str, dict[str, float | None]] = {}
    for metric in each[0]:
        if metric in ("seed", "n"):
            continue
        values = [scores[metric]["value"] for scores in each]
        known = np.array([value for value in values if value is not None])
        mean = float(known.mean()) if len(known) else None
        deviation = float(known.std(ddof=1)) if len(known) > 1 else None
        found[metric] = {"mean": mean, "sd": deviation}
    return found
