"""A fit repeated over seeds: one split, a training for each seed, and all of them as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cistron.base.document import Document
from cistron.base.jobs.job import Job
from cistron.base.jobs.jobs import finish_jobs
from cistron.base.progress import SILENT, Logged, Reporter
from cistron.classifier.ensemble import join
from cistron.classifier.files import DESCRIPTION
from cistron.classifier.load import load
from cistron.classifier.predictor import Predictor
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import EXPERIMENT, METRICS, Run
from cistron.pipeline.fit_scores import score_fit
from cistron.pipeline.leading_genes import write_genes
from cistron.pipeline.one import fit_part
from cistron.pipeline.repeats import Repeat, spread_of, start_repeats, with_seeds
from cistron.pipeline.scores import baseline_table, describe_samples, single_numbers
from cistron.samples.samples import Samples
from cistron.splits.search.nearest import NearestHomolog
from cistron.splits.split import TEST, TRAIN, VALIDATION, Split
from cistron.targets.truth import Predictions
from cistron.training.augment.augment import averages_orthologs
from cistron.training.augment.orthologs import OrthologSource

if TYPE_CHECKING:
    from cistron.base.jobs.cluster import Cluster


def plan_seeds(
    experiment: Experiment, samples: Samples, split: Split, run: Run, audit: Document
) -> list[Repeat]:
    """Make a run for every seed, `repeats/<seed>`: the split stays, and training's seed counts up.

    Parameters
    ----------
    experiment : Experiment
        Its `evaluation.repeats` says how many.
    samples, split
        Of all of them.
    run : Run
        The one that they are in.
    audit : dict
        Of the split: audit.json of each run.
    """
    planned = []
    for number in range(experiment.evaluation.repeats):
        own = with_seeds(experiment, number, ("training",))
        folder = Run(run.path / "repeats" / str(own.training.seed))
        planned.append(Repeat(own, samples, split, (samples, split), folder))
    start_repeats(planned)
    described = describe_samples(samples, split)
    for one in planned:
        one.run.write_table("samples.parquet", described)
        one.run.write_json("audit.json", audit)
    return planned


def train_seeds(
    seeds: Sequence[Repeat],
    run: Run,
    workers: int | None,
    reporter: Reporter,
    orthologs: OrthologSource | None = None,
    cluster: Cluster | None = None,
) -> Predictor:
    """Train a classifier for every seed that is not finished yet; return their ensemble.

    The ensemble is calibrated on the validation part, which all of them share.

    Parameters
    ----------
    seeds : sequence of Repeat
        See `plan_seeds`.
    run : Run
        Its `model` becomes the ensemble.
    workers : int, optional
        Trainings at the same time, each in a process of its own.
    reporter : Reporter
    orthologs : Orthologs or SamplesOfOneGene, optional
        Of all samples; None where none are asked for.
    cluster : Cluster, optional
        Where they are trained, if not on this machine.

    Raises
    ------
    InputError
        If trainings failed through the user's input; the others are finished then.
    """
    waiting = [one for one in seeds if not (one.run.path / "predictions.parquet").is_file()]
    if len(waiting) < len(seeds):
        reporter.say(f"{len(seeds) - len(waiting)} of {len(seeds)} seeds are finished already.")
    samples, split = seeds[0].whole
    shared = (samples, split, orthologs)
    jobs = [
        Job(
            f"Seed {one.seed}",
            _one_seed,
            (one.experiment, one.run.path),
            shared,
            str(one.run.path / EXPERIMENT),
        )
        for one in waiting
    ]
    finish_jobs(jobs, len(seeds), "seeds", workers, reporter, cluster)
    run.join_histories("repeat", {one.seed: one.run.path for one in seeds})
    folder = run.path / "model"
    if not (folder / DESCRIPTION).is_file():
        _join(seeds, folder, orthologs)
    return load(folder)


def _one_seed(
    samples: Samples,
    split: Split,
    orthologs: OrthologSource | None,
    experiment: Experiment,
    folder: Path,
) -> None:
    log = Logged(SILENT, folder / "log.txt")
    fit_part(experiment, samples, split, folder, log, orthologs)


def _join(seeds: Sequence[Repeat], folder: Path, orthologs: OrthologSource | None) -> None:
    """Write the classifiers of all seeds as one."""
    experiment, (samples, split) = seeds[0].experiment, seeds[0].whole
    each = [load(one.run.path) for one in seeds]
    ensemble = join(each)
    averaged = orthologs if averages_orthologs(experiment.augment) else None
    ensemble.calibrate(samples.take(split.rows(VALIDATION)), averaged)
    pairs = zip(seeds, each, strict=True)
    provenance = {
        "experiment": experiment.name,
        "trained": datetime.now(UTC).isoformat(timespec="seconds"),
        "training_samples": len(split.rows(TRAIN)),
        "sources": samples.sources,
        "members": [{"seed": one.seed, "sha256": member.checksum_} for one, member in pairs],
    }
    ensemble.save(folder, provenance)


def score_seeds(
    seeds: Sequence[Repeat],
    baselines: Mapping[str, Predictions],
    nearest: NearestHomolog | None,
) -> Document:
    """Score every seed's classifier on the test part; return what metrics.json says of them.

    Parameters
    ----------
    seeds : sequence of Repeat
    baselines : dict
        See `cistron.pipeline.scores.baselines_of`.
    nearest : NearestHomolog or None

    Returns
    -------
    dict
        `repeats`: the scores of each seed; `spread`: their mean and standard deviation.
    """
    each = []
    for one in seeds:
        classifier = load(one.run.path)
        samples, split = one.whole
        one.run.write_table("baselines.parquet", baseline_table(samples, split, baselines))
        write_genes(one.run, samples, classifier, split.rows(TEST), [])
        metrics = score_fit(one.run, one.experiment, one.whole, classifier, baselines, nearest)
        one.run.write_json(METRICS, metrics)
        each.append({"seed": one.seed, **single_numbers(metrics["test"])})
    return {"repeats": each, "spread": spread_of(each)}
