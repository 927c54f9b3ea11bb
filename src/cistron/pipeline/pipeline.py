"""An experiment, from its samples to its report."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, Unpack

import numpy as np
import torch

from cistron.base.device import choose_device
from cistron.base.document import Document
from cistron.base.domains import CELLS, DOMAINS
from cistron.base.errors import InputError
from cistron.base.jobs.cluster import Cluster, join
from cistron.base.progress import Reporter
from cistron.classifier.classifier import Classifier
from cistron.classifier.load import load
from cistron.classifier.predictor import Predictor
from cistron.classifier.second import require_known
from cistron.classifier.start import read_start
from cistron.evaluation.projection import projection_of_folds, projection_table, require
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import METRICS, Run
from cistron.pipeline.check import describe_split, read_samples, require_unconfounded
from cistron.pipeline.fit_scores import score_fit
from cistron.pipeline.folds import run_folds
from cistron.pipeline.leading_features import write_features
from cistron.pipeline.leading_genes import write_genes
from cistron.pipeline.one import train, write_predictions
from cistron.pipeline.repeats import (
    Repeat,
    plan,
    pool_repeats,
    require_poolable,
    start_repeats,
    worst,
)
from cistron.pipeline.running import Running, RunOptions
from cistron.pipeline.scores import (
    baseline_table,
    baselines_of,
    describe_samples,
    pool,
    score_folds,
)
from cistron.pipeline.second_scores import pool_second, score_second_folds
from cistron.pipeline.seeds import plan_seeds, score_seeds, train_seeds
from cistron.pipeline.start import starting_files, with_start
from cistron.report.metadata import write_metadata
from cistron.report.report import write_report
from cistron.samples.samples import Samples
from cistron.splits.audit.audit import (
    audit,
    audit_folds,
    nearest_in_other_folds,
    nearest_training,
)
from cistron.splits.audit.check import verdict_sentence
from cistron.splits.settle import settle
from cistron.splits.split import PARTS, TEST, Split
from cistron.training.augment.augment import averages_orthologs
from cistron.training.augment.orthologs import OrthologSource
from cistron.training.processes.processes import current, require_alone

LIBRARIES = ("cistron", "torch", "numpy", "pandas", "scikit-learn", "scipy")


@dataclass
class Timer:
    """Wall time of every stage, in seconds."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        begin = perf_counter()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0) + perf_counter() - begin, 2)


def fit(
    experiment: Experiment,
    out: str | Path,
    **options: Unpack[RunOptions],
) -> Run:
    """Train on train, stop and calibrate on validation, score test once, and report.

    With `evaluation.repeats` above one a classifier is trained for each of as many seeds, on the
    same split; the run's own is all of them together (see `cistron.pipeline.seeds`).

    Parameters
    ----------
    experiment : Experiment
    out : path
        The run directory.
    **options
        force, resume, allow_confounded, workers, cluster, reporter and command, as `Running` has
        them; workers and cluster train several seeds at the same time.

    Raises
    ------
    InputError
        Whatever is wrong with the input.
    """
    running, repeated = Running(**options), experiment.evaluation.repeats > 1
    if running.several:
        _require_seeds(repeated)
    require(experiment.evaluation.projection)
    how: Document = {name: getattr(running, name) for name in ("force", "resume", "inputs")}
    run = Run.claim(out, experiment, **how)
    reporter = running.reporter
    if running.resume and run.finished:
        reporter.say(f"{run.path} is finished already.")
        return run
    timer = Timer()
    read_start(experiment.training.start_from)  # refused before anything is read
    joined = join(running.cluster, run.path, experiment.training.device, reporter)
    with timer.stage("read"):
        samples, orthologs = read_samples(experiment)
    confounded = require_unconfounded(samples, running.allow_confounded, reporter)
    with timer.stage("split"):
        split = experiment.split.split(samples, reporter.say)
        samples, split = settle(samples, split)
    if not len(split.rows(TEST)):
        raise InputError("split.test: nothing is held out, so there is nothing to score.")
    require_known(samples, split, range(len(PARTS)))
    sources = {**samples.sources, **starting_files(experiment)}
    with run.started(experiment, sources, reporter, **how) as logged:
        running = replace(running, reporter=logged)
        data = (samples, split, orthologs)
        metrics, known = _fit(experiment, running, run, data, timer, joined)
        _finish(run, experiment, metrics, timer, samples, {**known, **confounded})
    return run


