"""Every fold of a cross-validation, as jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cistron.progress import SILENT, Logged, Reporter
from cistron.run import EXPERIMENT, Run
from cistron.samples import Samples
from cistron.splits import Split
from cistron.training.jobs import Job, require_all, run_jobs


def run_folds(
    repeats: Sequence[Any], workers: int, reporter: Reporter, orthologs: Any = None
) -> None:
    """Train the folds of all repeats that are not finished yet, `workers` at a time.

    Each fold has its folder `folds/<k>` in the folder of its repeat, with a log, a checkpoint
    while it trains, and in the end its classifier, predictions and baselines.

    Parameters
    ----------
    repeats : sequence of Repeat
        See `cistron.repeats`.
    workers : int
    reporter : Reporter
    orthologs : Orthologs or SamplesOfOneGene, optional
        Of all samples; None where none are asked for.

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
    failed = []
    with reporter.bar(len(jobs), "folds") as advance:
        for ended in run_jobs(jobs, workers, reporter):
            advance(1)
            if ended.error is not None:
                failed.append(ended)
            reporter.say(f"{ended.job.name} {'failed' if ended.error else 'is finished'}.")
    require_all(failed, len(every), "folds")


def _one_fold(
    experiment: Any, whole: tuple[Samples, Split], orthologs: Any, run: Run, fold: int
) -> None:
    from cistron.pipeline import fit_fold

    folder: Path = run.path / "folds" / str(fold)
    folder.mkdir(parents=True, exist_ok=True)
    log = Logged(SILENT, folder / "log.txt")
    fit_fold(experiment, *whole, fold, folder, log, orthologs)


def _finished(run: Run, fold: int) -> bool:
    return (run.path / "folds" / str(fold) / "predictions.parquet").is_file()
