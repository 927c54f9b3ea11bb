"""Every fold of a cross-validation, as jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cistron.base.jobs.job import Job
from cistron.base.jobs.jobs import finish_jobs
from cistron.base.progress import SILENT, Logged, Reporter
from cistron.experiment.experiment import Experiment
from cistron.experiment.run_folder import EXPERIMENT, Run
from cistron.pipeline.one import fit_fold
from cistron.pipeline.repeats import Repeat
from cistron.samples.samples import Samples
from cistron.splits.split import Split
from cistron.training.augment.orthologs import OrthologSource

if TYPE_CHECKING:
    from cistron.base.jobs.cluster import Cluster


def run_folds(
    repeats: Sequence[Repeat],
    workers: int | None,
    reporter: Reporter,
    orthologs: OrthologSource | None = None,
    cluster: Cluster | None = None,
) -> None:
    """Train the folds of all repeats that are not finished yet, `workers` at a time.

    Each fold has its folder `folds/<k>` in the folder of its repeat, with a log, a checkpoint
    while it trains, and in the end its classifier, predictions and baselines.

    Parameters
    ----------
    repeats : sequence of Repeat
        See `cistron.pipeline.repeats`.
    workers : int, optional
    reporter : Reporter
    orthologs : Orthologs or SamplesOfOneGene, optional
        Of all samples; None where none are asked for.
    cluster : Cluster, optional
        Where they are trained, if not on this machine.

    Raises
    ------
    InputError
        If folds failed through the user's input; the others are finished then.
    """
    every = [(repeat, k) for repeat in repeats for k in range(repeat.split.folds)]
    waiting = [(repeat, k) for repeat, k in every if not _finished(repeat.run, k)]
    if len(waiting) < len(every):
        reporter.say(f"{len(every) - len(waiting)} of {len(every)} folds are finished already.")
    shared = {one: (one.experiment, one.whole, orthologs, one.run) for one in repeats}
    jobs = [
        Job(
            f"Fold {k}" + (f" of the repeat with seed {one.seed}" if len(repeats) > 1 else ""),
            _one_fold,
            (k,),
            shared[one],
            str(one.run.path / EXPERIMENT),
        )
        for one, k in waiting
    ]
    finish_jobs(jobs, len(every), "folds", workers, reporter, cluster)


def _one_fold(
    experiment: Experiment,
    whole: tuple[Samples, Split],
    orthologs: OrthologSource | None,
    run: Run,
    fold: int,
) -> None:
    folder: Path = run.path / "folds" / str(fold)
    folder.mkdir(parents=True, exist_ok=True)
    log = Logged(SILENT, folder / "log.txt")
    fit_fold(experiment, *whole, fold, folder, log, orthologs)


def _finished(run: Run, fold: int) -> bool:
    return (run.path / "folds" / str(fold) / "predictions.parquet").is_file()