def _fit(
    experiment: Experiment,
    running: Running,
    run: Run,
    data: tuple[Samples, Split, OrthologSource | None],
    timer: Timer,
    joined: Cluster | None,
) -> tuple[Document, Document]:
    """Audit, train and score; return metrics.json, and what environment.json says of it."""
    (samples, split, orthologs), reporter = data, running.reporter
    with timer.stage("audit"):
        nearest = _audit(experiment, samples, split, run, reporter)
    repeated = experiment.evaluation.repeats > 1
    seeds = plan_seeds(experiment, samples, split, run, run.audit) if repeated else []
    with timer.stage("train"):
        if seeds:
            classifier = train_seeds(seeds, run, running.workers, reporter, orthologs, joined)
        else:
            classifier = train(experiment, samples, split, run.path, reporter, orthologs)
    with timer.stage("evaluate"):
        averaged = orthologs if averages_orthologs(experiment.augment) else None
        write_predictions(run, experiment, classifier, (samples, split), averaged)
        baselines = baselines_of(experiment, samples, split, nearest)
        run.write_table("baselines.parquet", baseline_table(samples, split, baselines))
        write_genes(run, samples, classifier, split.rows(TEST), [])
        metrics = score_fit(run, experiment, (samples, split), classifier, baselines, nearest)
        if seeds:
            metrics |= score_seeds(seeds, baselines, nearest)
        elif isinstance(classifier, Classifier):
            write_features(run, experiment, classifier, samples, split)
    method = experiment.evaluation.projection
    if method != "none":
        with timer.stage("projection"):
            seed = experiment.training.seed
            points = projection_table(classifier.encoder_, samples, split, method, seed)
            run.write_table("projection.parquet", points)
    return metrics, _known(experiment, running, classifier, joined, seeds)


def crossval(
    experiment: Experiment,
    out: str | Path,
    **options: Unpack[RunOptions],
) -> Run:
    """Train and score every fold; pool the held-out predictions, and report.

    With `evaluation.repeats` above one all of it is repeated with the next seeds.

    Parameters
    ----------
    experiment, out
        As in `fit`.
    **options
        As in `fit`; workers and cluster train several folds at the same time.
    """
    running = Running(**options)
    if running.several:
        require_alone("A cross-validation with --workers")
    require_poolable(experiment)
    if DOMAINS[experiment.samples.content] is CELLS:
        require(experiment.evaluation.projection)
    how: Document = {name: getattr(running, name) for name in ("force", "resume", "inputs")}
    run = Run.claim(out, experiment, **how)
    reporter = running.reporter
    if running.resume and run.finished:
        reporter.say(f"{run.path} is finished already.")
        return run
    timer = Timer()
    read_start(experiment.training.start_from)  # refused before anything is read
    joined = join(running.cluster, run.path, experiment.training.device, reporter)
    with timer.stage("read"):
        samples, orthologs = read_samples(experiment)
    confounded = require_unconfounded(samples, running.allow_confounded, reporter)
    with timer.stage("split"):
        repeats = plan(experiment, samples, run, reporter.say)
    folds = repeats[0].split.folds
    if folds < 2:
        raise InputError(
            "split: cross-validation needs folds, and this split has none (a predefined split "
            "has them when its column holds fold numbers)."
        )
    sources = {**samples.sources, **starting_files(experiment)}
    with run.started(experiment, sources, reporter, **how) as logged:
        running = replace(running, reporter=logged)
        metrics, known = _crossval(experiment, running, run, repeats, orthologs, timer, joined)
        samples = repeats[0].samples
        _finish(run, experiment, metrics, timer, samples, {**known, **confounded})
    return run


def _crossval(
    experiment: Experiment,
    running: Running,
    run: Run,
    repeats: Sequence[Repeat],
    orthologs: OrthologSource | None,
    timer: Timer,
    joined: Cluster | None,
) -> tuple[Document, Document]:
    """Audit, train and score folds; return metrics.json, and what environment.json says of it."""
    reporter, samples = running.reporter, repeats[0].samples
    if len(repeats) > 1:
        start_repeats(repeats)
    found = _audit_repeats(repeats, run, timer, reporter)
    folds = repeats[0].split.folds
    reporter.say(f"{len(samples):,} samples in {folds} folds; audit: {verdict_sentence(found)}.")
    with timer.stage("train"):
        run_folds(repeats, running.workers, reporter, orthologs, joined)
    with timer.stage("evaluate"):
        if len(repeats) > 1:
            metrics = pool_repeats(experiment, repeats, run)
        else:
            metrics = pool(experiment, samples, repeats[0].whole, run)
        if samples.second is not None:
            metrics["second"] = pool_second(experiment, samples, repeats[0].split, run)
        one = load(repeats[0].run.path / "folds" / "0" / "model")
        _write_genes_of_folds(run, repeats, one)
    method = experiment.evaluation.projection
    if method != "none" and DOMAINS[experiment.samples.content] is CELLS:
        with timer.stage("projection"):
            seed = experiment.training.seed
            points = projection_of_folds(experiment.encoder, samples, method, seed)
            run.write_table("projection.parquet", points)
    return metrics, _known(experiment, running, one, joined, repeats if len(repeats) > 1 else [])


def _write_genes_of_folds(run: Run, repeats: Sequence[Repeat], classifier: Predictor) -> None:
    """Write the genes of every repeat, and of all of them together."""
    folders = [
        [Run(repeat.run.path / "folds" / str(k)) for k in range(repeat.split.folds)]
        for repeat in repeats
    ]
    samples = repeats[0].samples
    for repeat, own in zip(repeats, folders, strict=True):
        write_genes(repeat.run, repeat.samples, classifier, np.arange(len(repeat.samples)), own)
    if len(repeats) > 1:
        every = [folder for own in folders for folder in own]
        write_genes(run, samples, classifier, np.arange(len(samples)), every)


def _audit_repeats(
    repeats: Sequence[Repeat], run: Run, timer: Timer, reporter: Reporter
) -> dict[str, Any]:
    """Audit the folds of every repeat and score its baselines; return the worst audit."""
    audits = []
    for repeat in repeats:
        samples, split, nearest = repeat.samples, repeat.split, None
        with timer.stage("audit"):
            if repeat.experiment.evaluation.homology_search:
                # One search serves the audit and the baselines of all folds.
                nearest = nearest_in_other_folds(samples, split, progress=reporter.say)
            found = audit_folds(samples, split, homology=nearest is not None, nearest=nearest)
            found = with_start(found, repeat.experiment, samples, split.tested, reporter)
            found = {**found, "split": describe_split(repeat.experiment, split)}
            repeat.run.write_json("audit.json", found)
            repeat.run.write_table("samples.parquet", describe_samples(samples, split, folds=True))
        with timer.stage("baselines"):
            scored = (repeat.experiment, samples, repeat.whole, repeat.run, nearest)
            score_folds(*scored)
            if samples.second is not None:
                score_second_folds(*scored)
        audits.append(found)
    if len(repeats) == 1:
        return audits[0]
    found = worst(audits, [repeat.seed for repeat in repeats])
    run.write_json("audit.json", found)
    return found


def _require_seeds(repeated: bool) -> None:
    """Refuse to train several seeds at the same time where there is one."""
    require_alone("A fit with --workers or --cluster")
    if not repeated:
        raise InputError(
            "--workers and --cluster train several seeds at the same time, and there is one. "
            "Say --seeds as well; for one training on many devices see `accelerate launch`."
        )


def _audit(
    experiment: Experiment, samples: Samples, split: Split, run: Run, reporter: Reporter
) -> Any:
    """Write the audit and the samples; return the nearest training samples, where searched."""
    nearest = None
    if experiment.evaluation.homology_search:
        nearest = nearest_training(samples, split, progress=reporter.say)
    found = audit(samples, split, homology=nearest is not None, nearest=nearest)
    found = with_start(found, experiment, samples, split.rows(TEST), reporter)
    run.write_json("audit.json", {**found, "split": describe_split(experiment, split)})
    run.write_table("samples.parquet", describe_samples(samples, split))
    reporter.say(f"{len(samples):,} samples; audit: {verdict_sentence(found)}.")
    return nearest


def _known(
    experiment: Experiment,
    running: Running,
    classifier: Predictor,
    cluster: Any,
    repeats: Sequence[Repeat],
) -> dict[str, Any]:
    """Return what environment.json says of a training beside what is true of every run."""
    known: dict[str, Any] = {"command": running.command, "parameters": classifier.parameters}
    if cluster is not None:
        known["device"] = f"{experiment.training.device} of a cluster"
    if repeats:
        known["seeds"] = [one.seed for one in repeats]
    if classifier.members[0].started_ is not None:
        known["start_from"] = classifier.members[0].started_
    return known


def _finish(
    run: Run,
    experiment: Experiment,
    metrics: dict[str, Any],
    timer: Timer,
    samples: Samples,
    more: dict[str, Any],
) -> None:
    """Write what closes a run: environment, metrics, report."""
    run.write_json(
        "environment.json",
        {
            **{name: version(name) for name in LIBRARIES},
            "python": platform.python_version(),
            "platform": platform.platform(),
            "device": more.get("device") or str(choose_device(experiment.training.device)),
            "threads": torch.get_num_threads(),
            "processes": current().count if current().trainings else 1,
            "seed": experiment.training.seed,
            "started": timer.started,
            "seconds": timer.seconds,
            "sources": samples.sources,
            "notes": list(samples.notes),
            **more,
        },
    )
    run.write_json(METRICS, metrics)
    write_metadata(run.path)
    write_report(run.path)
